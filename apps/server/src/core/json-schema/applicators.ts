import type { Judged, Keyword, Keywords } from './keyword.ts';
import { Seen } from './run.ts';
import type { Schema } from './schema.ts';

/** Keywords that hold the same value against other schemas. */

/** A yes or no. What a schema has looked at counts only where the value stands before it. */
function fits({ run, value, place, seen }: Judged<unknown>, schema: Schema): boolean {
  if (seen) run.work.spend(2);
  const own = seen && new Seen();
  const isFitting = run.fits(schema, value, place, own);
  if (isFitting && own) seen?.add(own, run.work);
  return isFitting;
}

/** How many fit; no more are tried than can matter. */
function countFitting(judged: Judged<unknown>, schemas: readonly Schema[], enough: number): number {
  let count = 0;
  for (const schema of schemas) {
    if (fits(judged, schema)) count++;
    if (count >= enough && !judged.seen) break;
  }
  return count;
}

const reference: Keyword = ({ run, value, place, seen }, text: string) => {
  run.work.compare(text);
  return run.judge(run.schema.targets.get(text) ?? true, value, place, seen);
};

const KEYWORDS: Readonly<Record<string, Keyword>> = {
  $ref: reference,
  // In one document a dynamic reference leads where a plain one would.
  $dynamicRef: reference,
  allOf: ({ run, value, place, seen }, schemas: readonly Schema[]) => {
    let areGood = true;
    for (const schema of schemas) {
      if (run.judge(schema, value, place, seen)) continue;
      areGood = false;
      if (run.isSilent) break;
    }
    return areGood;
  },
  anyOf: (judged, schemas: readonly Schema[]) =>
    countFitting(judged, schemas, 1) > 0 ||
    judged.run.fault(judged.place, () => 'must fit one of the schemas of anyOf'),
  oneOf: (judged, schemas: readonly Schema[]) => {
    const count = countFitting(judged, schemas, 2);
    if (count === 1) return true;
    const found = count || 'none';
    return judged.run.fault(judged.place, () => `must fit exactly one of the schemas of oneOf, and fits ${found}`);
  },
  not: ({ run, value, place }, schema: Schema) =>
    !run.fits(schema, value, place, null) || run.fault(place, () => 'must not fit the schema of not'),
  if: (judged, condition: Schema) => {
    const { run, value, place, seen, schema } = judged;
    const branch = schema[fits(judged, condition) ? 'then' : 'else'] as Schema | undefined;
    return branch === undefined || run.judge(branch, value, place, seen);
  },
};

export const APPLICATORS: Keywords = Object.entries(KEYWORDS);
