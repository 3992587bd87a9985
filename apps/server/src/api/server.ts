import { isUtf8 } from 'node:buffer';
import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import { authenticate, authorize, type Caller, type KeySource } from '../auth/authenticate.ts';
import type { KeyUse } from '../auth/key-use.ts';
import type { RequestLimiter } from '../auth/request-limiter.ts';
import type { Scope } from '../core/scope.ts';
import type { Directory } from '../directory/directory.ts';
import { Problem } from '../errors.ts';
import type { Log } from '../log.ts';
import { withHeaders } from './described-headers.ts';
import { admitSession, openSession, portalTokenIn, type SessionSource } from './portal/admission.ts';
import { isOurFault, newRequestId, problemOf, sendProblem, writeProblem } from './problems.ts';
import { limitRequests } from './request-limit.ts';
import { ProblemSchema } from './schema.ts';
import { validatorCompiler } from './validation.ts';

/**
 * The HTTP server before any route: authentication, body reading, validation and problems. A request passes
 * onRequest (who are you, how often, may you) → body parser → schema → handler; whatever fails on the way becomes a problem.
 */
export type ApiServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Every route says who may call it: a key of at least this scope, anybody, or a portal session alone. What sessions
     * may call besides is in portal/allowed.ts.
     */
    access?: Scope | 'public' | 'portal';
  }
  interface FastifyInstance {
    /** Who may call the routes of a plugin that is not ours, and so cannot say it itself. */
    defaultAccess?: Scope | 'public';
  }
  interface FastifyRequest {
    /** Who calls. Set before the body is read, on every route that is not public. */
    caller: Caller;
    /** The body's text as posted; '' where there is none. */
    rawBody: string;
  }
}

const PROBLEM_RESPONSE = {
  description: 'Something was refused or went wrong',
  content: { 'application/problem+json': { schema: ProblemSchema } },
};

/** The whole request. A payload has a limit of its own (messages/payload.ts). */
const BODY_LIMIT = 2 * 1024 * 1024;

export interface ApiServerOptions {
  readonly keys: KeySource;
  readonly sessions: SessionSource;
  readonly directory: Pick<Directory, 'application'>;
  readonly keyUse: Pick<KeyUse, 'note'>;
  readonly limiter: RequestLimiter;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Log;
  readonly version: string;
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    // /api/v1 is /v1: one set of routes, whatever prefix a proxy or a habit puts before it.
    rewriteUrl: (request) => (request.url?.startsWith('/api/v1/') ? request.url.slice(4) : (request.url ?? '/')),
    genReqId: newRequestId,
    routerOptions: { maxParamLength: 256 },
    // Long enough for a slow uplink with a large body, short enough that open sockets cannot be collected.
    requestTimeout: 60_000,
    frameworkErrors: (error, request, reply) => sendProblem(reply, problemOf(error), request.id),
    clientErrorHandler: (_error, socket) => writeProblem(socket),
    // Node's own refusal would be a bare 400; ours (below) is a problem.
    http: { requireHostHeader: false },
    // Responses are written with the same schemas that requests are read with (validation.ts).
    serializerOpts: { ajv: { formats: { text: true } } },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.decorateRequest('rawBody', '');
  app.decorateRequest('caller', null as unknown as Caller);
  app.setValidatorCompiler(validatorCompiler);
  readJson(app);

  app.addHook('onRoute', function (route) {
    if (this.defaultAccess) route.config = { access: this.defaultAccess, ...route.config };
    if (!route.config?.access) throw new Error(`${route.method} ${route.url} does not say who may call it`);
    route.schema = {
      ...route.schema,
      response: { ...(route.schema?.response as object | undefined), default: PROBLEM_RESPONSE },
      ...(route.config.access !== 'public' && { security: [securityOf(route.config.access)] }),
    };
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      throw new Problem('invalid_request', 'an HTTP/1.1 request names its host');
    }
    const access = request.routeOptions.config.access;
    if (access && access !== 'public') {
      const token = portalTokenIn(request.headers.authorization);
      if (token !== null) {
        const session = await openSession(options.sessions, token);
        limitRequests(await options.limiter.countPortal(session), reply, 'the portal of an application');
        request.caller = await admitSession(session, options.directory, request);
        return;
      }
      const key = await authenticate(options.keys, request.headers.authorization, options.now);
      request.caller = { keyId: key.id, environmentId: key.environmentId, scope: key.scope, portal: null };
      options.keyUse.note(key.id);
      const counted = options.limiter.count(key);
      if (counted) limitRequests(await counted, reply);
      if (access === 'portal') throw new Problem('insufficient_scope', 'this is for portal sessions, not for API keys');
      authorize(key, access);
    }
  });
  // An expectation nobody here knows is ignored, as RFC 9110 allows; Node's own answer would be a bare 417.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    if (isOurFault(problem)) {
      options.log.error({ err: error, request_id: request.id, route: request.routeOptions.url }, problem.code);
    }
    return sendProblem(reply, problem, request.id);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      new Problem('not_found', `there is no ${request.method} ${request.url.split('?')[0]}`),
      request.id,
    ),
  );
  describe(app, options.version);
  return app;
}

function securityOf(access: Scope | 'portal'): Record<string, string[]> {
  return access === 'portal' ? { portal_session: [] } : { api_key: [] };
}

/** How long a stop waits for calls under way. What is cut off then was promised nothing. */
const CLOSE_GRACE_MS = 5_000;
const SWEEP_MS = 50;

/**
 * Takes no more calls, lets those under way be answered, and ends. `close` alone shuts the connections that are idle at
 * that moment; one that is answered afterwards would be kept alive for Fastify's 72 s, one with half a request for 60 s.
 */
export async function closeApiServer(app: ApiServer): Promise<void> {
  const sweep = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS);
  const cut = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS);
  try {
    await app.close();
  } finally {
    clearInterval(sweep);
    clearTimeout(cut);
  }
}

/** JSON in valid UTF-8 and nothing else; its text is kept, because payloads are sent on byte for byte. */
function readJson(app: ApiServer): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = body as Buffer;
    if (bytes.length === 0) return done(null, undefined);
    if (!isUtf8(bytes)) return done(new Problem('invalid_json', 'the body is not valid UTF-8'));
    request.rawBody = bytes.toString('utf8');
    try {
      done(null, JSON.parse(request.rawBody));
    } catch (error) {
      done(new Problem('invalid_json', error instanceof Error ? error.message.slice(0, 200) : 'not JSON'));
    }
  });
}

/** The OpenAPI document, from the schemas of the routes themselves. */
function describe(app: ApiServer, version: string): void {
  app.register(swagger, {
    transform: ({ schema, url, route }) => ({ schema: withHeaders(schema, route), url }),
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Postrider',
        version,
        description: 'Webhooks as a service: one call in, every matching endpoint gets a signed POST.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          api_key: { type: 'http', scheme: 'bearer', description: 'pr_live_… or pr_test_…' },
          portal_session: { type: 'http', scheme: 'bearer', description: 'prs_…, from POST /v1/portal/session' },
        },
      },
    },
  });
}
