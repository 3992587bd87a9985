import type { JsonObject } from './json.ts';
import type { Place, Run, Seen } from './run.ts';

/** What a keyword is judged by. */
export interface Judged<Value> {
  readonly run: Run;
  readonly value: Value;
  readonly place: Place | null;
  /** The schema that the keyword is in. */
  readonly schema: JsonObject;
  /** Null where nobody asks. */
  readonly seen: Seen | null;
}

/** Says whether a value stands, and adds what is wrong to the run. `operand` is in the keyword's form (vocabulary.ts). */
export type Keyword<Value = unknown> = (judged: Judged<Value>, operand: never) => boolean;

export type Keywords = readonly (readonly [name: string, keyword: Keyword])[];

/** Keywords that only have something to say of one kind of value. */
export function of<Value>(
  isOf: (value: unknown) => value is Value,
  keywords: Readonly<Record<string, Keyword<Value>>>,
): Keywords {
  return Object.entries(keywords).map(([name, keyword]): [string, Keyword] => [
    name,
    (judged, operand) => !isOf(judged.value) || keyword(judged as Judged<Value>, operand),
  ]);
}
