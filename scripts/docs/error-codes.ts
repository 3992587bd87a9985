import { ENDINGS, FAULTS } from '../../apps/server/src/core/attempt-error.ts';
import { EGRESS_ERRORS, type ErrorMeaning } from '../../apps/server/src/egress/error-code.ts';

/** A table of docs/retries.md: under the line that names it, up to the next empty one. */
const TABLE = /(<!-- (error codes|endings), made by `npm run docs` .* -->\n\n)[\s\S]*?\n(?=\n)/g;

/** The page with its tables as they must be now. */
export function withErrorCodes(page: string): string {
  return page.replaceAll(TABLE, (_, head: string, which: string) => {
    return head + (which === 'endings' ? endings() : errorCodes());
  });
}

function errorCodes(): string {
  const codes: Readonly<Record<string, ErrorMeaning>> = {
    'http_<status>': { means: 'the endpoint answered, with another status than 2xx', mayHaveArrived: true },
    ...EGRESS_ERRORS,
    secret_unreadable: { means: FAULTS.secret_unreadable, mayHaveArrived: false },
    internal_error: { means: FAULTS.internal_error, mayHaveArrived: true },
  };
  const rows = Object.entries(codes).map(
    ([code, { means, mayHaveArrived }]) => `| \`${code}\` | ${means} | ${mayHaveArrived ? 'yes' : 'no'} |\n`,
  );
  return `| code | what happened | may have arrived |\n| ---- | ------------- | ---------------- |\n${rows.join('')}`;
}

function endings(): string {
  const rows = Object.entries(ENDINGS).map(([code, means]) => `| \`${code}\` | ${means} |\n`);
  return `| \`last_error\` | what happened |\n| ------------ | ------------- |\n${rows.join('')}`;
}
