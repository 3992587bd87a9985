import { beforeAll, beforeEach, expect, test } from 'vitest';
import { PORTAL_ROUTES } from '../../src/api/portal/allowed.ts';
import { SVIX_MOUNT } from '../../src/api/svix/mount.ts';
import { CAPABILITIES } from '../../src/core/portal.ts';
import { validCall } from '../api/samples.ts';
import { settle, type Tenant } from '../api/tenant.ts';
import { type Attempt, all } from '../kit/answers.ts';
import { Api } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { type Operation, readDocument } from '../kit/document.ts';
import { flawsOf, refusal } from '../kit/problem.ts';
import { routesOfServer } from '../kit/routes.ts';
import { stageOn } from '../kit/stage.ts';
import { callOf, idsOf, SVIX_OPERATIONS, type SvixTenant } from '../svix/operations.ts';
import { openPortal } from './session.ts';

test('every route that a session may call is one, and names an application or is the session’s own', async () => {
  const routes = new Set((await routesOfServer()).map(({ method, url }) => `${method} ${url}`));
  expect([...PORTAL_ROUTES.keys()].filter((route) => !routes.has(route))).toEqual([]);
  for (const [route, needed] of PORTAL_ROUTES) {
    expect(route.includes('/app/:app_id/') || needed === 'own', route).toBe(true);
  }
});

onBothDatabases('a portal session', (kind) => {
  // A minute for each test: a session of one would use up what those of the next may call (limits.test.ts).
  let minute = 0;
  const stage = stageOn(kind, { substitutes: { now: () => Date.now() + minute * 60_000 } });
  let operations: Operation[];
  let ours: Tenant & SvixTenant;

  beforeAll(async () => {
    operations = (await readDocument(stage.api)).operations.filter(({ isPublic }) => !isPublic);
    const tenant = await settle(stage.postrider.url, stage.api, `${stage.receiver.url}/status/400`);
    const [attempt] = await all<Attempt>(stage.api, `/v1/deliveries/${tenant.deliveryId}/attempts`);
    await stage.api.patch(`/v1/event-types/${tenant.eventType}`, { example: { id: 'one' } });
    ours = { ...tenant, attemptId: attempt?.id ?? '' };
  });
  beforeEach(() => void minute++);

  const session = async (capabilities?: string[], app = ours.appId) => {
    const wanted = capabilities ? { capabilities } : {};
    return new Api(stage.postrider.url, (await openPortal(stage.api, stage.postrider.url, app, wanted)).token);
  };
  const routeOf = ({ method, path }: Operation) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`;

  for (const capability of CAPABILITIES) {
    test(`may do what ${capability} says with its application, and nothing else`, async () => {
      const api = await session([capability]);
      const may = (route: string) => {
        const needed = PORTAL_ROUTES.get(route);
        return needed === capability || needed === 'view' || needed === 'own';
      };
      const wrong: Record<string, unknown> = {};
      for (const operation of operations) {
        const { path, body } = await validCall(operation, ours);
        const reply = await api.call(operation.method, path, body);
        const isRight = may(routeOf(operation)) ? reply.status < 300 : reply.body.code === 'insufficient_scope';
        if (!isRight || (reply.status >= 300 && flawsOf(reply).length > 0)) wrong[operation.id] = reply.text;
      }
      for (const operation of SVIX_OPERATIONS) {
        if (operation.route.startsWith('DELETE')) continue;
        const { method, path } = callOf(operation, idsOf(ours));
        const reply = await api.call(method, path, operation.body?.(ours));
        const [, url] = operation.route.split(' ');
        const isRight = may(`${method} ${SVIX_MOUNT}${url}`) ? reply.status < 300 : reply.status === 403;
        if (!isRight) wrong[operation.route] = reply.text;
      }
      expect(wrong).toEqual({});
    });
  }

  test('finds no other application, by id or uid, nor what is in it', async () => {
    const other = await ours.newApplication();
    const api = await session(undefined, other);
    for (const name of [ours.appId, ours.uid, 'default', 'nobody', 'app_x']) {
      await refusal(api.get(`/v1/app/${name}/endpoints`), 'not_found');
      await refusal(api.patch(`/v1/app/${name}/endpoints/${ours.endpointId}`, { description: 'x' }), 'not_found');
      expect((await api.get(`${SVIX_MOUNT}/app/${name}/msg`)).status).toBe(404);
    }
    const items = [`endpoints/${ours.endpointId}`, `messages/${ours.messageId}`, `deliveries/${ours.deliveryId}`];
    for (const item of items) await refusal(api.get(`/v1/app/${other}/${item}`), 'not_found');
    await refusal(api.get(`/v1/app/${other}/endpoints/${ours.endpointId}/secret`), 'not_found');
    await refusal(api.post(`/v1/app/${other}/deliveries/${ours.deliveryId}/retry`), 'not_found');
    expect((await api.get(`/v1/app/${other}/endpoints`)).body.data).toEqual([]);
    await refusal(api.get('/v1/endpoints'), 'insufficient_scope');
  });

  test('replays its own application’s deliveries alone', async () => {
    const other = await ours.newApplication();
    const api = await session(['replay'], other);
    const asked = { filter: {}, dry_run: true };
    expect((await api.post(`/v1/app/${other}/deliveries/replay`, asked)).body).toEqual({ matched: 0 });
    const named = { filter: { application: ours.appId }, dry_run: true };
    await refusal(api.post(`/v1/app/${other}/deliveries/replay`, named), 'validation_failed');
    const endpoint = { filter: { endpoint_id: ours.endpointId }, dry_run: true };
    expect((await api.post(`/v1/app/${other}/deliveries/replay`, endpoint)).body).toEqual({ matched: 0 });
  });

  test('ends when it says so, and when it is revoked, at once; others go on', async () => {
    const [one, two] = [await session(), await session()];
    const path = `/v1/app/${ours.appId}/endpoints`;
    expect((await one.delete('/v1/portal/session')).status).toBe(204);
    await refusal(one.get(path), 'unauthenticated');
    expect((await two.get(path)).status).toBe(200);
    const elsewhere = await ours.newApplication();
    const other = await session(undefined, elsewhere);
    expect((await ours.as.write.delete(`/v1/app/${ours.uid}/portal/sessions`)).status).toBe(204);
    await refusal(two.get(path), 'unauthenticated');
    expect((await other.get(`/v1/app/${elsewhere}/endpoints`)).status).toBe(200);
  });

  test('is not had with an API key, nor with half a token', async () => {
    await refusal(stage.api.delete('/v1/portal/session'), 'insufficient_scope');
    const tokens = ['prs_', `prs_${'a'.repeat(43)}`, `prs_${'a'.repeat(44)}`, `prl_${'a'.repeat(43)}`];
    for (const token of tokens) {
      const api = new Api(stage.postrider.url, token);
      await refusal(api.get(`/v1/app/${ours.appId}/endpoints`), 'unauthenticated');
      await refusal(api.delete('/v1/portal/session'), 'unauthenticated');
    }
  });

  test('signs what it changes in the audit log as a session', async () => {
    const { token } = await openPortal(stage.api, stage.postrider.url, ours.appId);
    const made = await new Api(stage.postrider.url, token).post(`/v1/app/${ours.appId}/endpoints`, {
      url: 'https://example.com/by-session',
    });
    expect(made.status).toBe(201);
    const { body } = await stage.api.get('/v1/audit-log?limit=1');
    expect(body.data).toMatchObject([
      { subject: made.body.id, actor: { kind: 'portal_session', id: expect.stringMatching(/^pts_\w{26}$/) } },
    ]);
  });
});
