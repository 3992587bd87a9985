import { BoundedMap } from '../bounded-map.ts';
import { type Behaviour, misuse, OK, wholeNumber } from './behaviour.ts';

/** mulberry32: 32 bits of state and an even spread are enough to fail every third request, and a seed repeats it. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function share(text: string | null): number | undefined {
  if (text === null) return 0;
  const value = Number(text);
  return text !== '' && value >= 0 && value <= 1 ? value : undefined;
}

/**
 * `/flaky?fail=0.33&hang=0.02&seed=1`: that share of 500s, that share never answered, else 200. Each URL draws from its
 * own sequence, so another endpoint's traffic does not change the outcome of the n-th request here.
 */
export function flaky(): Behaviour {
  const sequences = new BoundedMap<() => number>();
  return ({ path, query }) => {
    const fail = share(query.get('fail'));
    const hang = share(query.get('hang'));
    const seed = wholeNumber(query.get('seed') ?? '1', 0, 0xffffffff);
    if (fail === undefined || hang === undefined || seed === undefined || fail + hang > 1) {
      return misuse('say /flaky?fail=<0 to 1>&hang=<0 to 1>&seed=<whole number>, the two shares at most 1 together');
    }
    const url = `${path}?${query}`;
    const random = sequences.get(url) ?? seededRandom(seed);
    sequences.set(url, random);
    const drawn = random();
    if (drawn < hang) return 'silence';
    return drawn < hang + fail ? { status: 500, body: 'flaky\n' } : OK;
  };
}
