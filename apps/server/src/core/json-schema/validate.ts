import { APPLICATORS } from './applicators.ts';
import { ARRAYS } from './arrays.ts';
import type { Fault, JsonObject } from './json.ts';
import type { Judged, Keyword } from './keyword.ts';
import { OBJECTS } from './objects.ts';
import { type Place, Run, Seen } from './run.ts';
import { SCALARS } from './scalars.ts';
import type { PreparedSchema } from './schema.ts';
import type { Dialect } from './vocabulary.ts';
import { TooMuchWork, type Work, workFor } from './work.ts';

/**
 * JSON Schema by interpretation. A compiler (Ajv) turns a schema into JavaScript, which is several times as fast and, as its
 * own documentation says, for schemas that one trusts as one's code: these are written by whoever has an API key. Here
 * nothing is generated, no regular expression can run away, and each step of a validation is counted.
 */

/** A value that is not at all at fault has none; at most 20 are named. @param bytes of the value as JSON. */
export function validate(
  schema: PreparedSchema,
  value: unknown,
  bytes: number,
  work: Work = workFor(bytes),
): readonly Fault[] {
  const run = new Run(schema, work, judge);
  try {
    run.judge(schema.root, value, null, null);
    return run.faults;
  } catch (error) {
    if (!(error instanceof TooMuchWork)) throw error;
    return [...run.faults.slice(0, -1), { path: '', message: 'takes too much work to hold against its schema' }];
  }
}

const KEYWORDS: ReadonlyMap<string, Keyword> = new Map([...APPLICATORS, ...SCALARS, ...OBJECTS, ...ARRAYS]);
/** Last: they speak of what all others have not looked at. */
const UNEVALUATED: ReadonlySet<string> = new Set(['unevaluatedItems', 'unevaluatedProperties']);

/** What a schema asks of a value, in the order in which it is asked. */
interface Plan {
  readonly steps: readonly (readonly [keyword: Keyword, operand: never])[];
  /** True where its own keywords need to know what others have looked at. */
  readonly needsSeen: boolean;
}

/** By the part of a schema that they are of: to look its keywords up anew for each value took two thirds of the time. */
const plans = new WeakMap<JsonObject, Plan>();

function planOf(schema: JsonObject, dialect: Dialect): Plan {
  const known = plans.get(schema);
  if (known) return known;
  const all = dialect.isReferenceAlone && '$ref' in schema ? ['$ref'] : Object.keys(schema);
  const names = all.filter((name) => dialect.forms.has(name));
  const last = names.filter((name) => UNEVALUATED.has(name));
  const ordered = [...names.filter((name) => !UNEVALUATED.has(name)), ...last];
  const steps = ordered.flatMap((name): [Keyword, never][] => {
    const keyword = KEYWORDS.get(name);
    return keyword ? [[keyword, schema[name] as never]] : [];
  });
  const plan = { steps, needsSeen: last.length > 0 };
  plans.set(schema, plan);
  return plan;
}

function judge(run: Run, schema: JsonObject, value: unknown, place: Place | null, seen: Seen | null): boolean {
  const { steps, needsSeen } = planOf(schema, run.schema.dialect);
  if (seen || needsSeen) run.work.spend(2);
  const judged: Judged<unknown> = { run, value, place, schema, seen: seen || needsSeen ? new Seen() : null };
  let isGood = true;
  for (const [keyword, operand] of steps) {
    run.work.spend(1);
    if (keyword(judged, operand)) continue;
    isGood = false;
    if (run.isSilent) return false;
  }
  if (judged.seen) seen?.add(judged.seen, run.work);
  return isGood;
}
