import type { DatabaseKind } from './home.ts';
import { median } from './statistics.ts';

export const PART_NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const;
export type PartName = (typeof PART_NAMES)[number];

/** How a number reads: a ratio of two things measured in the same run, or so many of something. */
export type Unit = 'ratio' | '/s' | 'ms' | 'µs' | 'MB' | '%';

export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** What is measured. With a target it stands at the top of the table. */
export interface Measure {
  readonly part: PartName;
  readonly name: string;
  /** Null where no database takes part. */
  readonly database: DatabaseKind | null;
  readonly unit: Unit;
  readonly target: Target | null;
}

/** How the name ends of the figure that says how much the others beside it are to be trusted. */
export const TAKEN_BY_OTHERS = 'cores taken by others';

/** What came out: the median of the rounds, or null where it was not run. */
export interface Figure extends Measure {
  readonly value: number | null;
  readonly rounds: readonly number[];
}

/** A part that could not be run, or not to its end, and why. */
export interface Failure {
  readonly part: PartName;
  readonly database: DatabaseKind | null;
  readonly reason: string;
}

/** All figures of a run. */
export class Book {
  readonly #figures: Figure[] = [];
  readonly failures: Failure[] = [];

  /** By part, and in each in the order in which they were entered. */
  get figures(): readonly Figure[] {
    return this.#figures.toSorted((one, other) => PART_NAMES.indexOf(one.part) - PART_NAMES.indexOf(other.part));
  }

  enter(measure: Measure, rounds: readonly number[]): void {
    this.#put({ ...measure, value: median(rounds), rounds });
  }

  /** Of these measures, those that were not entered before are shown as not run. */
  fail(failure: Failure, measures: readonly Measure[]): void {
    this.failures.push(failure);
    for (const measure of measures) {
      if (!this.#figures.some((figure) => isSame(figure, measure))) this.#put({ ...measure, value: null, rounds: [] });
    }
  }

  /** The figure of a measure that was run before. */
  find(measure: Measure): Figure | undefined {
    return this.#figures.find((figure) => isSame(figure, measure) && figure.value !== null);
  }

  #put(figure: Figure): void {
    const at = this.#figures.findIndex((each) => isSame(each, figure));
    if (at < 0) this.#figures.push(figure);
    else this.#figures[at] = figure;
  }
}

/** Null where it has no target, or was not run. */
export function isMet({ value, target }: Figure): boolean | null {
  if (value === null || Number.isNaN(value) || !target) return null;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

function isSame(one: Measure, other: Measure): boolean {
  return one.part === other.part && one.name === other.name && one.database === other.database;
}
