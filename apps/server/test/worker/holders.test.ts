import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newId } from '../../src/core/ids.ts';
import { Holders } from '../../src/delivery/holders.ts';

const SOME = Array.from({ length: 4 }, () => newId());
const weight = fc.integer({ min: 1, max: 8 });

test.each([
  { weight: 1, holders: 1, left: 256 },
  { weight: 1, holders: 3, left: 128 },
  { weight: 7, holders: 1, left: 64 },
  { weight: 7, holders: 3, left: 23 },
])('$holders that take all they can get, at a weight of $weight, leave $left of 512', ({ weight, holders, left }) => {
  const shares = new Holders(weight);
  let free = 512;
  const greedy = SOME.slice(0, holders);
  while (greedy.some((each) => shares.hasRoom(each, free))) {
    for (const each of greedy.filter((one) => shares.hasRoom(one, free))) {
      shares.add(each);
      free--;
    }
  }
  expect(free).toBe(left);
  expect(new Set(shares.full(free))).toEqual(new Set(greedy));
});

test('who holds nothing may take any place that is free', () => {
  fc.assert(
    fc.property(weight, fc.integer({ min: 0, max: 50 }), (by, free) => {
      expect(new Holders(by).hasRoom(newId(), free)).toBe(free > 0);
    }),
  );
});

test('what room is told of can be taken, one after the other, and nothing more', () => {
  const [mine = newId()] = SOME;
  fc.assert(
    fc.property(weight, fc.integer({ min: 0, max: 100 }), fc.nat({ max: 100 }), (by, places, held) => {
      const shares = new Holders(by);
      for (let n = 0; n < held; n++) shares.add(mine);
      const room = shares.roomFor(mine, places);
      let taken = 0;
      while (shares.hasRoom(mine, places - taken)) {
        expect(shares.roomFor(mine, places - taken)).toBe(room - taken);
        shares.add(mine);
        taken++;
      }
      expect(taken).toBe(room);
    }),
  );
});

test('once everything is given back nobody is remembered', () => {
  fc.assert(
    fc.property(weight, fc.array(fc.constantFrom(...SOME)), (by, taken) => {
      const shares = new Holders(by);
      for (const each of taken) shares.add(each);
      expect(shares.count).toBe(new Set(taken).size);
      for (const each of taken.toReversed()) shares.remove(each);
      expect([shares.count, shares.full(0)]).toEqual([0, []]);
    }),
  );
});
