import type { KafkaRecord, RecordsBatch } from '@platformatic/kafka';
import { fromKafka, type KafkaMessage } from './kafka-message.ts';
import { KafkaProgress } from './kafka-progress.ts';

/** What an answer brought of one partition, and how much of it has been taken. */
interface Fetched {
  readonly partition: number;
  readonly progress: KafkaProgress;
  readonly from: number;
  readonly end: number;
  readonly records: readonly { readonly offset: number; readonly record: KafkaRecord }[];
  at: number;
}

/** A batch that only says how a transaction ended. */
const IS_CONTROL = 0b10_0000;

/** The partitions that are this receiver's: what has come of each and was not taken, and how far each is done. */
export class KafkaPartitions {
  readonly #progress = new Map<number, KafkaProgress>();
  readonly #fetched: Fetched[] = [];
  readonly #maxAhead: number;

  /** @param maxAhead a partition is read no further past what is not done. */
  constructor(maxAhead: number) {
    this.#maxAhead = maxAhead;
  }

  /**
   * The group has shared out its partitions. One that stayed goes on where it was, unless others had it meanwhile.
   *
   * @returns whether a message is another's now, or done by one.
   */
  assign(partitions: ReadonlyMap<number, { readonly start: number; readonly committed: number | null }>) {
    const gone = new Set<string>();
    for (const partition of this.#progress.keys()) if (!partitions.has(partition)) this.#progress.delete(partition);
    for (const [partition, { start, committed }] of partitions) {
      const known = this.#progress.get(partition);
      if (!known) this.#progress.set(partition, new KafkaProgress(start, committed));
      else if (committed !== null) for (const at of known.catchUp(committed)) gone.add(`${partition}-${at}`);
    }
    return ({ id, partition }: KafkaMessage) => !this.#progress.has(partition) || gone.has(id);
  }

  /** What was next is not there. @returns whether a message went with it. */
  restart(partition: number, { first, end }: { readonly first: number; readonly end: number }) {
    const known = this.#progress.get(partition);
    // Too old by now, or of another topic of the same name.
    if (known && known.position < first) known.catchUp(first);
    else if (known && known.position > end) this.#progress.set(partition, new KafkaProgress(first, null));
    const progress = this.#progress.get(partition);
    return (message: KafkaMessage) => message.partition === partition && (progress !== known || message.offset < first);
  }

  clear(): void {
    this.#progress.clear();
    this.#fetched.length = 0;
  }

  fetched(partition: number, from: number, batches: readonly RecordsBatch[]): void {
    const progress = this.#progress.get(partition);
    const last = batches.at(-1);
    // Asked for before the partition was shared out anew.
    if (!progress?.follows(from) || !last) return;
    const records = batches
      .filter(({ attributes }) => (attributes & IS_CONTROL) === 0)
      .flatMap((batch) =>
        batch.records.map((record) => ({ record, offset: Number(batch.firstOffset) + record.offsetDelta })),
      );
    const end = Number(last.firstOffset) + last.lastOffsetDelta + 1;
    // A batch is sent whole, from its start.
    this.#fetched.push({
      partition,
      progress,
      from,
      end,
      records: records.filter(({ offset }) => offset >= from),
      at: 0,
    });
  }

  /** What has come, in its order. */
  take(max: number): KafkaMessage[] {
    const taken: KafkaMessage[] = [];
    for (let first = this.#fetched[0]; first && taken.length < max; first = this.#fetched[0]) {
      const { partition, progress, from, end, records } = first;
      const isOurs = this.#progress.get(partition) === progress;
      for (; isOurs && first.at < records.length && taken.length < max; first.at++) {
        const next = records[first.at];
        if (next && progress.read(next.offset)) taken.push(fromKafka(next.record, partition, next.offset));
      }
      if (isOurs && first.at < records.length) break;
      if (isOurs) progress.passed(from, end);
      this.#fetched.shift();
    }
    return taken;
  }

  /** Where to read on, in partitions of which nothing waits to be taken. */
  positions(): Map<number, number> {
    const waiting = new Set(this.#fetched.map(({ partition }) => partition));
    const free = [...this.#progress].filter(([partition, progress]) => {
      return !waiting.has(partition) && progress.ahead < this.#maxAhead;
    });
    return new Map(free.map(([partition, progress]) => [partition, progress.position]));
  }

  done(messages: readonly KafkaMessage[]): void {
    for (const { partition, offset } of messages) this.#progress.get(partition)?.done(offset);
  }

  /** They were taken, and nobody had them: they are read again. */
  giveBack(messages: readonly KafkaMessage[]): void {
    for (const [partition, of] of Map.groupBy(messages, (message) => message.partition)) {
      this.#progress.get(partition)?.giveBack(of.map(({ offset }) => offset));
    }
  }

  /** What Kafka has not been told of yet: below these offsets all is done. */
  committable(): Map<number, number> {
    const changed = [...this.#progress].filter(([, { committed, committable }]) => committed !== committable);
    return new Map(changed.map(([partition, { committable }]) => [partition, committable]));
  }

  committed(offsets: ReadonlyMap<number, number>): void {
    for (const [partition, offset] of offsets) {
      const progress = this.#progress.get(partition);
      if (progress) progress.committed = offset;
    }
  }
}
