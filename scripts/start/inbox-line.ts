import { styleText } from 'node:util';
import { printable, type ReceivedRequest } from '../../packages/receiver/src/index.ts';

/** Characters of a body that a line shows. */
const SHOWN = 80;

/** What `npm start` prints of a request that came into the inbox. */
export function inboxLine(request: Pick<ReceivedRequest, 'verified' | 'webhookId' | 'body'>): string {
  const verdict = request.verified ? styleText('green', 'verified') : styleText('yellow', 'not verified');
  const id = printable(request.webhookId ?? 'no webhook-id');
  return `  ← ${id}  ${verdict}  ${printable(request.body.slice(0, SHOWN))}\n`;
}
