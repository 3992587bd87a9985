import { consume } from '../consume.ts';
import { QueueError } from '../error.ts';
import type { ConsumeOptions, Handler, Health, IncomingMessage, OutgoingMessage, QueuePort, Traits } from '../port.ts';

/** A message as it lies in the queue. */
interface Stored {
  readonly id: string;
  readonly body: Buffer;
  readonly group: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly dedupeId: string | undefined;
  /** By the clock that was handed in, milliseconds. */
  availableAt: number;
  deliveryCount: number;
  isInHand: boolean;
}

const TRAITS: Traits = { delays: true, dedupes: true, tellsRedelivery: true, maxBytes: 1024 * 1024 };
/** Dedupe ids that are remembered, the newest of them. */
const MAX_DEDUPE_IDS = 10_000;

/** A broker in this process: for tests, and for one process that wants nothing else. It forgets when it ends. */
export class MemoryBroker {
  readonly #queues = new Map<string, Stored[]>();
  readonly #dedupeIds = new Set<string>();
  readonly #arrivals = new EventTarget();
  #next = 1;
  /** False: every call is refused, as by a broker that is down. */
  isUp = true;

  /** The messages of a queue, oldest first. @throws QueueError `unreachable` */
  queue(name: string): Stored[] {
    if (!this.isUp) throw new QueueError('unreachable', 'the memory broker is down');
    const known = this.#queues.get(name);
    if (known) return known;
    const made: Stored[] = [];
    this.#queues.set(name, made);
    return made;
  }

  add(name: string, message: OutgoingMessage, now: number): void {
    const { body, group = null, headers = {}, dedupeId, delayMs = 0 } = message;
    const bytes = Buffer.from(body);
    if (bytes.length > TRAITS.maxBytes) {
      throw new QueueError('too_large', `the message has ${bytes.length} bytes; the limit is ${TRAITS.maxBytes}`);
    }
    if (dedupeId !== undefined && !this.#isNew(`${name} ${dedupeId}`)) return;
    const id = String(this.#next++);
    const availableAt = now + delayMs;
    this.queue(name).push({
      id,
      body: bytes,
      group,
      headers,
      dedupeId,
      availableAt,
      deliveryCount: 0,
      isInHand: false,
    });
    this.wake();
  }

  /** Tells those who wait that there may be something. */
  wake(): void {
    this.#arrivals.dispatchEvent(new Event('arrival'));
  }

  /** Resolves when something may have come, or after `ms`. */
  arrival(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#arrivals.removeEventListener('arrival', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#arrivals.addEventListener('arrival', done);
    });
  }

  #isNew(id: string): boolean {
    if (this.#dedupeIds.has(id)) return false;
    this.#dedupeIds.add(id);
    const [oldest] = this.#dedupeIds;
    if (this.#dedupeIds.size > MAX_DEDUPE_IDS && oldest !== undefined) this.#dedupeIds.delete(oldest);
    return true;
  }
}

export class MemoryQueue implements QueuePort {
  readonly traits = TRAITS;
  readonly #broker: MemoryBroker;
  readonly #name: string;
  readonly #now: () => number;
  readonly #inHand = new Set<string>();

  constructor(broker: MemoryBroker, name: string, now: () => number = () => performance.now()) {
    this.#broker = broker;
    this.#name = name;
    this.#now = now;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    for (const message of messages) this.#broker.add(this.#name, message, this.#now());
  }

  async receive({ max, waitMs }: { max: number; waitMs: number }): Promise<IncomingMessage[]> {
    const until = this.#now() + waitMs;
    for (;;) {
      const taken = this.#take(max);
      const left = until - this.#now();
      if (taken.length > 0 || left <= 0) return taken;
      await this.#broker.arrival(Math.min(left, this.#nextAvailable()));
    }
  }

  async ack(messages: readonly IncomingMessage[]): Promise<void> {
    const stored = this.#broker.queue(this.#name);
    for (const { id } of messages) {
      const at = stored.findIndex((each) => each.id === id);
      if (this.#inHand.delete(id) && at >= 0) stored.splice(at, 1);
    }
    this.#broker.wake();
  }

  async nack(messages: readonly IncomingMessage[], { delayMs = 0 } = {}): Promise<void> {
    for (const { id } of messages) this.#giveBack(id, this.#now() + delayMs);
    this.#broker.wake();
  }

  consume(handler: Handler, options?: ConsumeOptions) {
    return consume(this, handler, options);
  }

  async health(): Promise<Health> {
    return this.#broker.isUp ? { ok: true } : { ok: false, code: 'unreachable', reason: 'the memory broker is down' };
  }

  async close(): Promise<void> {
    if (this.#broker.isUp) for (const id of this.#inHand) this.#giveBack(id, 0);
    this.#broker.wake();
  }

  #giveBack(id: string, availableAt: number): void {
    const stored = this.#broker.queue(this.#name).find((each) => each.id === id);
    if (!this.#inHand.delete(id) || !stored) return;
    stored.isInHand = false;
    stored.availableAt = availableAt;
  }

  /** What is available, in order; of a group only its first message, and that only while it is in nobody's hand. */
  #take(max: number): IncomingMessage[] {
    const now = this.#now();
    const passed = new Set<string>();
    const taken: IncomingMessage[] = [];
    for (const stored of this.#broker.queue(this.#name)) {
      if (taken.length >= max) break;
      const { id, body, group, headers } = stored;
      const isFirst = group === null || !passed.has(group);
      if (group !== null) passed.add(group);
      if (!isFirst || stored.isInHand || stored.availableAt > now) continue;
      stored.isInHand = true;
      stored.deliveryCount++;
      this.#inHand.add(id);
      taken.push({ id, body, group, headers, deliveryCount: stored.deliveryCount });
    }
    return taken;
  }

  /** Milliseconds until a delay ends. */
  #nextAvailable(): number {
    const now = this.#now();
    const times = this.#broker.queue(this.#name).flatMap((each) => (each.isInHand ? [] : each.availableAt - now));
    return Math.max(1, Math.min(...times.filter((time) => time > 0), 1_000));
  }
}
