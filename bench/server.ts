import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { parentOf } from './usage.ts';

/** The PostgreSQL server that is measured on: the one in POSTRIDER_TEST_DATABASE_URL, or a throwaway one. */
export interface Server {
  readonly url: string;
  readonly version: string;
  /** Its postmaster's process, where it runs on this machine: null otherwise, and its CPU is not known. */
  readonly pid: number | null;
  stop(): void;
}

const SCRIPT = join(import.meta.dirname, '../scripts/postgres.sh');

/** Rejects with a reason to print where there is none and none can be started. */
export async function openServer(progress: (line: string) => void): Promise<Server> {
  const given = process.env.POSTRIDER_TEST_DATABASE_URL;
  if (given) return { url: given, ...(await identify(given)), stop: () => {} };
  progress('starting a throwaway PostgreSQL (POSTRIDER_TEST_DATABASE_URL is not set)');
  const [folder = '', url = ''] = await start();
  const stop = () => {
    spawnSync('bash', [SCRIPT, 'stop', folder], { stdio: 'ignore' });
  };
  try {
    return { url, ...(await identify(url)), stop };
  } catch (error) {
    stop();
    throw error;
  }
}

/** Not of our group: half a cluster would be left behind by Ctrl-C. */
async function start(): Promise<string[]> {
  const child = spawn('bash', [SCRIPT, 'start'], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const [output, complaints, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  if (code === 0) return output.trim().split('\n');
  throw new Error(`scripts/postgres.sh could not start a PostgreSQL: ${complaints.trim().split('\n').at(-1)}`);
}

async function identify(url: string): Promise<{ version: string; pid: number | null }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string; pid: number }>(
      `select current_setting('server_version') as version, pg_backend_pid() as pid`,
    );
    const isHere = ['127.0.0.1', '::1', 'localhost'].includes(client.host);
    return {
      version: `PostgreSQL ${rows[0]?.version}`,
      pid: isHere && rows[0] ? parentOf(rows[0].pid, 'postgres') : null,
    };
  } finally {
    await client.end();
  }
}
