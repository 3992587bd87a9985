import { publicId, type Uuid } from '../core/ids.ts';
import { prepareSchema } from '../core/json-schema/prepare.ts';
import type { PreparedSchema } from '../core/json-schema/schema.ts';
import type { Log } from '../log.ts';
import type { Database } from '../store/database.ts';
import { readSchema } from '../store/event-type.ts';
import { Cache } from './cache.ts';

/** Of schemas as JSON, bytes. Looked through, they take up to ten times that. */
const MAX_BYTES = 8 * 1024 * 1024;

interface Entry {
  /** Null where what is stored is no schema. */
  readonly schema: PreparedSchema | null;
  readonly bytes: number;
}

/** Schemas of event types, looked through. A version of a schema never changes, so there is nothing to forget. */
export class Schemas {
  readonly #db: Database;
  readonly #log: Log;
  readonly #entries = new Cache<Entry>(MAX_BYTES, ({ bytes }) => bytes);

  constructor({ db, log }: { db: Database; log: Log }) {
    this.#db = db;
    this.#log = log;
  }

  /** From memory at once, or else a promise. */
  schema(environmentId: Uuid, id: Uuid, version: number): Promise<PreparedSchema | null> | PreparedSchema | null {
    const key = `${id} ${version}`;
    const known = this.#entries.peek(key);
    if (known) return known.schema;
    return this.#entries.get(key, () => this.#read(environmentId, id, version)).then((entry) => entry?.schema ?? null);
  }

  async #read(environmentId: Uuid, id: Uuid, version: number): Promise<Entry | null> {
    const source = await readSchema(this.#db, environmentId, id, version);
    if (!source) return null;
    const preparation = prepareSchema(source);
    if (!preparation.ok) {
      this.#log.error(
        { event_type_id: publicId('evt', id), version },
        'a stored schema is none any more; payloads are not held against it',
      );
    }
    return {
      schema: preparation.ok ? preparation.schema : null,
      bytes: Buffer.byteLength(JSON.stringify(source)),
    };
  }
}
