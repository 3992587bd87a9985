import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';

const SCRIPT = fileURLToPath(new URL('../../../../scripts/postgres.sh', import.meta.url));
const run = promisify(execFile);

/** A PostgreSQL server of one test file's own, which can be taken away. */
export class OwnPostgres {
  readonly url: string;
  readonly #folder: string;

  private constructor(folder: string, url: string) {
    this.#folder = folder;
    this.url = url;
  }

  static async start(): Promise<OwnPostgres> {
    const { stdout } = await run('bash', [SCRIPT, 'start']);
    const [folder, url] = stdout.trim().split('\n');
    if (!folder || !url) throw new Error(`no folder and URL in: ${stdout}`);
    return new OwnPostgres(folder, url);
  }

  /** @param how `fast`: connections are told and cut. `immediate`: as in a crash; it recovers when it is started again. */
  async halt(how: 'fast' | 'immediate'): Promise<void> {
    await run('bash', [SCRIPT, 'halt', this.#folder, how]);
  }

  async resume(): Promise<void> {
    await run('bash', [SCRIPT, 'resume', this.#folder]);
  }

  async stop(): Promise<void> {
    await run('bash', [SCRIPT, 'stop', this.#folder]);
  }
}

/** Cuts connections of Postrider to this database, whatever they are in the middle of. @returns how many. */
export async function cutConnections(databaseUrl: string, atMost: number): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'postrider' and datname = current_database() order by random() limit $1`,
      [atMost],
    );
    return rowCount ?? 0;
  } finally {
    await client.end();
  }
}
