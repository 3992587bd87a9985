import { setTimeout as delay } from 'node:timers/promises';
import type { Audience } from './audience.ts';

/** A message as it is posted. */
export interface Draft {
  /** Ours, and in the payload: what arrives is told apart by it. */
  readonly n: number;
  readonly audience: Audience;
  readonly eventType: string;
  /** Every fifth message has one. A call that failed is then made again, until it is answered. */
  readonly key: string | null;
}

/** A message that was answered 202. */
export interface AcceptedMessage {
  readonly draft: Draft;
  readonly id: string;
  readonly fanout: number;
}

export interface ProducerOptions {
  /** Where to post, in turn; a call that is made again goes to the next one. */
  readonly urls: readonly string[];
  readonly apiKey: string;
  /** In turn. */
  readonly audiences: readonly Audience[];
  readonly eventTypes: readonly string[];
  readonly perSecond: number;
}

const MAX_UNDER_WAY = 200;
const TICK_MS = 20;
/** A frozen server answers nothing. */
const CALL_MS = 3_000;
/** Between two tries of a keyed call. */
const AGAIN_MS = 100;
/** Refusals that a crash explains: the first call with this key is still under way, or the database is away. */
const PASSING = new Set([409, 503]);

// Over all producers: one receiver may hear several.
let lastNumber = 0;

/** Posts messages at a steady pace, whether or not anybody is there to take them. */
export class Producer {
  readonly accepted: AcceptedMessage[] = [];
  /** Calls that were refused, cut off or never answered: nobody promised anything. */
  failed = 0;
  /** Keyed calls that failed, were made again with the same key, and were answered. */
  repeated = 0;
  /** Answers that no crash explains. */
  readonly faults: string[] = [];
  readonly #options: ProducerOptions;
  readonly #underWay = new Set<Promise<void>>();
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  /** Calls that have no answer yet. */
  get underWay(): number {
    return this.#underWay.size;
  }

  start(limit = Number.POSITIVE_INFINITY): void {
    this.#isRunning = true;
    this.#running = this.#run(limit);
  }

  /** No new messages; resolves once all calls have ended. There must be a server by now, or keyed calls never do. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#running;
    await Promise.all(this.#underWay);
  }

  /** Posts so many messages; resolves once all calls have ended. */
  async send(count: number): Promise<void> {
    this.start(count);
    await this.#running;
    await this.stop();
  }

  /** Asks each keyed call that was answered once more. @returns those that were given another message this time. */
  async askAgain(): Promise<string[]> {
    const keyed = this.accepted.filter(({ draft }) => draft.key !== null);
    const different: string[] = [];
    const ask = async () => {
      for (let next = keyed.pop(); next; next = keyed.pop()) {
        const again = await this.#post(next.draft, 0);
        if (again?.id !== next.id) different.push(`${next.draft.key}: ${next.id}, then ${again?.id}`);
      }
    };
    await Promise.all(Array.from({ length: 16 }, ask));
    return different;
  }

  async #run(limit: number): Promise<void> {
    const startedAt = performance.now();
    let made = 0;
    while (this.#isRunning && made < limit) {
      const due = ((performance.now() - startedAt) / 1000) * this.#options.perSecond;
      for (; made < Math.min(due, limit) && this.underWay < MAX_UNDER_WAY; made++) {
        const call = this.#make(this.#draft()).finally(() => this.#underWay.delete(call));
        this.#underWay.add(call);
      }
      await delay(TICK_MS);
    }
  }

  #draft(): Draft {
    const n = ++lastNumber;
    const { audiences, eventTypes } = this.#options;
    const audience = audiences[n % audiences.length];
    const eventType = eventTypes[Math.floor(n / audiences.length) % eventTypes.length];
    if (!audience || !eventType) throw new Error('a producer needs an audience and an event type');
    return { n, audience, eventType, key: n % 5 === 0 ? `key-${n}` : null };
  }

  async #make(draft: Draft): Promise<void> {
    for (let tries = 0; ; tries++) {
      const accepted = await this.#post(draft, tries);
      if (accepted) {
        this.accepted.push(accepted);
        if (tries > 0) this.repeated++;
        return;
      }
      if (tries === 0) this.failed++;
      if (draft.key === null) return;
      await delay(AGAIN_MS);
    }
  }

  /** @returns null where it was not answered 202. */
  async #post(draft: Draft, tries: number): Promise<AcceptedMessage | null> {
    const { urls, apiKey } = this.#options;
    try {
      const response = await fetch(
        `${urls[(draft.n + tries) % urls.length]}/v1/app/${draft.audience.application}/messages`,
        {
          method: 'POST',
          headers: {
            authorization: `Bearer ${apiKey}`,
            'content-type': 'application/json',
            ...(draft.key && { 'idempotency-key': draft.key }),
          },
          body: JSON.stringify({ event_type: draft.eventType, payload: { n: draft.n, type: draft.eventType } }),
          signal: AbortSignal.timeout(CALL_MS),
        },
      );
      const text = await response.text();
      if (response.status !== 202) {
        if (!PASSING.has(response.status)) this.faults.push(`${response.status} ${text}`);
        return null;
      }
      const { id, fanout } = JSON.parse(text) as { id: string; fanout: number };
      return { draft, id, fanout };
    } catch {
      // fetch rejects for a refused, cut or silent connection only.
      return null;
    }
  }
}
