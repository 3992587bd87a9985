import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/** What a figure must be read with. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly pglite: string;
  readonly undici: string;
  /** Null where none was used. */
  readonly postgresql: string | null;
  /** With `+` where the tree had changes of its own. */
  readonly commit: string;
  /** Of one minute, before anything was started. */
  readonly loadAtStart: number;
}

export function machine(): Omit<Machine, 'postgresql'> {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${type()} ${release().split('-')[0]}`,
    node: process.versions.node,
    pglite: versionOf('@electric-sql/pglite'),
    undici: versionOf('undici'),
    commit: commit(),
    loadAtStart: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')).version;
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', '--short=10', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '+');
  } catch {
    // A tree without its history.
    return 'unknown';
  }
}
