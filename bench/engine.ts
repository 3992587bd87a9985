import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Home } from './home.ts';

/** The engine under test: `apps/server/src/main.ts` as it runs in production. */
export interface Engine {
  /** Empty without the API. */
  readonly url: string;
  readonly key: string;
  readonly pid: number;
  /** Rejects where the answer is not 2xx. */
  call<Answer>(method: string, path: string, body?: unknown): Promise<Answer>;
  /** How often it logged each warning or error. */
  readonly complaints: ReadonlyMap<string, number>;
  /** Null while it runs; else how it ended. */
  readonly ended: string | null;
  /** Resolves to how it ended, once the process is gone. Can be called again. */
  stop(): Promise<string>;
}

/** An engine that waits for a receiver which never answers is not waited for. */
const PATIENCE_MS = 5_000;

/** @param settings over the defaults, which let it deliver to this machine. */
export async function startEngine(home: Home, settings: Readonly<Record<string, string>> = {}): Promise<Engine> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../apps/server/src/main.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Not of our group: Ctrl-C is for the bench, which ends its engines before it drops their databases.
    detached: true,
    env: {
      ...withoutSettings(process.env),
      POSTRIDER_PORT: '0',
      POSTRIDER_DATA_DIR: home.dataDir,
      POSTRIDER_BOOTSTRAP_API_KEY: home.key,
      POSTRIDER_EGRESS_ALLOW: '127.0.0.0/8',
      POSTRIDER_EGRESS_HTTP: '1',
      POSTRIDER_EGRESS_PORTS: '*',
      ...(home.target.kind === 'postgresql' && { POSTRIDER_DATABASE_URL: home.target.url }),
      ...settings,
    },
  });
  let ended: string | null = null;
  const gone = once(child, 'exit').then(([code, signal]) => {
    ended = signal === null ? `exit code ${code}` : `signal ${signal}`;
    return ended;
  });
  const complaints = new Map<string, number>();
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as { level: string; msg: string; url?: string };
      if (line.msg === 'ready') resolve(line.url ?? '');
      if (line.level === 'warn' || line.level === 'error')
        complaints.set(line.msg, (complaints.get(line.msg) ?? 0) + 1);
    });
    gone.then((how) => reject(new Error(`the engine ended with ${how} at its start`)));
    child.once('error', reject);
  });
  return {
    url,
    key: home.key,
    pid: child.pid ?? 0,
    complaints,
    get ended() {
      return ended;
    },
    async call<Answer>(method: string, path: string, body?: unknown) {
      const response = await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${home.key}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as Answer;
    },
    async stop() {
      if (ended === null) child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
      const how = await gone;
      clearTimeout(timer);
      return how;
    },
  };
}

/** What the caller's shell says of another Postrider is not for this one. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('POSTRIDER_')));
}
