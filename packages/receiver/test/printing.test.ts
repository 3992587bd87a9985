import { expect, it } from 'vitest';
import { inboxLine } from '../../../scripts/start/inbox-line.ts';
import { post } from './client.ts';
import { running } from './running.ts';

/** Clears the screen; sets the title; begins a line; the same in one byte. */
const SEQUENCES = ['\x1b[2J', '\x1b]0;title\x07', '\r\n', '\u009b2J'];

it.each(SEQUENCES)('%j in what is received does not reach the terminal of `npm start`', async (sequence) => {
  const lines: string[] = [];
  const { url } = await running({ onRequest: (request) => lines.push(inboxLine(request)) });
  await post(`${url}/ok`, { body: `before${sequence}after`, headers: { 'webhook-id': 'msg_\u009b2J' } });
  const [line = ''] = lines;
  expect(line).toMatch(/^ {2}← msg_\?+2J .* before\?[^\n]*after\n$/);
  expect(line).not.toContain(sequence);
  expect(line).not.toContain('\u009b');
});
