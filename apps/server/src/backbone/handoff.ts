import type { SealOfOrigin } from '../crypto/seal-of-origin.ts';
import { GroupCommit } from '../group-commit.ts';
import type { Log } from '../log.ts';
import type { Service } from '../service.ts';
import type { DatabaseClock } from '../store/clock.ts';
import type { Database } from '../store/database.ts';
import { type LeasedDelivery, releaseLeases } from '../store/lease.ts';
import { Attendance } from './attendance.ts';
import type { Backbone } from './backbone.ts';
import { type Departure, pack } from './envelope.ts';

export const SEAL_HEADER = 'postrider-seal';

/** How long what was accepted may be on its way until a worker has it: so much longer are its leases. */
export const WAY_MS = 30_000;
/** Committed and not published yet. More than this, and what comes waits in its lane. */
const MAX_WAITING = 10_000;
const MAX_WAITING_SIZE = 64 * 1024 * 1024;
/** Published in one go. */
const MAX_BATCH = 1_000;
const MAX_BATCH_SIZE = 8 * 1024 * 1024;
/** Of one envelope, whatever more the broker would take: so that no worker has to take much at once. */
const MAX_BYTES = 256 * 1024;
/** What the broker may have taken without saying so: most is sent and recorded within this by whoever got it. */
const UNSURE_MS = 5_000;

/**
 * From a commit to a worker of another process. What is handed over is leased in the database for as long as the way may
 * take: a delivery that the broker loses is freed when that ends. What the broker does not take goes to its lane at once.
 */
export class BackboneHandoff implements Service {
  readonly wayMs = WAY_MS;
  readonly #backbone: Backbone;
  readonly #attendance: Attendance;
  readonly #clock: DatabaseClock;
  readonly #seal: SealOfOrigin;
  readonly #db: Database;
  readonly #log: Log;
  readonly #departures: GroupCommit<Departure, void>;
  /** Places that are taken: of deliveries that are being committed, and of those that wait to be published. */
  #taken = 0;

  constructor(options: { backbone: Backbone; clock: DatabaseClock; seal: SealOfOrigin; db: Database; log: Log }) {
    this.#backbone = options.backbone;
    this.#attendance = new Attendance(options);
    this.#clock = options.clock;
    this.#seal = options.seal;
    this.#db = options.db;
    this.#log = options.log;
    this.#departures = new GroupCommit<Departure, void>({
      flush: async (batch) => {
        await this.#publish(batch);
        return [];
      },
      maxItems: MAX_BATCH,
      maxSize: MAX_BATCH_SIZE,
      // That deliveries of one message share its payload does not matter here.
      sizeOf: ({ delivery }) => delivery.payload.length,
      isItemFault: () => false,
    });
  }

  start(): void {
    this.#attendance.start();
  }

  async stop(): Promise<void> {
    await this.#attendance.stop();
    await this.idle();
  }

  /** Resolves when all that was handed over is published, or given back. */
  async idle(): Promise<void> {
    await this.#departures.idle();
  }

  /** Whether anything can be handed over now. */
  get isOpen(): boolean {
    return this.#backbone.isUp && this.#attendance.isThere;
  }

  reserve(): boolean {
    const isFull = this.#taken >= MAX_WAITING || this.#departures.waitingSize >= MAX_WAITING_SIZE;
    if (!this.isOpen || isFull) return false;
    this.#taken++;
    return true;
  }

  release(): void {
    this.#taken--;
  }

  send(delivery: LeasedDelivery, leasedAt: number): void {
    const now = this.#clock.at(leasedAt);
    // Without the database's clock nobody can tell how old it is: a worker asks the database then.
    const startBy = now === null ? 0 : now + WAY_MS;
    const done = () => this.release();
    this.#departures.submit({ delivery, startBy }).then(done, done);
  }

  async #publish(batch: readonly Departure[]): Promise<void> {
    // It went away while they waited. Each batch would wait for it in turn, and nothing has gone yet.
    if (!this.#backbone.isUp) return this.#giveBack(batch);
    const { envelopes, tooLarge } = pack(batch, Math.min(MAX_BYTES, this.#backbone.maxBytes - 1_024));
    if (tooLarge.length > 0) await this.#giveBack(tooLarge);
    try {
      if (envelopes.length === 0) return;
      await this.#backbone.publish(
        envelopes.map(({ body }) => ({ body, headers: { [SEAL_HEADER]: this.#seal.seal(body) } })),
      );
    } catch {
      // Some may have gone. Whoever got them sends them under the lease they went with, and it counts until they are claimed.
      await this.#giveBack(
        envelopes.flatMap(({ departures }) => departures),
        UNSURE_MS,
      );
    }
  }

  /** To their lanes. */
  async #giveBack(departures: readonly Departure[], delayMs = 0): Promise<void> {
    try {
      await releaseLeases(
        this.#db,
        departures.map(({ delivery }) => ({ delivery, delayMs, error: null })),
      );
    } catch (error) {
      this.#log.warn({ err: error, deliveries: departures.length }, 'deliveries wait for the end of their leases');
    }
  }
}
