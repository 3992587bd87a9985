import { type Judged, type Keywords, of } from './keyword.ts';
import type { Schema } from './schema.ts';
import { canonical } from './whole.ts';

type OfArray = Judged<readonly unknown[]>;

/** Holds items against a schema each, and notes that they were looked at. */
function items({ run, value, place, seen }: OfArray, from: number, to: number, of: (n: number) => Schema): boolean {
  const end = Math.min(to, value.length);
  if (seen) seen.items = Math.max(seen.items, end);
  let areGood = true;
  for (let n = from; n < end; n++) {
    if (run.judge(of(n), value[n], { parent: place, step: n }, null)) continue;
    areGood = false;
    if (run.isSilent) break;
  }
  return areGood;
}

function listed(judged: OfArray, schemas: readonly Schema[]): boolean {
  return items(judged, 0, schemas.length, (n) => schemas[n] ?? true);
}

function rest(judged: OfArray, from: number, schema: Schema): boolean {
  return items(judged, from, Number.POSITIVE_INFINITY, () => schema);
}

export const ARRAYS: Keywords = of((value): value is readonly unknown[] => Array.isArray(value), {
  maxItems: ({ run, value, place }, most: number) =>
    value.length <= most || run.fault(place, () => `must have at most ${most} items`),
  minItems: ({ run, value, place }, least: number) =>
    value.length >= least || run.fault(place, () => `must have at least ${least} items`),
  uniqueItems: ({ run, value, place }, isWanted: boolean) =>
    !isWanted ||
    new Set(value.map((each) => canonical(run.work, each))).size === value.length ||
    run.fault(place, () => 'must not have an item twice'),
  prefixItems: listed,
  items: (judged, operand: Schema | readonly Schema[]) => {
    // An array in draft 7 only; what comes before in 2020-12 only.
    if (Array.isArray(operand)) return listed(judged, operand);
    const { prefixItems } = judged.schema;
    const isBefore = Array.isArray(prefixItems) && judged.run.schema.dialect.forms.has('prefixItems');
    return rest(judged, isBefore ? prefixItems.length : 0, operand as Schema);
  },
  additionalItems: (judged, schema: Schema) => {
    const { items: before } = judged.schema;
    return !Array.isArray(before) || rest(judged, before.length, schema);
  },
  contains: (judged, schema: Schema) => {
    const { run, value, place, seen } = judged;
    const limits = run.schema.dialect.forms.has('minContains') ? judged.schema : {};
    const { minContains: least = 1, maxContains: most = Number.POSITIVE_INFINITY } = limits as Record<string, number>;
    const found = value.flatMap((each, n) => (run.fits(schema, each, null, null) ? n : []));
    run.work.spend(seen ? found.length : 0);
    for (const n of found) seen?.others.add(n);
    if (found.length < least) return run.fault(place, () => `must contain at least ${least} items that fit`);
    return found.length <= most || run.fault(place, () => `must contain at most ${most} items that fit`);
  },
  unevaluatedItems: (judged, schema: Schema) => {
    const { run, value, place, seen } = judged;
    const from = seen?.items ?? 0;
    run.work.spend(Math.max(0, value.length - from));
    let areGood = true;
    for (let n = from; n < value.length; n++) {
      if (seen?.others.has(n) || run.judge(schema, value[n], { parent: place, step: n }, null)) continue;
      areGood = false;
      if (run.isSilent) break;
    }
    if (seen) seen.items = value.length;
    return areGood;
  },
});
