import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Operation } from './document.ts';

const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { text: true, 'date-time': true } });
const validators = new WeakMap<object, ValidateFunction>();

/** What is wrong with a success; null where it is as the document describes it, no field missing and none besides. */
export function flawOf(operation: Operation, status: number, text: string): unknown {
  const described = [...operation.responses.keys()].filter((each) => each.startsWith('2'));
  if (!described.includes(String(status))) return { status, described, text };
  return bodyFlaw(operation, String(status), text);
}

/** The same of a refusal, whose form is that of every status without a description of its own. */
export function refusalFlawOf(operation: Operation, status: number, text: string): unknown {
  return bodyFlaw(operation, operation.responses.has(String(status)) ? String(status) : 'default', text);
}

function bodyFlaw(operation: Operation, described: string, text: string): unknown {
  const schema = operation.responses.get(described);
  if (!schema) return text === '' ? null : { unexpected: text };
  let validate = validators.get(schema);
  if (!validate) {
    validate = ajv.compile(closed(schema));
    validators.set(schema, validate);
  }
  return validate(JSON.parse(text)) ? null : { text, errors: validate.errors };
}

/** The schema with no room for fields that it does not name. */
function closed(schema: unknown): object | boolean {
  const copy = deepCopy(schema);
  return typeof copy === 'object' && copy !== null ? copy : true;
}

function deepCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deepCopy);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, deepCopy(part)]));
  const isOpen = 'properties' in value && 'type' in value && !('additionalProperties' in value);
  return isOpen ? { ...copy, additionalProperties: false } : copy;
}
