import { type Behaviour, misuse, wholeNumber } from './behaviour.ts';

const SIXTEEN_MB = 16 * 1024 * 1024;

/** `/body/8192`: 200 with an honest answer of so many bytes. */
export const body: Behaviour = ({ segments }) => {
  const bytes = wholeNumber(segments[0], 0, SIXTEEN_MB);
  if (bytes === undefined) return misuse('say /body/<bytes, at most 16777216>');
  return { status: 200, body: '0123456789abcdef'.repeat(Math.ceil(bytes / 16)).slice(0, bytes) };
};
