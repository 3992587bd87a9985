import { answer } from './answers.ts';
import type { Api } from './api.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** One operation of the OpenAPI document. */
export interface Operation {
  readonly id: string;
  /** As fetch takes it. */
  readonly method: string;
  /** `/v1/app/{app_id}` */
  readonly path: string;
  /** Names in the path, in order. */
  readonly parameters: readonly string[];
  readonly isPublic: boolean;
  readonly hasBody: boolean;
  /** The schema of its body; null where it takes none. */
  readonly body: JsonObject | null;
  /** What its query may hold. */
  readonly queries: readonly { readonly name: string; readonly schema: JsonObject }[];
  readonly summary: unknown;
  readonly tags: unknown;
  /** By status. `null`: no body. */
  readonly responses: ReadonlyMap<string, JsonObject | null>;
}

interface RawOperation {
  operationId?: string;
  summary?: string;
  tags?: string[];
  security?: object[];
  requestBody?: { content?: Record<string, { schema: JsonObject }> };
  parameters?: { in: string; name: string; schema: JsonObject }[];
  responses: Record<string, { content?: Record<string, { schema: JsonObject }> }>;
}

/** What a link's code or a portal session calls, and no API key: test/portal has their tests. */
const OF_SESSIONS = new Set(['openPortalSession', 'closePortalSession']);

/** The operations that are called with API keys, or by anybody. */
export async function readDocument(api: Api): Promise<{ document: JsonObject; operations: Operation[] }> {
  const document = await answer<JsonObject>(api.get('/openapi.json'), 200);
  const paths = document.paths as Record<string, Record<string, RawOperation>>;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, raw]) => operationOf(path, method.toUpperCase(), raw)),
  );
  return { document, operations: operations.filter(({ id }) => !OF_SESSIONS.has(id)) };
}

function operationOf(path: string, method: string, raw: RawOperation): Operation {
  return {
    id: raw.operationId ?? `${method} ${path}`,
    method,
    path,
    parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ''),
    isPublic: raw.security === undefined,
    hasBody: raw.requestBody !== undefined,
    body: raw.requestBody?.content?.['application/json']?.schema ?? null,
    queries: (raw.parameters ?? []).filter((each) => each.in === 'query'),
    summary: raw.summary,
    tags: raw.tags,
    responses: new Map(
      Object.entries(raw.responses).map(([status, { content }]) => [
        status,
        Object.values(content ?? {})[0]?.schema ?? null,
      ]),
    ),
  };
}
