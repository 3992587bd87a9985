import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A program of an example, run as its reader would run it. */
export interface Program {
  /** Everything that it has printed, errors too. */
  readonly lines: readonly string[];
  /** Resolves to its exit code. */
  readonly ended: Promise<number | null>;
  stop(): Promise<void>;
}

export function run(path: string, env: Readonly<Record<string, string>>, ...parameters: string[]): Program {
  const file = fileURLToPath(new URL(`../../../../examples/${path}`, import.meta.url));
  const child = spawn(process.execPath, [file, ...parameters], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    lines,
    ended,
    async stop() {
      child.kill();
      await ended;
    },
  };
}

/** What it printed. @throws where it did not end well. */
export async function outputOf(program: Program): Promise<readonly string[]> {
  const code = await program.ended;
  if (code !== 0) throw new Error(`it ended with ${code}: ${program.lines.join('\n')}`);
  return program.lines;
}
