import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newId } from '../../src/core/ids.ts';
import { Slots } from '../../src/delivery/slots.ts';

const [a, b, c] = [newId(), newId(), newId()];

test('one endpoint alone gets half of the places, and leaves the other half', () => {
  const slots = new Slots(100);
  let taken = 0;
  while (slots.take(a)) taken++;
  expect([taken, slots.free]).toEqual([50, 50]);
  expect(slots.take(b)).toBe(true);
});

test('whatever comes and goes, an endpoint that has no place can take one, and no more are taken than there are', () => {
  const step = fc.record({ endpoint: fc.constantFrom(a, b, c), take: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 100 }), (capacity, steps) => {
      const slots = new Slots(capacity);
      const held = new Map([a, b, c].map((each) => [each, 0]));
      for (const { endpoint, take } of steps) {
        const mine = held.get(endpoint) ?? 0;
        const free = capacity - [...held.values()].reduce((sum, n) => sum + n, 0);
        expect(slots.saturated().includes(endpoint)).toBe(mine > 0 && mine >= free);
        if (take) {
          const got = slots.take(endpoint);
          expect(got).toBe(mine < free);
          if (got) held.set(endpoint, mine + 1);
        } else if (mine > 0) {
          slots.giveBack(endpoint);
          held.set(endpoint, mine - 1);
        }
        expect(slots.taken + slots.free).toBe(capacity);
        expect(slots.taken).toBe([...held.values()].reduce((sum, n) => sum + n, 0));
      }
    }),
  );
});
