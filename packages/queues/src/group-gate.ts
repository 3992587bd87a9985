/** What the gate needs to know of a message. */
interface Gated {
  readonly id: string;
  readonly group: string | null;
}

/** The messages of one group that are here. */
class Line<M> {
  readonly key: string;
  /** In the order they are to be taken. */
  readonly waiting: M[] = [];
  /** The id of the one that keeps the line closed: in somebody's hand, or given back and to come again. */
  closedBy: string | null = null;

  constructor(key: string) {
    this.key = key;
  }
}

/**
 * Order within groups, for brokers that know none: everything received goes in here, and of each group one message at a
 * time comes out.
 *
 * A line is open until its first message is taken. An ack opens it for the next one; a nack keeps it closed until the
 * same message is added again, which then is the first. Where it may have gone to another receiver, the nack says how
 * long to wait for it. A message without a group is a line of its own.
 */
export class GroupGate<M extends Gated> {
  readonly #lines = new Map<string, Line<M>>();
  /** Open lines with something in them, the one that waited longest first: so no group keeps others from their turn. */
  readonly #open = new Set<Line<M>>();
  /** Lines whose message is to come again, and when that is given up. */
  readonly #away = new Map<Line<M>, number>();
  readonly #compare: (a: M, b: M) => number;
  #untaken = 0;

  /** @param compare the broker's own order, where its messages tell: one that comes late finds its place by it. */
  constructor(compare: (a: M, b: M) => number = () => 0) {
    this.#compare = compare;
  }

  /** Messages that are in here and have not been taken. */
  get untaken(): number {
    return this.#untaken;
  }

  /** A message has been received. */
  add(message: M): void {
    const line = this.#line(message);
    const same = line.waiting.findIndex(({ id }) => id === message.id);
    if (same >= 0) {
      // Received twice: the later one is what the broker waits to hear of.
      line.waiting[same] = message;
      return;
    }
    this.#untaken++;
    if (line.closedBy === message.id) {
      this.#away.delete(line);
      line.closedBy = null;
      line.waiting.unshift(message);
    } else {
      const before = line.waiting.findLastIndex((other) => this.#compare(other, message) <= 0);
      line.waiting.splice(before + 1, 0, message);
    }
    if (line.closedBy === null) this.#open.add(line);
  }

  /** The messages whose turn it is. */
  take(max: number, now: number): M[] {
    this.#giveUp(now);
    const taken: M[] = [];
    for (const line of this.#open) {
      if (taken.length >= max) break;
      this.#open.delete(line);
      const message = line.waiting.shift();
      if (!message) continue;
      line.closedBy = message.id;
      this.#untaken--;
      taken.push(message);
    }
    return taken;
  }

  /** Done: the next of its group may be taken. */
  ack(message: M): void {
    const line = this.#lines.get(keyOf(message));
    if (line?.closedBy === message.id) this.#reopen(line);
  }

  /** It is to come again, and its group waits for it until then. */
  nack(message: M, until = Number.POSITIVE_INFINITY): void {
    const line = this.#lines.get(keyOf(message));
    if (line?.closedBy !== message.id) return;
    if (message.group === null) this.#reopen(line);
    else this.#away.set(line, until);
  }

  /** How many groups wait for a message that is to come again. */
  get awaited(): number {
    return this.#away.size;
  }

  /** Whether others of its group wait in here behind it. */
  isFollowed({ group }: M): boolean {
    return group !== null && (this.#lines.get(`g${group}`)?.waiting.length ?? 0) > 0;
  }

  /** What is in here and not in anybody's hand, line by line in order. */
  *waiting(): Generator<M> {
    for (const line of this.#lines.values()) yield* line.waiting;
  }

  /** Takes a message out that the broker gives to somebody else. */
  remove(message: M): void {
    const line = this.#lines.get(keyOf(message));
    const at = line?.waiting.indexOf(message) ?? -1;
    if (!line || at < 0) return;
    line.waiting.splice(at, 1);
    this.#untaken--;
    this.#tidy(line);
  }

  /** Nothing of what was received counts any longer. */
  clear(): void {
    this.#lines.clear();
    this.#open.clear();
    this.#away.clear();
    this.#untaken = 0;
  }

  #line(message: M): Line<M> {
    const key = keyOf(message);
    const known = this.#lines.get(key);
    if (known) return known;
    const made = new Line<M>(key);
    this.#lines.set(key, made);
    return made;
  }

  #reopen(line: Line<M>): void {
    line.closedBy = null;
    this.#away.delete(line);
    if (line.waiting.length > 0) this.#open.add(line);
    this.#tidy(line);
  }

  #giveUp(now: number): void {
    for (const [line, until] of this.#away) if (until <= now) this.#reopen(line);
  }

  #tidy(line: Line<M>): void {
    if (line.waiting.length > 0) return;
    this.#open.delete(line);
    if (line.closedBy === null) this.#lines.delete(line.key);
  }
}

/** Ids and groups are anybody's: their letters keep the two apart. */
function keyOf({ id, group }: Gated): string {
  return group === null ? `i${id}` : `g${group}`;
}
