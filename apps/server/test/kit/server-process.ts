import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** How many lines of warning are kept of each process, to be shown with a failure. */
const KEPT_WARNINGS = 50;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A Postrider in a process of its own, as it runs in production: it can be killed, frozen and started again. */
export class ServerProcess {
  /** Its newest log lines of level warn and error. */
  readonly warnings: string[] = [];
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #counts = new Map<string, number>();
  #stderr = '';
  #hasExited = false;
  /** Told of every line, and of the end. */
  #listeners: (() => void)[] = [];

  /** Only these settings: the test's own environment does not leak in. */
  constructor(env: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, [MAIN], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    living.add(child);
    createInterface({ input: child.stdout }).on('line', (line) => this.#onLine(line));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    // 'close' and not 'exit': by then everything it wrote has been read.
    this.exited = once(child, 'close').then(([code, signal]) => {
      living.delete(child);
      this.#hasExited = true;
      this.#tell();
      return { code, signal };
    });
  }

  static async start(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
    const server = new ServerProcess(env);
    await server.ready();
    return server;
  }

  /** Resolves once it takes calls and does its work. @throws where it ends before. */
  ready(): Promise<void> {
    return this.logged('ready');
  }

  /** Resident memory, MB. Linux. */
  get rssMb(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  }

  /** What it wrote to its error output. */
  get stderr(): string {
    return this.#stderr;
  }

  /** How many log lines with this message it has written. */
  count(message: string): number {
    return this.#counts.get(message) ?? 0;
  }

  /** Resolves once it has logged this message. @throws where it ends before. */
  async logged(message: string): Promise<void> {
    while (this.count(message) === 0) {
      if (this.#hasExited) {
        throw new Error(`the server ended before it said "${message}": ${this.#stderr || this.warnings.join('\n')}`);
      }
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
    }
  }

  /** SIGSTOP: it stands still in the middle of whatever it does, its sockets open. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** kill -9: nothing of it runs any more, no handler, no flush. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** SIGTERM, and how it ended. */
  async stop(): Promise<Exit> {
    this.#child.kill('SIGTERM');
    return this.exited;
  }

  #onLine(line: string): void {
    const { level, msg } = JSON.parse(line) as { level: string; msg: string };
    this.#counts.set(msg, this.count(msg) + 1);
    if (level === 'warn' || level === 'error') {
      this.warnings.push(line);
      if (this.warnings.length > KEPT_WARNINGS) this.warnings.shift();
    }
    this.#tell();
  }

  #tell(): void {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}

/**
 * A port that a server can be started on again and again. Below the range that the system takes the near ends of
 * outgoing connections from: one of those could sit on it while the server is down, or even connect to itself.
 */
export async function fixedPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

const living = new Set<ChildProcess>();
// A run that fails or is interrupted leaves nobody behind; a frozen one takes no lesser signal.
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});
