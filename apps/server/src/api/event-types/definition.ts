import type { Definition } from '../../core/catalogue.ts';
import { type Fault, isWithinDepth, type JsonObject } from '../../core/json-schema/json.ts';
import { type Allowance, prepareSchema } from '../../core/json-schema/prepare.ts';
import { SCHEMA_MAX_DEPTH } from '../../core/json-schema/schema.ts';
import { validate } from '../../core/json-schema/validate.ts';
import { type FieldError, invalidFields } from '../../errors.ts';

const EXAMPLE_MAX_BYTES = 64 * 1024;

/** JSON as it will be read again (1e400 is null then). @throws Problem `validation_failed` where it is too deep. */
export function stored<T>(value: T, path: string): T {
  if (value === undefined || value === null) return value;
  if (isWithinDepth(value, SCHEMA_MAX_DEPTH)) return JSON.parse(JSON.stringify(value)) as T;
  throw invalidFields([{ path, message: `must be at most ${SCHEMA_MAX_DEPTH} levels deep` }]);
}

/** What is wrong with an event type as it would be; paths begin with `at`. */
export function definitionFaults(
  { schema, example }: Pick<Definition, 'schema' | 'example'>,
  at: string,
  allowance?: Allowance,
): FieldError[] {
  const preparation = schema === null ? null : prepareSchema(schema, allowance);
  if (preparation && !preparation.ok) return placed(preparation.faults, `${at}/schema`);
  if (example === null) return [];
  const bytes = Buffer.byteLength(JSON.stringify(example));
  const path = `${at}/example`;
  if (bytes > EXAMPLE_MAX_BYTES) return [{ path, message: `has ${bytes} bytes; the limit is ${EXAMPLE_MAX_BYTES}` }];
  return preparation ? placed(validate(preparation.schema, example, bytes), path) : [];
}

/** What is wrong with a schema that was in force once. */
export function schemaFaults(schema: JsonObject, at: string, allowance?: Allowance): FieldError[] {
  const preparation = prepareSchema(schema, allowance);
  return preparation.ok ? [] : placed(preparation.faults, at);
}

function placed(faults: readonly Fault[], at: string): FieldError[] {
  return faults.map(({ path, message }) => ({ path: at + path, message }));
}
