import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Change, Queue, type QueueSettings, type Stored } from './queue.ts';

/** The queues, and the topics with their subscriptions, of `entities.json`: what is not said of one is as the service has it. */
export interface Entities {
  readonly queues: Readonly<Record<string, Partial<QueueSettings>>>;
  readonly topics: Readonly<Record<string, Readonly<Record<string, Partial<QueueSettings>>>>>;
}

const DEFAULTS: QueueSettings = { lockMs: 60_000, requiresSession: false, duplicatesMs: 0, maxDeliveries: 10 };
const DEAD = '/$deadletterqueue';
const SUBSCRIPTIONS = '/subscriptions/';

/**
 * All queues of a namespace, by address. Each change is written to a file before the client hears of it, so that a killed
 * server has everything when it is started again; but locks end with it.
 */
export class Namespace {
  readonly #entities: string;
  readonly #journal: string;
  readonly #queues = new Map<string, Queue>();
  readonly #withReason: (encoded: string, reason: string) => string;
  #read: { readonly version: string; readonly entities: Entities } | null = null;

  /** @param withReason writes the reason into a message that is buried. */
  constructor(folder: string, withReason: (encoded: string, reason: string) => string) {
    mkdirSync(folder, { recursive: true });
    this.#entities = join(folder, 'entities.json');
    this.#journal = join(folder, 'journal.jsonl');
    this.#withReason = withReason;
    this.#load();
  }

  /** What is received from, or null where it is not there: a queue, `topic/Subscriptions/name`, or the dead-letter queue of either. */
  source(address: string): Queue | null {
    const wanted = address.toLowerCase();
    const live = wanted.endsWith(DEAD) ? wanted.slice(0, -DEAD.length) : wanted;
    const settings = this.#settings(live);
    if (!settings) return null;
    return this.#queue(wanted, wanted === live ? settings : { ...settings, requiresSession: false });
  }

  /** Where it goes what is sent there, or null where that is not there. */
  targets(address: string): Queue[] | null {
    const wanted = address.toLowerCase();
    const { topics } = this.#known();
    for (const [topic, subscriptions] of Object.entries(topics)) {
      if (topic.toLowerCase() !== wanted) continue;
      const names = Object.keys(subscriptions).map((name) => `${topic}${SUBSCRIPTIONS}${name}`);
      return names.map((name) => this.source(name)).filter((queue) => queue !== null);
    }
    const queue = wanted.includes(SUBSCRIPTIONS) ? null : this.source(wanted);
    return queue ? [queue] : null;
  }

  tick(now: number): void {
    for (const queue of this.#queues.values()) queue.tick(now);
  }

  #settings(address: string): QueueSettings | null {
    const { queues, topics } = this.#known();
    const [name = '', subscription] = address.split(SUBSCRIPTIONS);
    const of: Partial<QueueSettings> | undefined =
      subscription === undefined ? found(queues, name) : found(found(topics, name) ?? {}, subscription);
    return of ? { ...DEFAULTS, ...of } : null;
  }

  #queue(address: string, settings: QueueSettings): Queue {
    const known = this.#queues.get(address);
    if (known) return known;
    const made = new Queue(
      settings,
      (change) => this.#write(address, change),
      (message, reason) => this.#bury(address, message, reason),
    );
    this.#queues.set(address, made);
    return made;
  }

  #bury(address: string, message: Stored, reason: string): void {
    const encoded = this.#withReason(message.encoded, reason);
    this.source(`${address}${DEAD}`)?.add({ ...message, encoded, availableAt: 0 }, Date.now());
  }

  /** As the file has them now. */
  #known(): Entities {
    const { ino, mtimeMs } = statSync(this.#entities);
    const version = `${ino} ${mtimeMs}`;
    if (this.#read?.version !== version) {
      this.#read = { version, entities: JSON.parse(readFileSync(this.#entities, 'utf8')) };
    }
    return this.#read.entities;
  }

  #write(address: string, change: Change): void {
    appendFileSync(this.#journal, `${JSON.stringify([address, change])}\n`);
  }

  /** Reads what was written, and writes it down again without what has gone since. */
  #load(): void {
    let text = '';
    try {
      text = readFileSync(this.#journal, 'utf8');
    } catch {
      // The first start.
    }
    // A line that a kill cut short was promised to nobody.
    const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
    for (const line of lines.filter(Boolean)) {
      const [address, change]: [string, Change] = JSON.parse(line);
      this.source(address)?.replay(change);
    }
    const kept = [...this.#queues].flatMap(([address, queue]) =>
      [...queue.changes()].map((change) => `${JSON.stringify([address, change])}\n`),
    );
    writeFileSync(`${this.#journal}.new`, kept.join(''));
    renameSync(`${this.#journal}.new`, this.#journal);
  }
}

/** Names are the same in any case. */
function found<T>(entries: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.entries(entries).find(([each]) => each.toLowerCase() === name)?.[1];
}
