import { BROKER_ERRORS, ENDINGS, FAULTS } from '../../core/attempt-error.ts';
import { EGRESS_ERRORS } from '../../egress/error-code.ts';

/** Why an attempt failed, for the OpenAPI document; docs/retries.md has the same as a table. */
export const ATTEMPT_ERROR_DESCRIPTION = listed('Stable: branch on this.', {
  'http_<status>': 'the endpoint answered, with another status than 2xx',
  ...Object.fromEntries(Object.entries(EGRESS_ERRORS).map(([code, { means }]) => [code, means])),
  ...FAULTS,
  ...BROKER_ERRORS,
});

/** The same for a delivery. */
export const DELIVERY_ERROR_DESCRIPTION = listed(
  'The error code of the last attempt, null after a success; or why it ended untried:',
  ENDINGS,
);

function listed(head: string, codes: Readonly<Record<string, string>>): string {
  const lines = Object.entries(codes).map(([code, means]) => `- \`${code}\`: ${means}`);
  return `${head}\n\n${lines.join('\n')}`;
}
