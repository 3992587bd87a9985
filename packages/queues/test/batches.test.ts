import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batches } from '../src/batches.ts';

const sized = (...bytes: number[]) => bytes.map((each) => ({ bytes: each }));

describe('messages for a broker', () => {
  test('go all and in order, no batch over a limit, and none that could have had the next as well', () => {
    const limits = fc.record({ messages: fc.integer({ min: 1, max: 5 }), bytes: fc.nat(100), overhead: fc.nat(50) });
    fc.assert(
      fc.property(fc.array(fc.record({ bytes: fc.nat(150) })), limits, (all, limit) => {
        const made = [...batches(all, limit)];
        expect(made.flat()).toEqual(all);
        const size = (batch: typeof all) => limit.overhead + batch.reduce((sum, { bytes }) => sum + bytes, 0);
        made.forEach((batch, at) => {
          expect(batch.length === 1 || (batch.length <= limit.messages && size([...batch]) <= limit.bytes)).toBe(true);
          const next = made[at + 1]?.[0];
          if (next) expect(batch.length === limit.messages || size([...batch, next]) > limit.bytes).toBe(true);
        });
      }),
    );
  });

  test('go alone where one is over the limit by itself', () => {
    expect([...batches(sized(1, 9, 1, 1), { messages: 10, bytes: 5 })]).toEqual([sized(1), sized(9), sized(1, 1)]);
  });
});
