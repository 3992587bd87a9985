/**
 * How far one partition has been read and what of it is done, while it is this receiver's. Kafka itself remembers a
 * single number: all below it is done.
 *
 * - `position`: the offset to read next. What was read and given back unread is read again, so it goes back to that.
 * - `committable`: the lowest that is not done. All below it is never given out again, to anybody.
 */
export class KafkaProgress {
  /** Read and not done, lowest first. */
  readonly #open = new Set<number>();
  /** To be read again; lower than `next`, lowest first. */
  #returned: number[] = [];
  #next: number;
  /** What Kafka has been told; null: nothing yet. */
  committed: number | null;

  constructor(start: number, committed: number | null) {
    this.#next = start;
    this.committed = committed;
  }

  get position(): number {
    return this.#returned[0] ?? this.#next;
  }

  get committable(): number {
    const [lowest = this.#next] = this.#open;
    return Math.min(lowest, this.position);
  }

  /** How far it has been read past what is not done. */
  get ahead(): number {
    return this.#next - this.committable;
  }

  /** A record has come. False: it was here already. */
  read(offset: number): boolean {
    if (offset >= this.#next) {
      this.#next = offset + 1;
      this.#open.add(offset);
      return true;
    }
    const at = this.#returned.indexOf(offset);
    if (at < 0) return false;
    this.#returned.splice(at, 1);
    this.#sort([...this.#open, offset]);
    return true;
  }

  /** Whether what was asked for from there leaves no gap. */
  follows(from: number): boolean {
    return from <= this.#next;
  }

  /** All from one offset up to another has come: what did not is no record, or was one of a transaction. */
  passed(from: number, end: number): void {
    this.#returned = this.#returned.filter((offset) => offset < from || offset >= end);
    this.#next = Math.max(this.#next, end);
  }

  done(offset: number): void {
    this.#open.delete(offset);
  }

  /** Read and not given out: to be read again. */
  giveBack(offsets: readonly number[]): void {
    const back = offsets.filter((offset) => this.#open.delete(offset));
    this.#returned = [...this.#returned, ...back].sort((a, b) => a - b);
  }

  /** Others had the partition and are done with all below. @returns what of it was open here. */
  catchUp(committed: number): number[] {
    const gone = [...this.#open].filter((offset) => offset < committed);
    for (const offset of gone) this.#open.delete(offset);
    this.passed(0, committed);
    this.committed = committed;
    return gone;
  }

  #sort(open: number[]): void {
    this.#open.clear();
    for (const offset of open.sort((a, b) => a - b)) this.#open.add(offset);
  }
}
