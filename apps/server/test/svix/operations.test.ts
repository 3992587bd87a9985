import { beforeAll, expect, test } from 'vitest';
import { SVIX_MOUNT } from '../../src/api/svix/mount.ts';
import { newId, publicId } from '../../src/core/ids.ts';
import { SCOPES, scopeAllows } from '../../src/core/scope.ts';
import { settle, type Tenant } from '../api/tenant.ts';
import { type Attempt, all } from '../kit/answers.ts';
import { Api, type Reply } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { newKey, startTestPostrider } from '../kit/postrider.ts';
import { routesOfServer } from '../kit/routes.ts';
import { stageOn } from '../kit/stage.ts';
import {
  callOf,
  idsOf,
  parametersOf,
  SVIX_OPERATIONS,
  SVIX_OTHERS,
  type SvixOperation,
  type SvixTenant,
} from './operations.ts';

test('every route of the surface has a sample here', async () => {
  const sampled = [...SVIX_OPERATIONS.map(({ route }) => route), ...SVIX_OTHERS];
  const routes = (await routesOfServer()).filter(({ url }) => url.startsWith(SVIX_MOUNT));
  const named = routes.map(({ method, url }) => `${method} ${url.slice(SVIX_MOUNT.length)}`);
  expect(named.sort()).toEqual(sampled.sort());
});

onBothDatabases('every operation of the Svix surface', (kind) => {
  const stage = stageOn(kind);
  const liveKey = newKey('live');
  let ours: Tenant & SvixTenant;
  let theirs: Tenant & SvixTenant;

  beforeAll(async () => {
    // A start with a live key lets that key into the other environment of the same database.
    await stage.restartAfter(async (database) => {
      await (await startTestPostrider(database, { env: { POSTRIDER_BOOTSTRAP_API_KEY: liveKey } })).stop();
    });
    const { url } = stage.postrider;
    ours = await settled(stage.api);
    theirs = await settled(new Api(url, liveKey));
  });

  async function settled(api: Api): Promise<Tenant & SvixTenant> {
    const tenant = await settle(stage.postrider.url, api, `${stage.receiver.url}/status/400`);
    const [attempt] = await all<Attempt>(api, `/v1/deliveries/${tenant.deliveryId}/attempts`);
    await api.patch(`/v1/event-types/${tenant.eventType}`, { example: { id: 'one' } });
    return { ...tenant, attemptId: attempt?.id ?? '' };
  }

  /** What is wrong with a refusal of this status; null where it is right. */
  function flawOf(reply: Reply, status: number): unknown {
    const isRight =
      reply.status === status &&
      reply.headers.get('content-type')?.startsWith('application/json') &&
      typeof reply.body.code === 'string' &&
      typeof reply.body.detail === 'string';
    return isRight ? null : { status: reply.status, text: reply.text };
  }

  async function flaws(
    status: number,
    calls: (operation: SvixOperation) => { ids?: Readonly<Record<string, string>>; api?: Api; body?: unknown }[],
  ): Promise<Record<string, unknown>> {
    const wrong: Record<string, unknown> = {};
    for (const operation of SVIX_OPERATIONS) {
      for (const { ids = idsOf(ours), api = stage.api, body = operation.body?.(ours) } of calls(operation)) {
        const { method, path } = callOf(operation, ids);
        const flaw = flawOf(await api.call(method, path, body), status);
        if (flaw) wrong[`${method} ${path}`] = flaw;
      }
    }
    return wrong;
  }

  test('says 404 to another environment’s ids, alone or beside ours, as to ids that nobody has', async () => {
    const foreign = idsOf(theirs);
    const nobodys: Record<string, string> = {
      ...{ app_id: publicId('app', newId()), endpoint_id: publicId('ep', newId()), msg_id: publicId('msg', newId()) },
      ...{ attempt_id: publicId('att', newId()), task_id: publicId('job', newId()) },
      event_type_name: 'nobody.knows',
    };
    const before = await everything(theirs.api);
    const wrong = await flaws(404, (operation) => {
      // A PUT makes the event type that it names.
      const names = parametersOf(operation).filter(
        (name) => name !== 'event_type_name' || !operation.route.startsWith('PUT'),
      );
      return [foreign, nobodys].flatMap((others) => [
        ...(names.length > 0 ? [{ ids: others }] : []),
        // One of theirs, the rest ours.
        ...names.map((name) => ({ ids: { ...idsOf(ours), [name]: others[name] ?? '' } })),
      ]);
    });
    expect(wrong).toEqual({});
    expect(await everything(theirs.api)).toEqual(before);
  });

  test('says 404 to what is of another application of ours', async () => {
    const other = await ours.newApplication();
    const wrong = await flaws(404, (operation) =>
      parametersOf(operation).length > 1 ? [{ ids: { ...idsOf(ours), app_id: other } }] : [],
    );
    expect(wrong).toEqual({});
  });

  const bodies = ({ body }: SvixOperation) => (body ? [body(ours), '{'] : [undefined]);

  test('says 401 to strangers, whatever the body', async () => {
    const stranger = new Api(stage.postrider.url, newKey());
    expect(await flaws(401, (operation) => bodies(operation).map((body) => ({ api: stranger, body })))).toEqual({});
  });

  test('says 403 to a key of too small a scope, whatever the body', async () => {
    const wrong = await flaws(403, (operation) =>
      SCOPES.filter((held) => !scopeAllows(held, operation.scope)).flatMap((held) =>
        bodies(operation).map((body) => ({ api: ours.as[held], body })),
      ),
    );
    expect(wrong).toEqual({});
  });

  test('says yes to the smallest key that may', async () => {
    const wrong: Record<string, unknown> = {};
    for (const operation of SVIX_OPERATIONS) {
      const { method, path } = callOf(operation, idsOf(ours));
      const reply = await ours.as[operation.scope].call(method, path, operation.body?.(ours));
      if (reply.status >= 300) wrong[operation.route] = { status: reply.status, text: reply.text };
    }
    expect(wrong).toEqual({});
  });
});

async function everything(api: Api): Promise<unknown[]> {
  const lists = ['app', 'api-keys', 'endpoints', 'messages', 'deliveries'];
  return Promise.all(lists.map(async (name) => (await api.get(`/v1/${name}?limit=100`)).body));
}
