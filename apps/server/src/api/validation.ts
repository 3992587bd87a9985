import { Ajv, type ErrorObject, type FormatDefinition } from 'ajv';
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { type FieldError, invalidFields } from '../errors.ts';

/**
 * How requests are validated: unknown fields are refused, nothing is coerced but what comes as text (queries and paths),
 * and the first fault ends it: listing all faults of a hostile body would cost more than the body.
 */
const options = { allErrors: false, removeAdditional: false, useDefaults: true, strict: false } as const;

/** NUL cannot be stored in PostgreSQL; half a surrogate pair is not text in UTF-8. */
export function isText(value: string): boolean {
  return !value.includes('\0') && value.isWellFormed();
}

const text: FormatDefinition<string> = { type: 'string', validate: isText };

/** RFC 3339 with a zone, and a date that exists. */
const dateTime: FormatDefinition<string> = {
  type: 'string',
  validate: (value) =>
    /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/.test(value) &&
    !Number.isNaN(Date.parse(value)) &&
    // Date.parse takes the 30th of February for the 2nd of March.
    new Date(`${value.slice(0, 10)}T00:00:00Z`).getUTCDate() === Number(value.slice(8, 10)),
};

const exact = withFormats(new Ajv({ ...options, coerceTypes: false }));
const fromText = withFormats(new Ajv({ ...options, coerceTypes: true }));

function withFormats(ajv: Ajv): Ajv {
  return ajv.addFormat('text', text).addFormat('date-time', dateTime);
}

export const validatorCompiler: FastifySchemaCompiler<unknown> = ({ schema, httpPart }) => {
  const validate = (httpPart === 'body' ? exact : fromText).compile(schema as object);
  return (data) => {
    // A POST without a body has undefined here, which no schema can describe.
    if (validate(data === undefined ? null : data)) return { value: data };
    return { error: (validate.errors ?? []) as unknown as FastifySchemaValidationError[] as unknown as Error };
  };
};

/** Reads a part of a body by a schema of its own. @returns a function that throws Problem `validation_failed`. */
export function bodyReader<T extends TSchema>(schema: T): (data: unknown) => Static<T> {
  const validate = exact.compile<Static<T>>(schema);
  return (data) => {
    if (validate(data)) return data;
    throw invalidFields(fieldErrors(validate.errors ?? [], 'body'));
  };
}

/** What Ajv says, in words that name the field first. */
export function fieldErrors(errors: readonly ErrorObject[], part: string): FieldError[] {
  return errors.slice(0, 20).map((error) => {
    const { params } = error as { params: Record<string, unknown> };
    const parent = error.instancePath;
    if (error.keyword === 'additionalProperties') {
      return {
        path: fieldPath(`${parent}/${pointerName(params.additionalProperty)}`, part),
        message: 'is not a known field',
      };
    }
    if (error.keyword === 'required') {
      return { path: fieldPath(`${parent}/${String(params.missingProperty)}`, part), message: 'is required' };
    }
    if (error.keyword === 'format' && params.format === 'text') {
      return { path: fieldPath(parent, part), message: 'must be text without NUL characters or broken surrogates' };
    }
    return { path: fieldPath(parent, part), message: error.message ?? 'is not valid' };
  });
}

/** A member's name in a pointer (RFC 6901). Shortened: the caller chose it, and could have it echoed by the megabyte. */
function pointerName(name: unknown): string {
  return String(name).slice(0, 128).replaceAll('~', '~0').replaceAll('/', '~1');
}

/** A pointer into the body; for parameters just their name. */
function fieldPath(pointer: string, part: string): string {
  if (part === 'body') return pointer === '' ? '/' : pointer;
  return pointer.slice(1) || part;
}
