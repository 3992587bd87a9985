import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const START_MS = 120_000;

/** A broker as a child of the test: started and stopped with the same command, so with the same data. */
export class ServerProcess {
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #env: Record<string, string>;
  readonly #isReady: () => Promise<boolean>;
  #child: ChildProcess | null = null;
  #output = '';

  /** @param isReady asked until it says yes; may reject. */
  constructor(
    command: string,
    args: readonly string[],
    isReady: () => Promise<boolean>,
    env: Record<string, string> = {},
  ) {
    this.#command = command;
    this.#args = args;
    this.#isReady = isReady;
    this.#env = env;
  }

  async start(): Promise<void> {
    const env = { ...process.env, ...this.#env };
    const child = spawn(this.#command, this.#args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk).slice(-4_000);
      });
    }
    const until = performance.now() + START_MS;
    while (!(await this.#isReady().catch(() => false))) {
      if (child.exitCode !== null || performance.now() > until) {
        throw new Error(`${this.#command} did not start: ${this.#output}`);
      }
      await pause(50);
    }
  }

  /** The last of what it wrote. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    if (!this.#child?.pid) throw new Error(`${this.#command} is not running`);
    return this.#child.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Sends it a signal to end, and waits until it has. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const end = once(child, 'exit');
    child.kill(signal);
    await end;
  }
}

/** Stops a process where it is, with all its threads: each goes on until the system has told it. */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const isStopped = async (thread: string) => {
    const status = await readFile(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return /^State:\s+T/m.test(status);
  };
  for (;;) {
    const threads = await Promise.all((await readdir(`/proc/${pid}/task`)).map(isStopped));
    if (threads.every(Boolean)) return;
    await pause(5);
  }
}

/** Whether somebody takes connections at a port of this machine. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/**
 * Free at this moment, and below the range that the system takes the near ends of outgoing connections from: one of those
 * could sit on it while the server is down.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
