import { readdirSync, readlinkSync } from 'node:fs';
import pg from 'pg';
import type { DatabaseTarget } from '../apps/server/src/store/database.ts';
import type { Engine } from './engine.ts';
import { memory } from './usage.ts';

/** What one look at the engine saw. */
export interface Sample {
  /** Since the watch began. */
  readonly seconds: number;
  readonly rssMb: number;
  /** File descriptors, without the embedded database's own files: it opens one for each table and index it touches. */
  readonly files: number;
  readonly sockets: number;
  /** Null on the embedded database. */
  readonly connections: number | null;
}

/** Looks at an engine's process again and again. Linux: it reads /proc. */
export class SoakWatch {
  readonly samples: Sample[] = [];
  readonly #engine: Engine;
  readonly #database: DatabaseTarget;
  readonly #startedAt = performance.now();

  constructor(engine: Engine, database: DatabaseTarget) {
    this.#engine = engine;
    this.#database = database;
  }

  async look(): Promise<Sample> {
    const { pid } = this.#engine;
    const database = this.#database;
    const folder = database.kind === 'embedded' ? database.folder : null;
    const open = openFiles(pid).filter((target) => folder === null || !target.startsWith(folder));
    const sample = {
      seconds: (performance.now() - this.#startedAt) / 1000,
      rssMb: memory(pid).residentMb,
      files: open.length,
      sockets: open.filter((target) => target.startsWith('socket:')).length,
      connections: database.kind === 'postgresql' ? await connectionsTo(database.url) : null,
    };
    this.samples.push(sample);
    return sample;
  }
}

function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`)];
    } catch {
      // Closed since.
      return [];
    }
  });
}

async function connectionsTo(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ n: number }>(
      `select count(*)::integer as n from pg_stat_activity
       where application_name = 'postrider' and datname = current_database()`,
    );
    return rows[0]?.n ?? 0;
  } finally {
    await client.end();
  }
}
