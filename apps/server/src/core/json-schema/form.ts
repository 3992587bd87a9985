import { isJsonObject } from './json.ts';
import type { Form } from './vocabulary.ts';

/** The forms that no schema is part of. */
export type PlainForm = Exclude<Form, 'pattern' | `${string}schema${string}` | 'map of patterns'>;

const TYPES: ReadonlySet<unknown> = new Set(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']);

const FORMS: Readonly<Record<PlainForm, readonly [isOf: (operand: unknown) => boolean, message: string]>> = {
  names: [areNames, 'must be an array of different strings'],
  'map of names': [
    (operand) => isJsonObject(operand) && Object.values(operand).every(areNames),
    'must be an object of arrays of different strings',
  ],
  number: [isNumber, 'must be a number'],
  'positive number': [(operand) => isNumber(operand) && operand > 0, 'must be a number above 0'],
  count: [(operand) => isNumber(operand) && Number.isInteger(operand) && operand >= 0, 'must be an integer from 0 on'],
  flag: [(operand) => typeof operand === 'boolean', 'must be true or false'],
  text: [(operand) => typeof operand === 'string', 'must be a string'],
  types: [
    (operand) =>
      TYPES.has(operand) || (areNames(operand) && operand.length > 0 && operand.every((each) => TYPES.has(each))),
    'must be a type, or an array of different types',
  ],
  values: [Array.isArray, 'must be an array'],
  any: [() => true, ''],
};

/** What is wrong with what follows a keyword; null where nothing is. */
export function formFault(form: PlainForm, operand: unknown): string | null {
  const [isOf, message] = FORMS[form];
  return isOf(operand) ? null : message;
}

export function areNames(operand: unknown): operand is string[] {
  return (
    Array.isArray(operand) &&
    operand.every((each) => typeof each === 'string') &&
    new Set(operand).size === operand.length
  );
}

/** 1e400 is JSON too, and then no number that could be stored. */
function isNumber(operand: unknown): operand is number {
  return typeof operand === 'number' && Number.isFinite(operand);
}
