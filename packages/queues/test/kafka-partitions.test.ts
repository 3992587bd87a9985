import type { RecordsBatch } from '@platformatic/kafka';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KafkaPartitions } from '../src/adapters/kafka-partitions.ts';
import { KafkaProgress } from '../src/adapters/kafka-progress.ts';

/** Records at these offsets, and how far the batch reaches. */
function batch(offsets: readonly number[], end = (offsets.at(-1) ?? 0) + 1, attributes = 0): RecordsBatch {
  const first = offsets[0] ?? end - 1;
  const records = offsets.map((offset) => ({
    length: 0,
    attributes: 0,
    timestampDelta: 0n,
    offsetDelta: offset - first,
    key: null,
    value: Buffer.from(`${offset}`),
    headers: [],
  }));
  return {
    firstOffset: BigInt(first),
    length: 0,
    partitionLeaderEpoch: 0,
    magic: 2,
    crc: 0,
    attributes,
    lastOffsetDelta: end - 1 - first,
    firstTimestamp: 0n,
    maxTimestamp: 0n,
    producerId: -1n,
    producerEpoch: -1,
    firstSequence: -1,
    records,
  };
}

describe('the partitions of a Kafka receiver', () => {
  const made = (start = 0, maxAhead = 100) => {
    const partitions = new KafkaPartitions(maxAhead);
    partitions.assign(new Map([[0, { start, committed: start }]]));
    return partitions;
  };
  const offsets = (messages: readonly { offset: number }[]) => messages.map(({ offset }) => offset);

  test('are done up to the lowest message that is not', () => {
    const partitions = made();
    partitions.fetched(0, 0, [batch([0, 1, 2, 3])]);
    const [a, b, c] = partitions.take(3);
    if (!a || !b || !c) throw new Error('not taken');
    partitions.done([b]);
    expect(partitions.committable().size).toBe(0);
    partitions.done([a]);
    expect(partitions.committable()).toEqual(new Map([[0, 2]]));
    partitions.committed(new Map([[0, 2]]));
    partitions.done([c]);
    // The fourth has come, and is not taken.
    expect(partitions.committable()).toEqual(new Map([[0, 3]]));
  });

  test('are read on past gaps and marks of transactions', () => {
    const partitions = made();
    partitions.fetched(0, 0, [batch([1, 4], 6), batch([6], 7, 0b10_0000)]);
    expect(partitions.positions().size).toBe(0);
    expect(offsets(partitions.take(10))).toEqual([1, 4]);
    expect(partitions.positions()).toEqual(new Map([[0, 7]]));
  });

  test('give nothing from below where they were asked for, though a batch is sent whole', () => {
    const partitions = made(2);
    partitions.fetched(0, 2, [batch([0, 1, 2, 3])]);
    expect(offsets(partitions.take(10))).toEqual([2, 3]);
  });

  test('take nothing that was asked for before they were shared out anew', () => {
    const partitions = made(5);
    partitions.fetched(0, 5, [batch([5, 6])]);
    partitions.assign(new Map());
    partitions.assign(new Map([[0, { start: 3, committed: 3 }]]));
    partitions.fetched(0, 7, [batch([7])]);
    expect(partitions.take(10)).toEqual([]);
    expect(partitions.positions()).toEqual(new Map([[0, 3]]));
  });

  test('forget what others have done, and what is others’ now', () => {
    const partitions = made();
    partitions.fetched(0, 0, [batch([0, 1, 2])]);
    const taken = partitions.take(3);
    const isGone = partitions.assign(new Map([[0, { start: 2, committed: 2 }]]));
    expect(offsets(taken.filter(isGone))).toEqual([0, 1]);
    expect(partitions.committable().size).toBe(0);
    expect(taken.filter(partitions.assign(new Map()))).toHaveLength(3);
  });

  test('begin again where what was next is gone, or the topic is another of the same name', () => {
    const partitions = made();
    partitions.fetched(0, 0, [batch([0, 1])]);
    const taken = partitions.take(2);
    expect(offsets(taken.filter(partitions.restart(0, { first: 10, end: 20 })))).toEqual([0, 1]);
    expect(partitions.positions()).toEqual(new Map([[0, 10]]));
    partitions.restart(0, { first: 0, end: 3 });
    expect(partitions.positions()).toEqual(new Map([[0, 0]]));
  });

  test('are not read while too much is ahead of what is not done', () => {
    const partitions = made(0, 2);
    partitions.fetched(0, 0, [batch([0, 1])]);
    const [first] = partitions.take(2);
    expect(partitions.positions().size).toBe(0);
    if (first) partitions.done([first]);
    expect(partitions.positions()).toEqual(new Map([[0, 2]]));
  });
});

test('whatever is read, done and given back: each record is read until it is done, and none below is left out', () => {
  const step = fc.record({ act: fc.constantFrom('read', 'done', 'giveBack'), pick: fc.nat(1_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.uniqueArray(fc.nat(30)), (steps, gaps) => {
      const progress = new KafkaProgress(0, 0);
      const [open, done] = [new Set<number>(), new Set<number>()];
      const isRecord = (offset: number) => !gaps.includes(offset);
      for (const { act, pick } of steps) {
        const from = progress.position;
        const end = from + 1 + (pick % 5);
        const chosen = [...open][pick % Math.max(1, open.size)];
        if (act === 'read') {
          for (let offset = from; offset < end; offset++) {
            if (!isRecord(offset) || !progress.read(offset)) continue;
            expect(open.has(offset) || done.has(offset)).toBe(false);
            open.add(offset);
          }
          progress.passed(from, end);
        } else if (chosen !== undefined) {
          open.delete(chosen);
          if (act === 'done') {
            done.add(chosen);
            progress.done(chosen);
          } else progress.giveBack([chosen]);
        }
        const below = Array.from({ length: progress.committable }, (_, offset) => offset).filter(isRecord);
        expect(below.filter((offset) => !done.has(offset))).toEqual([]);
      }
    }),
  );
});
