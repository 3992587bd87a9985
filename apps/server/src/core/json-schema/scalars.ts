import { FORMATS } from './format.ts';
import { typeOf } from './json.ts';
import { type Keyword, type Keywords, of } from './keyword.ts';
import { once } from './once.ts';
import { STEPS_PER_TEST } from './pattern.ts';
import { isSame, lengthOf } from './whole.ts';

/** Keywords of any value, of numbers and of strings. */

const type: Keyword = ({ run, value, place }, types: string | string[]) => {
  const actual = typeOf(value);
  const isOf = (name: string) => name === actual || (name === 'integer' && Number.isInteger(value));
  if (typeof types === 'string' ? isOf(types) : types.some(isOf)) return true;
  return run.fault(place, () => `must be ${typeof types === 'string' ? types : types.join(' or ')}`);
};

const enumeration: Keyword = ({ run, value, place }, values: unknown[]) => {
  const { plain, others } = choices(values);
  if (typeof value === 'string') run.work.compare(value);
  const isThere = isPlain(value) ? plain.has(value) : others.some((each) => isSame(run.work, each, value));
  return isThere || run.fault(place, () => `must be one of ${shown(values)}`);
};

const constant: Keyword = ({ run, value, place }, wanted: unknown) =>
  isSame(run.work, wanted, value) || run.fault(place, () => `must be ${shown(wanted)}`);

/** Of plain values a set says at once whether one is among them; thousands of them are nothing special. */
const choices = once((values: readonly unknown[]) => ({
  plain: new Set(values.filter(isPlain)),
  others: values.filter((each) => !isPlain(each)),
}));

function isPlain(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

/** What a schema's author wrote, as far as it fits into a line. */
function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? line(value).text : shortened(JSON.stringify(value));
}

const line = once((value: object) => ({ text: shortened(JSON.stringify(value)) }));

function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

const numbers = of((value): value is number => typeof value === 'number', {
  maximum: ({ run, value, place }, most: number) => value <= most || run.fault(place, () => `must be at most ${most}`),
  minimum: ({ run, value, place }, least: number) =>
    value >= least || run.fault(place, () => `must be at least ${least}`),
  exclusiveMaximum: ({ run, value, place }, end: number) =>
    value < end || run.fault(place, () => `must be below ${end}`),
  exclusiveMinimum: ({ run, value, place }, end: number) =>
    value > end || run.fault(place, () => `must be above ${end}`),
  multipleOf: ({ run, value, place }, unit: number) => {
    const quotient = value / unit;
    // 19.99 / 0.01 is 1998.9999999999998.
    const isWhole = Math.abs(quotient - Math.round(quotient)) <= Math.abs(quotient) * 2 * Number.EPSILON;
    return isWhole || run.fault(place, () => `must be a multiple of ${unit}`);
  },
});

/** A date takes half a microsecond. */
const STEPS_PER_FORMAT = 4;

const strings = of((value): value is string => typeof value === 'string', {
  maxLength: ({ run, value, place }, most: number) => {
    if (value.length <= most) return true;
    return lengthOf(run.work, value) <= most || run.fault(place, () => `must have at most ${most} characters`);
  },
  minLength: ({ run, value, place }, least: number) => {
    if (value.length >= 2 * least) return true;
    return lengthOf(run.work, value) >= least || run.fault(place, () => `must have at least ${least} characters`);
  },
  pattern: ({ run, value, place }, source: string) => {
    const pattern = run.schema.patterns.get(source);
    if (!pattern) return true;
    run.work.spend(STEPS_PER_TEST + Math.ceil(value.length * pattern.stepsPerCharacter));
    return pattern.test(value) || run.fault(place, () => `must match the pattern ${shown(source)}`);
  },
  format: ({ run, value, place }, name: string) => {
    const isOf = FORMATS.get(name);
    if (!isOf) return true;
    run.work.spend(STEPS_PER_FORMAT);
    run.work.walk(value);
    return isOf(value) || run.fault(place, () => `must be in the format ${name}`);
  },
});

export const SCALARS: Keywords = [['type', type], ['enum', enumeration], ['const', constant], ...numbers, ...strings];
