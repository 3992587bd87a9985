import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import type { DatabaseTarget } from '../apps/server/src/store/database.ts';

/** The engine under test: `apps/server/src/main.ts` as it runs in production, on a fresh database. */
export interface Engine {
  readonly url: string;
  readonly key: string;
  readonly pid: number;
  post<Answer>(path: string, body: unknown): Promise<Answer>;
  /** CPU seconds and resident megabytes so far. Linux. */
  usage(): { cpuSeconds: number; rssMb: number };
  /** How often it logged each warning or error. */
  readonly complaints: ReadonlyMap<string, number>;
  /** What it runs on; nobody else may open the embedded one before `end`. */
  readonly database: DatabaseTarget;
  /** Null while it runs; else how it ended. */
  readonly ended: string | null;
  /** SIGTERM, and how it ended. Its database stays. */
  end(): Promise<string>;
  /** Ends it where it runs, and drops its database. */
  stop(): Promise<void>;
}

export type DatabaseKind = 'postgresql' | 'embedded';

/** @param nodeArguments of Node itself. */
export async function startEngine(
  kind: DatabaseKind,
  serverUrl: string | undefined,
  nodeArguments: readonly string[] = [],
): Promise<Engine> {
  const dataDir = mkdtempSync(join(tmpdir(), 'postrider-bench-'));
  const key = `pr_test_${randomBytes(24).toString('hex')}`;
  const database = kind === 'postgresql' ? await freshDatabase(serverUrl) : null;
  const main = join(import.meta.dirname, '../apps/server/src/main.ts');
  const child = spawn(process.execPath, [...nodeArguments, main], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      POSTRIDER_PORT: '0',
      POSTRIDER_DATA_DIR: dataDir,
      POSTRIDER_BOOTSTRAP_API_KEY: key,
      POSTRIDER_EGRESS_ALLOW: '127.0.0.0/8',
      POSTRIDER_EGRESS_HTTP: '1',
      POSTRIDER_EGRESS_PORTS: '*',
      ...(database && { POSTRIDER_DATABASE_URL: database.url }),
    },
  });
  let ended: string | null = null;
  const exited = once(child, 'exit').then(([code, signal]) => {
    ended = signal === null ? `exit code ${code}` : `signal ${signal}`;
    return ended;
  });
  const complaints = new Map<string, number>();
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as { level: string; msg: string; url?: string };
      if (line.msg === 'ready' && line.url) resolve(line.url);
      if (line.level === 'warn' || line.level === 'error')
        complaints.set(line.msg, (complaints.get(line.msg) ?? 0) + 1);
    });
    exited.then((how) => reject(new Error(`the engine ended with ${how}`)));
  });
  const pid = child.pid ?? 0;
  const end = async () => {
    if (ended === null) child.kill('SIGTERM');
    return exited;
  };
  return {
    url,
    key,
    pid,
    complaints,
    database: database
      ? { kind: 'postgresql', url: database.url, poolSize: 1 }
      : { kind: 'embedded', folder: join(dataDir, 'database') },
    get ended() {
      return ended;
    },
    async post<Answer>(path: string, body: unknown) {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as Answer;
    },
    usage: () => usageOf(pid),
    end,
    async stop() {
      await end();
      await database?.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Clock ticks per second of /proc, fixed at 100 on Linux whatever the kernel's own rate. */
const TICKS = 100;

function usageOf(pid: number): { cpuSeconds: number; rssMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Fields after the command's name, which may hold spaces: 14 and 15 are utime and stime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
    rssMb: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024,
  };
}

async function freshDatabase(serverUrl: string | undefined): Promise<{ url: string; drop(): Promise<void> }> {
  if (!serverUrl) throw new Error('POSTRIDER_TEST_DATABASE_URL is not set: nothing to measure PostgreSQL on');
  const name = `postrider_bench_${randomBytes(6).toString('hex')}`;
  const run = async (sql: string) => {
    const client = new pg.Client({ connectionString: serverUrl });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  await run(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => run(`drop database ${name} with (force)`) };
}
