import { PROBLEMS, type ProblemCode } from '../../apps/server/src/errors.ts';
import { ADVICE } from './advice.ts';

const HEAD = `# Errors

<!-- Made by \`npm run docs\` of apps/server/src/errors.ts and scripts/docs/advice.ts: change those. -->

Every refusal is a problem by [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457), \`content-type: application/problem+json\`:

\`\`\`json
{
  "type": "urn:postrider:problem:validation_failed",
  "title": "A field is not as it must be",
  "status": 422,
  "detail": "/event_type: is required",
  "code": "validation_failed",
  "request_id": "req_m1Zr8Jd0Zk3cQx2v",
  "errors": [{ "path": "/event_type", "message": "is required" }]
}
\`\`\`

- Branch on \`code\`: it is stable. \`title\` and \`detail\` are for people and may change.
- \`errors\` is there where fields are wrong. \`path\` is a JSON pointer into the body, or the name of a parameter or header.
- \`request_id\` is also the header \`x-request-id\` of every answer. It leads to our log.
- A call that was refused with 4xx has changed nothing. After a 5xx, or no answer at all, nobody knows: repeat the call with
  the same [idempotency key](idempotency.md), and it is done once.
- 401 comes with \`www-authenticate\`; 429 and 503 come with \`retry-after\`, in seconds.

| status | code | means | what to do |
| ------ | ---- | ----- | ---------- |
`;

/** docs/errors.md, in the order of the catalogue. */
export function errorsPage(): string {
  const rows = (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => {
    const { status, title } = PROBLEMS[code];
    return `| ${status} | \`${code}\` | ${title} | ${ADVICE[code]} |\n`;
  });
  return HEAD + rows.join('');
}
