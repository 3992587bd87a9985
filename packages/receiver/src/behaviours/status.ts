import { type Behaviour, misuse, wholeNumber } from './behaviour.ts';

/** `/status/429?retry-after=7`: that status at once, with that `retry-after` (seconds or a date, as given). */
export const status: Behaviour = ({ segments, query }) => {
  const code = wholeNumber(segments[0], 200, 599);
  if (code === undefined) return misuse('say /status/<200 to 599>');
  const retryAfter = query.get('retry-after');
  return {
    status: code,
    body: `${code}\n`,
    ...(retryAfter !== null && { headers: { 'retry-after': retryAfter } }),
  };
};
