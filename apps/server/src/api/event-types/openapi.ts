import { isJsonObject, isWithinDepth, type JsonObject, pointerStep } from '../../core/json-schema/json.ts';
import { resolve } from '../../core/json-schema/reference.ts';
import { invalidFields } from '../../errors.ts';
import type { EventTypeRow } from '../../store/event-type.ts';
import { wantedBy } from './document.ts';
import { asComponent, standingAlone } from './openapi-schema.ts';
import type { Wanted } from './plan.ts';
import { MAX_IMPORTED } from './schema.ts';

/**
 * The catalogue as an OpenAPI 3.1 document: an event type is a webhook, its schema that of the request's body. Versions
 * of the past have no place in it.
 */

const MAX_DEPTH = 128;
/** How far a part that is only a reference may lead. */
const MAX_HOPS = 8;

/** @throws Problem `validation_failed` */
export function fromOpenApi(document: JsonObject): Wanted[] {
  const fault = (path: string, message: string) => invalidFields([{ path, message }]);
  if (!isWithinDepth(document, MAX_DEPTH)) throw fault('/', `must be at most ${MAX_DEPTH} levels deep`);
  if (!/^3\.[12]\./.test(String(document.openapi))) throw fault('/openapi', 'must be 3.1: webhooks are new in it');
  const { webhooks } = document;
  if (!isJsonObject(webhooks)) throw fault('/webhooks', 'must be an object');
  const names = Object.keys(webhooks);
  if (names.length > MAX_IMPORTED) throw fault('/webhooks', `must be at most ${MAX_IMPORTED}`);
  return names.map((name) => {
    const at = `/webhooks${pointerStep(name)}`;
    return wantedBy(eventTypeOf(document, name, webhooks[name], at), at);
  });
}

function eventTypeOf(document: JsonObject, name: string, webhook: unknown, at: string): JsonObject {
  const item = part(document, webhook);
  const operation = part(document, item?.post);
  if (!operation) throw invalidFields([{ path: `${at}/post`, message: 'must be an operation: webhooks are POSTed' }]);
  const media = mediaOf(document, operation);
  const { tags } = operation;
  const schema = media?.schema;
  return without({
    name,
    description: operation.description ?? operation.summary ?? item?.description ?? item?.summary,
    group: operation['x-group'] ?? (Array.isArray(tags) ? tags[0] : undefined),
    schema: isJsonObject(schema) ? standingAlone(document, schema, `${at}/post/requestBody`) : undefined,
    example: media && exampleOf(document, media),
    archived: operation['x-archived'] === true,
  });
}

/** The JSON that it says is in its body. */
function mediaOf(document: JsonObject, operation: JsonObject): JsonObject | undefined {
  const content = part(document, part(document, operation.requestBody)?.content);
  const type = Object.keys(content ?? {}).find((each) => /^application\/(.+\+)?json\b/i.test(each));
  return type === undefined ? undefined : part(document, content?.[type]);
}

function exampleOf(document: JsonObject, media: JsonObject): unknown {
  if (media.example !== undefined) return media.example;
  const first = isJsonObject(media.examples) ? Object.values(media.examples)[0] : undefined;
  return part(document, first)?.value;
}

/** A part of the document, or what it refers to. */
function part(document: JsonObject, value: unknown): JsonObject | undefined {
  let here = value;
  for (let hops = 0; isJsonObject(here) && typeof here.$ref === 'string' && hops < MAX_HOPS; hops++) {
    here = resolve(document, here.$ref, new Map());
  }
  return isJsonObject(here) ? here : undefined;
}

export function toOpenApi(rows: readonly EventTypeRow[]): JsonObject {
  const groups = [...new Set(rows.flatMap(({ group_name }) => group_name ?? []))];
  const schemas = rows.flatMap(({ name, schema }): [string, JsonObject][] =>
    schema ? [[name, asComponent(schema, name)]] : [],
  );
  return {
    openapi: '3.1.0',
    info: { title: 'Event types', version: '1.0.0' },
    tags: groups.map((name) => ({ name })),
    webhooks: Object.fromEntries(rows.map((row) => [row.name, { post: operationOf(row) }])),
    components: { schemas: Object.fromEntries(schemas) },
  };
}

function operationOf({ name, description, group_name, schema, example, archived_at }: EventTypeRow): JsonObject {
  const media = without({
    schema: schema ? { $ref: `#/components/schemas/${name}` } : undefined,
    example: example ?? undefined,
  });
  return without({
    description: description === '' ? undefined : description,
    tags: group_name === null ? undefined : [group_name],
    deprecated: archived_at ? true : undefined,
    'x-archived': archived_at ? true : undefined,
    requestBody: { required: true, content: { 'application/json': media } },
    responses: { '2XX': { description: 'Taken' } },
  });
}

/** The same without members that are not there. */
function without(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
