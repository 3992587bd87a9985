import { type Fault, type JsonObject, pointerStep } from './json.ts';
import type { PreparedSchema, Schema } from './schema.ts';
import { MAX_DEPTH, TooMuchWork, type Work } from './work.ts';

/** Where a value lies in the whole one; its pointer is only written out for a fault. */
export interface Place {
  readonly parent: Place | null;
  readonly step: string | number;
}

/** What of a value some keyword has looked at already, for `unevaluatedProperties` and `unevaluatedItems`. */
export class Seen {
  readonly names = new Set<string>();
  areAllNames = false;
  /** So many items from the first on. */
  items = 0;
  /** Items beyond those. */
  readonly others = new Set<number>();

  /** @throws TooMuchWork */
  add(more: Seen, work: Work): void {
    work.spend(more.names.size + more.others.size);
    for (const name of more.names) this.names.add(name);
    for (const item of more.others) this.others.add(item);
    this.areAllNames ||= more.areAllNames;
    this.items = Math.max(this.items, more.items);
  }
}

/** How many faults are named of one value. */
export const MAX_FAULTS = 20;

const MAX_POINTER = 1_024;

/** All keywords of one schema (validate.ts). */
export type Judge = (run: Run, schema: JsonObject, value: unknown, place: Place | null, seen: Seen | null) => boolean;

/** One value being held against one schema. */
export class Run {
  readonly schema: PreparedSchema;
  readonly work: Work;
  readonly faults: Fault[] = [];
  readonly #judge: Judge;
  #depth = 0;
  /** Above 0 where only a yes or no is asked for. */
  #silence = 0;

  constructor(schema: PreparedSchema, work: Work, judge: Judge) {
    this.schema = schema;
    this.work = work;
    this.#judge = judge;
  }

  /** Holds a value against a part of the schema. @param seen null where nobody asks. @throws TooMuchWork */
  judge(schema: Schema, value: unknown, place: Place | null, seen: Seen | null): boolean {
    this.work.spend(1);
    if (typeof schema === 'boolean') return schema || this.fault(place, () => 'is not allowed here');
    if (++this.#depth > MAX_DEPTH) throw new TooMuchWork();
    const verdict = this.#judge(this, schema, value, place, seen);
    this.#depth--;
    return verdict;
  }

  /** The same where only the verdict is asked for. */
  fits(schema: Schema, value: unknown, place: Place | null, seen: Seen | null): boolean {
    this.#silence++;
    const verdict = this.judge(schema, value, place, seen);
    this.#silence--;
    return verdict;
  }

  /** True where the first fault decides. */
  get isSilent(): boolean {
    return this.#silence > 0 || this.faults.length >= MAX_FAULTS;
  }

  /**
   * @param message only asked for where somebody reads it, for it can tell of as much as a schema holds.
   * @returns false, the verdict that comes with a fault.
   */
  fault(place: Place | null, message: () => string): false {
    if (!this.isSilent) this.faults.push({ path: pointerOf(place), message: message() });
    return false;
  }
}

function pointerOf(place: Place | null): string {
  const steps: string[] = [];
  for (let here = place; here; here = here.parent) steps.push(pointerStep(here.step));
  return steps.reverse().join('').slice(0, MAX_POINTER);
}
