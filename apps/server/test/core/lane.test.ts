import { expect, test } from 'vitest';
import { afterTaking, grant, type Lane } from '../../src/core/lane.ts';

const open: Lane = {
  circuit: 'closed',
  probeMs: 40_000,
  rateLimit: null,
  maxInFlight: null,
  isFifo: false,
  inFlight: 0,
  tokens: 0,
  tokensAt: null,
  resumedAt: null,
};

test('a lane without limits gets all there is room for', () => {
  expect(grant(open, 0, 64)).toMatchObject({ count: 64, holdMs: 0, heldBy: null, isProbe: false });
});

test.each(['open', 'half_open'] as const)(
  'of a circuit that is %s one probe is let through, and nothing until it is over',
  (circuit) => {
    expect(grant({ ...open, circuit }, 0, 64)).toMatchObject({
      count: 1,
      isProbe: true,
      holdMs: 40_000,
      heldBy: 'circuit_open',
    });
  },
);

test.each([
  [0, 3],
  [2, 1],
  [3, 0],
  [9, 0],
])('with %i of 3 places taken it gets %i', (inFlight, count) => {
  expect(grant({ ...open, maxInFlight: 3, inFlight }, 0, 64).count).toBe(count);
});

test('a fifo lane gets one at a time', () => {
  expect(grant({ ...open, isFifo: true }, 0, 64).count).toBe(1);
  expect(grant({ ...open, isFifo: true, inFlight: 1 }, 0, 64).count).toBe(0);
});

test('a rate limit lets a second’s worth through at once, then says when the next may go', () => {
  const first = grant({ ...open, rateLimit: 5 }, 0, 64);
  expect(first).toMatchObject({ count: 5, tokens: 0, holdMs: 200, heldBy: 'rate_limit' });
  const later = grant({ ...open, rateLimit: 5, tokens: first.tokens, tokensAt: 0 }, 400, 64);
  expect(later).toMatchObject({ count: 2, holdMs: 200, heldBy: 'rate_limit' });
});

test('what was granted and not taken is not spent, and nothing waits for it', () => {
  const granted = grant({ ...open, rateLimit: 5 }, 0, 64);
  expect(afterTaking(granted, 5)).toBe(granted);
  expect(afterTaking(granted, 2)).toMatchObject({ tokens: 3, holdMs: 0, heldBy: null });
  const unlimited = grant(open, 0, 64);
  expect(afterTaking(unlimited, 2)).toBe(unlimited);
});

test('a probe for which nothing was due is not out: whatever comes next is the probe', () => {
  const granted = grant({ ...open, circuit: 'open', maxInFlight: 2 }, 0, 64);
  expect(afterTaking(granted, 1)).toBe(granted);
  expect(afterTaking(granted, 0)).toMatchObject({ holdMs: 0, heldBy: null });
});

test('a probe waits for a place like any other', () => {
  expect(grant({ ...open, circuit: 'open', maxInFlight: 2, inFlight: 2 }, 0, 64)).toMatchObject({
    count: 0,
    holdMs: 0,
  });
});

test('over any stretch of time no more goes than the rate and one burst', () => {
  for (const rate of [0.5, 3, 40]) {
    let lane: Lane = { ...open, rateLimit: rate };
    let sent = 0;
    const seconds = 20;
    for (let now = 0; now <= seconds * 1000; now += 7) {
      const granted = grant(lane, now, 64);
      sent += granted.count;
      lane = { ...lane, tokens: granted.tokens, tokensAt: now };
    }
    expect(sent).toBeLessThanOrEqual(Math.ceil(rate * seconds + Math.max(1, rate)));
    expect(sent).toBeGreaterThanOrEqual(Math.floor(rate * seconds) - 1);
  }
});

test('what piled up during a hold is let out slowly, twice as fast each second, and freely in the end', () => {
  let lane: Lane = { ...open, resumedAt: 0, tokens: 1, tokensAt: 0 };
  const sent = [0, 0, 0, 0];
  for (let now = 0; now < 4_000; now += 10) {
    const granted = grant(lane, now, 64);
    const second = Math.floor(now / 1000);
    sent[second] = (sent[second] ?? 0) + granted.count;
    lane = { ...lane, tokens: granted.tokens, tokensAt: now };
  }
  expect(sent[0]).toBeLessThanOrEqual(11);
  expect(sent[1]).toBeGreaterThan(sent[0] ?? 0);
  expect(sent[3]).toBeLessThanOrEqual(81);
  expect(grant(lane, 8_000, 64)).toMatchObject({ count: 64, holdMs: 0 });
});
