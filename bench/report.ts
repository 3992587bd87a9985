import type { Failure, Figure } from './figure.ts';
import type { Machine } from './machine.ts';

/** One run of the bench: what is written as JSON, and shown. */
export interface Report {
  readonly startedAt: string;
  readonly seconds: number;
  /** As it was called. */
  readonly command: string;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
  readonly failures: readonly Failure[];
}

/** What the figures must be read with, in one paragraph. */
export function harness({ startedAt, seconds, command, machine }: Report): string {
  const { cores, cpu, memoryGb, system, node, postgresql, pglite, undici, commit, loadAtStart } = machine;
  const versions = [`Node ${node}`, ...(postgresql ? [postgresql] : []), `PGlite ${pglite}`, `undici ${undici}`];
  return (
    `\`${command}\`, ${startedAt.slice(0, 10)}, commit ${commit}, ${Math.ceil(seconds / 60)} min. ` +
    `${cores} cores (${cpu}), ${memoryGb} GB, ${system}; ${versions.join(', ')}. Load at the start: ${loadAtStart}.`
  );
}
