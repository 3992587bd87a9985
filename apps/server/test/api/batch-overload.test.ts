import { afterAll, beforeAll, expect, test } from 'vitest';
import { registerRoutes } from '../../src/api/routes.ts';
import { type ApiServer, closeApiServer, createApiServer } from '../../src/api/server.ts';
import { PortalSessions } from '../../src/auth/portal-sessions.ts';
import { RequestLimiter } from '../../src/auth/request-limiter.ts';
import { newId } from '../../src/core/ids.ts';
import { type Acceptance, Acceptor, type Draft } from '../../src/ingest/acceptor.ts';
import { createLog } from '../../src/log.ts';
import { directoryOn, Gate } from '../directory/stage.ts';
import { Api } from '../kit/api.ts';
import { newKey } from '../kit/postrider.ts';
import { refusal } from '../kit/problem.ts';
import { openStage, type Stage } from '../store/stage.ts';

/** So many may wait (ingest/acceptor.ts). */
const MOST = 10_000;

/** Tells when it first says no. */
class WatchedAcceptor extends Acceptor {
  onRefusal: () => unknown = () => {};

  override async accept(draft: Draft): Promise<Acceptance> {
    try {
      return await super.accept(draft);
    } catch (error) {
      this.onRefusal();
      throw error;
    }
  }
}

let stage: Stage;
let gate: Gate;
let acceptor: WatchedAcceptor;
let app: ApiServer;
let api: Api;

beforeAll(async () => {
  stage = await openStage('embedded');
  await stage.addApplication({ is_default: true });
  gate = new Gate(stage.db);
  acceptor = new WatchedAcceptor({ db: gate });
  const unlimited = { expiresAt: null, requestsPerMinute: null };
  const key = { id: newId(), environmentId: stage.environment, scope: 'write', ...unlimited } as const;
  const log = createLog('silent');
  const directory = directoryOn(stage.db, stage.vault);
  const portal = new PortalSessions({ db: stage.db });
  app = createApiServer({
    ...{ sessions: portal, directory },
    ...{ keys: { apiKey: async () => key }, keyUse: { note: () => {} }, limiter: new RequestLimiter({ db: stage.db }) },
    ...{ now: Date.now, log, version: '0' },
  });
  registerRoutes(app, {
    ...{ tenant: () => stage.db, directory, acceptor, log, portal, publicUrl: () => '' },
    ...{ checkUrl: () => ({ ok: false, reason: 'no' }), checkBroker: async () => null, probe: async () => {} },
    ...{ wakeWorker: () => {}, wakeJobs: () => {}, wakeSources: () => {}, now: Date.now },
  });
  api = new Api(await app.listen({ host: '127.0.0.1', port: 0 }), newKey());
});
afterAll(async () => {
  await closeApiServer(app);
  await stage.close();
});

const event = { event_type: 'a', payload: {} };
const batch = (messages: object[], headers = {}) => api.post('/v1/messages/batch', { messages }, headers);

/** So many messages wait for a database that does not answer until it is released. */
async function waiting(count: number): Promise<{ release: () => Promise<unknown> }> {
  const held = gate.holdAnswersOf('acceptance_insert');
  const draft = {
    ...{ environmentId: stage.environment, applicationId: stage.application, eventType: 'a', eventId: null },
    ...{ payload: '{}', headers: null, channels: null, endpoints: [], matching: '[]', keyed: null },
    trigger: 'scheduled',
  } as const;
  const accepting = [acceptor.accept(draft)];
  await held.reached;
  for (let n = 0; n < count; n++) accepting.push(acceptor.accept(draft));
  const release = () => {
    held.release();
    gate.mend();
    return Promise.all(accepting);
  };
  return { release };
}

test('a batch for which there is room in part is accepted in part, and says so', async () => {
  const { release } = await waiting(MOST - 1);
  acceptor.onRefusal = release;
  const reply = await batch([event, { wrong: 1 }, event]);
  expect(reply.status).toBe(202);
  expect(JSON.parse(reply.text)).toMatchObject({
    results: [{ id: expect.any(String) }, { error: { code: 'validation_failed' } }, { error: { code: 'overloaded' } }],
  });
});

test('a batch for which there is no room at all is refused whole, so that it can simply be sent again', async () => {
  const { release } = await waiting(MOST);
  for (const headers of [{}, { 'idempotency-key': 'k' }]) {
    const reply = await batch([event, { wrong: 1 }, event], headers);
    expect([reply.status, reply.headers.get('retry-after'), reply.body.code]).toEqual([503, '1', 'overloaded']);
  }
  await release();
  const again = await batch([event, { wrong: 1 }, event], { 'idempotency-key': 'k' });
  expect([again.status, again.headers.has('idempotent-replayed')]).toEqual([202, false]);
});

test('a batch that meets a broken database is refused whole', async () => {
  gate.breakDown();
  const reply = await batch([event, event]);
  expect([reply.status, reply.body.code]).toEqual([503, 'storage_unavailable']);
  gate.mend();
  expect((await batch([event, event])).status).toBe(202);
  await refusal(batch([]), 'validation_failed');
});
