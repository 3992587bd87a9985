import type { Uuid } from '../core/ids.ts';
import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import { noteKeyUses } from '../store/api-key.ts';
import type { Database } from '../store/database.ts';

const FLUSH_MS = 60_000;

/**
 * When each key was last used: noted in memory at every call, and written for all of them in one statement a minute. A
 * process that is killed loses the last minute of it.
 */
export class KeyUse implements Service {
  readonly #db: Database;
  readonly #now: () => number;
  readonly #turns: Service;
  #used = new Map<Uuid, number>();

  constructor(options: { db: Database; log: Log; now: () => number }) {
    this.#db = options.db;
    this.#now = options.now;
    this.#turns = repeating(
      FLUSH_MS,
      () => this.flush(),
      (error) => options.log.warn({ err: error }, 'when keys were last used cannot be noted; trying again'),
    );
  }

  start(): void {
    this.#turns.start();
  }

  async stop(): Promise<void> {
    await this.#turns.stop();
    // What a stop cannot write is no reason to fail it.
    await this.flush().catch(() => {});
  }

  note(keyId: Uuid): void {
    this.#used.set(keyId, this.#now());
  }

  /** Writes what was noted so far; what cannot be written is kept for the next turn. */
  async flush(): Promise<void> {
    if (this.#used.size === 0) return;
    const used = this.#used;
    this.#used = new Map();
    const uses = [...used]
      .map(([id, at]) => ({ id, at: new Date(at) }))
      .sort((one, other) => (one.id < other.id ? -1 : 1));
    try {
      await noteKeyUses(this.#db, uses);
    } catch (error) {
      this.#used = new Map([...used, ...this.#used]);
      throw error;
    }
  }
}
