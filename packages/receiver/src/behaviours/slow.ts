import { type Behaviour, misuse, OK, wholeNumber } from './behaviour.ts';

const TEN_MINUTES_MS = 600_000;

/** `/slow/250`: 200 after so many milliseconds. */
export const slow: Behaviour = ({ segments }) => {
  const delayMs = wholeNumber(segments[0], 0, TEN_MINUTES_MS);
  if (delayMs === undefined) return misuse('say /slow/<milliseconds, at most 600000>');
  return { ...OK, delayMs };
};
