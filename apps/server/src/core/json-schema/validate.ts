import { APPLICATORS } from './applicators.ts';
import { ARRAYS } from './arrays.ts';
import type { Fault, JsonObject } from './json.ts';
import type { Judged, Keyword } from './keyword.ts';
import { OBJECTS } from './objects.ts';
import { type Place, Run, Seen } from './run.ts';
import { SCALARS } from './scalars.ts';
import type { PreparedSchema, Schema } from './schema.ts';
import type { Dialect } from './vocabulary.ts';
import { MAX_DEPTH, TooMuchWork, workFor } from './work.ts';

/**
 * JSON Schema by interpretation. A compiler (Ajv) turns a schema into JavaScript, which is several times as fast and, as its
 * own documentation says, for schemas that one trusts as one's code: these are written by whoever has an API key. Here
 * nothing is generated, no regular expression can run away, and each step of a validation is counted.
 */

/** A value that is not at all at fault has none; at most 20 are named. @param bytes of the value as JSON. */
export function validate(schema: PreparedSchema, value: unknown, bytes: number): readonly Fault[] {
  const run = new Run(schema, workFor(bytes));
  try {
    judge(run, schema.root, value, null, null);
    return run.faults;
  } catch (error) {
    if (!(error instanceof TooMuchWork)) throw error;
    return [...run.faults.slice(0, -1), { path: '', message: 'takes too much work to hold against its schema' }];
  }
}

const KEYWORDS: ReadonlyMap<string, Keyword> = new Map([...APPLICATORS, ...SCALARS, ...OBJECTS, ...ARRAYS]);
/** Last: they speak of what all others have not looked at. */
const UNEVALUATED = ['unevaluatedItems', 'unevaluatedProperties'];

function judge(run: Run, schema: Schema, value: unknown, place: Place | null, seen: Seen | null): boolean {
  run.work.spend(1);
  if (typeof schema === 'boolean') return schema || run.fault(place, 'is not allowed here');
  if (++run.depth > MAX_DEPTH) throw new TooMuchWork();
  const verdict = judgeBy(run, schema, value, place, seen);
  run.depth--;
  return verdict;
}

function judgeBy(run: Run, schema: JsonObject, value: unknown, place: Place | null, seen: Seen | null): boolean {
  const { dialect } = run.schema;
  const isSeenAsked = seen !== null || UNEVALUATED.some((name) => isIn(schema, name, dialect));
  const judged: Judged<unknown> = {
    ...{ run, value, place, schema, seen: isSeenAsked ? new Seen() : null },
    judge: (other, its, where, what) => judge(run, other, its, where, what),
  };
  const names = dialect.isReferenceAlone && '$ref' in schema ? ['$ref'] : Object.keys(schema);
  let isGood = true;
  for (const name of names) {
    if (!dialect.forms.has(name) || UNEVALUATED.includes(name)) continue;
    if (KEYWORDS.get(name)?.(judged, schema[name] as never) !== false) continue;
    isGood = false;
    if (run.isSilent) return false;
  }
  for (const name of UNEVALUATED) {
    if (isIn(schema, name, dialect) && KEYWORDS.get(name)?.(judged, schema[name] as never) === false) isGood = false;
  }
  if (judged.seen) seen?.add(judged.seen);
  return isGood;
}

function isIn(schema: JsonObject, name: string, { forms }: Dialect): boolean {
  return name in schema && forms.has(name);
}
