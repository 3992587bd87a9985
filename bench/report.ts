import type { Figure } from './figure.ts';
import type { Machine } from './machine.ts';

/** One run of the bench: what is written as JSON, and shown. */
export interface Report {
  readonly startedAt: string;
  readonly seconds: number;
  /** As it was called. */
  readonly command: string;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}
