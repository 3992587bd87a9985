import { setImmediate as turn } from 'node:timers/promises';
import { cooldownMs, type Health, isHealthy, newHealth, observe, shouldOpen } from '../core/circuit.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { publicId, type Uuid } from '../core/ids.ts';
import type { Log } from '../log.ts';
import { recordChange } from '../store/change.ts';
import { closeCircuit, lockCircuit, openCircuit } from '../store/circuit.ts';
import type { Database, Queryable } from '../store/database.ts';

/**
 * Opens and closes circuits (core/circuit.ts) by what this process sees. An opened circuit is a row, so it holds the
 * endpoint's lane for every process and over restarts; the others learn of it through the change log.
 */
export class Circuits {
  readonly #db: Database;
  readonly #log: Log;
  readonly #onChange: (endpoint: Endpoint) => void;
  /** Endpoints that failed lately. A healthy one costs nothing. */
  readonly #health = new Map<Uuid, Health>();
  /** Circuits that are being opened. */
  readonly #opening = new Map<Uuid, Promise<void>>();

  /** @param options.onChange drops what this process remembers of the endpoint. */
  constructor(options: { db: Database; log: Log; onChange: (endpoint: Endpoint) => void }) {
    this.#db = options.db;
    this.#log = options.log;
    this.#onChange = options.onChange;
  }

  /**
   * One result. @param isProbe the lane let it through to find out.
   * @returns undefined where nothing changes, which is nearly always: nobody is to wait for that.
   */
  saw(endpoint: Endpoint, isProbe: boolean, isFailure: boolean): Promise<void> | undefined {
    if (isProbe) return isFailure ? this.#open(endpoint) : this.#close(endpoint);
    const known = this.#health.get(endpoint.id);
    if (!known && !isFailure) return undefined;
    const now = performance.now();
    const health = observe(known ?? newHealth(now), isFailure, now);
    if (isHealthy(health)) this.#health.delete(endpoint.id);
    else this.#health.set(endpoint.id, health);
    if (!isFailure || endpoint.circuit.state !== 'closed' || !shouldOpen(health)) return undefined;
    this.#health.delete(endpoint.id);
    const opening = this.#open(endpoint).finally(() => this.#opening.delete(endpoint.id));
    this.#opening.set(endpoint.id, opening);
    return opening;
  }

  /** Once it is known whether this endpoint's circuit opens by what was recorded together with what was just seen. */
  async settled(endpoint: Uuid): Promise<void> {
    await turn();
    await this.#opening.get(endpoint)?.catch(() => {});
  }

  async #open(endpoint: Endpoint): Promise<void> {
    await this.#change(endpoint, async (tx) => {
      const circuit = await lockCircuit(tx, endpoint.id);
      // Open already: another process saw it first, or this is a straggler of before.
      if (!circuit || circuit.circuit === 'open') return null;
      const ms = cooldownMs(circuit.openings + 1, Math.random());
      await openCircuit(tx, endpoint.id, ms);
      return { circuit: 'open', openings: circuit.openings + 1, cooldown_ms: ms };
    });
  }

  async #close(endpoint: Endpoint): Promise<void> {
    this.#health.delete(endpoint.id);
    await this.#change(endpoint, async (tx) => {
      const circuit = await lockCircuit(tx, endpoint.id);
      if (!circuit || circuit.circuit === 'closed') return null;
      await closeCircuit(tx, endpoint.id);
      return { circuit: 'closed' };
    });
  }

  async #change(endpoint: Endpoint, work: (tx: Queryable) => Promise<object | null>): Promise<void> {
    const changed = await this.#db.transaction(async (tx) => {
      const result = await work(tx);
      if (result) await recordChange(tx, { kind: 'application', id: endpoint.applicationId });
      return result;
    });
    if (!changed) return;
    this.#onChange(endpoint);
    this.#log.warn({ endpoint_id: publicId('ep', endpoint.id), ...changed }, 'circuit changed');
  }
}
