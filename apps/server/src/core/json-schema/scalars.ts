import { FORMATS } from './format.ts';
import { equalJson, typeOf } from './json.ts';
import { type Keyword, type Keywords, of } from './keyword.ts';

/** Keywords of any value, of numbers and of strings. */

const type: Keyword = ({ run, value, place }, types: string | string[]) => {
  const actual = typeOf(value);
  const isOf = (name: string) => name === actual || (name === 'integer' && Number.isInteger(value));
  if (typeof types === 'string' ? isOf(types) : types.some(isOf)) return true;
  return run.fault(place, `must be ${typeof types === 'string' ? types : types.join(' or ')}`);
};

const enumeration: Keyword = ({ run, value, place }, values: unknown[]) => {
  run.work.spend(values.length >> 3);
  return values.some((each) => equalJson(each, value)) || run.fault(place, `must be one of ${shown(values)}`);
};

const constant: Keyword = ({ run, value, place }, wanted: unknown) =>
  equalJson(wanted, value) || run.fault(place, `must be ${shown(wanted)}`);

/** What a schema's author wrote, as far as it fits into a line. */
function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

const numbers = of((value): value is number => typeof value === 'number', {
  maximum: ({ run, value, place }, most: number) => value <= most || run.fault(place, `must be at most ${most}`),
  minimum: ({ run, value, place }, least: number) => value >= least || run.fault(place, `must be at least ${least}`),
  exclusiveMaximum: ({ run, value, place }, end: number) => value < end || run.fault(place, `must be below ${end}`),
  exclusiveMinimum: ({ run, value, place }, end: number) => value > end || run.fault(place, `must be above ${end}`),
  multipleOf: ({ run, value, place }, unit: number) => {
    const quotient = value / unit;
    // 19.99 / 0.01 is 1998.9999999999998.
    const isWhole = Math.abs(quotient - Math.round(quotient)) <= Math.abs(quotient) * 2 * Number.EPSILON;
    return isWhole || run.fault(place, `must be a multiple of ${unit}`);
  },
});

const strings = of((value): value is string => typeof value === 'string', {
  maxLength: ({ run, value, place }, most: number) => {
    if (value.length <= most) return true;
    run.work.spend(value.length >> 3);
    return lengthOf(value) <= most || run.fault(place, `must have at most ${most} characters`);
  },
  minLength: ({ run, value, place }, least: number) => {
    if (value.length >= 2 * least) return true;
    run.work.spend(value.length >> 3);
    return lengthOf(value) >= least || run.fault(place, `must have at least ${least} characters`);
  },
  pattern: ({ run, value, place }, source: string) => {
    const pattern = run.schema.patterns.get(source);
    if (!pattern) return true;
    run.work.spend(Math.ceil(value.length * pattern.stepsPerCharacter));
    return pattern.test(value) || run.fault(place, `must match the pattern ${shown(source)}`);
  },
  format: ({ run, value, place }, name: string) => {
    const isOf = FORMATS.get(name);
    if (!isOf) return true;
    run.work.spend(value.length >> 3);
    return isOf(value) || run.fault(place, `must be in the format ${name}`);
  },
});

/** In characters: half a surrogate pair is none. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

export const SCALARS: Keywords = [['type', type], ['enum', enumeration], ['const', constant], ...numbers, ...strings];
