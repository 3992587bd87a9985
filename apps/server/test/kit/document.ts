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
  readonly queries: readonly Parameter[];
  /** The headers that it may have besides those of every call. */
  readonly headers: readonly Parameter[];
  readonly summary: unknown;
  readonly tags: unknown;
  /** By status. `null`: no body. */
  readonly responses: ReadonlyMap<string, JsonObject | null>;
  /** The names of the headers that an answer may have, by status. */
  readonly answerHeaders: ReadonlyMap<string, readonly string[]>;
}

/** In the query or a header. */
interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly required?: boolean;
  readonly schema: JsonObject;
}

interface RawOperation {
  operationId?: string;
  summary?: string;
  tags?: string[];
  security?: object[];
  requestBody?: { content?: Record<string, { schema: JsonObject }> };
  parameters?: Parameter[];
  responses: Record<string, { content?: Record<string, { schema: JsonObject }>; headers?: JsonObject }>;
}

/** What a link's code or a portal session calls, and no API key: test/portal walks them. */
const OF_SESSIONS = new Set(['openPortalSession', 'closePortalSession']);

export interface Described {
  readonly document: JsonObject;
  /** Those that are called with API keys, or by anybody. */
  readonly operations: Operation[];
  /** Those of the portal's links and sessions. */
  readonly ofSessions: Operation[];
}

export async function readDocument(api: Api): Promise<Described> {
  const document = await answer<JsonObject>(api.get('/openapi.json'), 200);
  const paths = document.paths as Record<string, Record<string, RawOperation>>;
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, raw]) => operationOf(path, method.toUpperCase(), raw)),
  );
  const isOfSessions = ({ id }: Operation) => OF_SESSIONS.has(id);
  return { document, operations: all.filter((each) => !isOfSessions(each)), ofSessions: all.filter(isOfSessions) };
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
    headers: (raw.parameters ?? []).filter((each) => each.in === 'header'),
    summary: raw.summary,
    tags: raw.tags,
    responses: new Map(
      Object.entries(raw.responses).map(([status, { content }]) => [
        status,
        Object.values(content ?? {})[0]?.schema ?? null,
      ]),
    ),
    answerHeaders: new Map(
      Object.entries(raw.responses).map(([status, { headers }]) => [status, Object.keys(headers ?? {})]),
    ),
  };
}
