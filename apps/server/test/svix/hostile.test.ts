import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { SVIX_MOUNT } from '../../src/api/svix/mount.ts';
import { near, type Schema } from '../api/hostile/near.ts';
import { anyJson, text } from '../api/hostile/text.ts';
import { SEED } from '../api/seed.ts';
import { settle, type Tenant } from '../api/tenant.ts';
import { type Attempt, all } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { type Route, routesOfServer } from '../kit/routes.ts';
import { stageOn } from '../kit/stage.ts';
import { callOf, idsOf, parametersOf, SVIX_OPERATIONS, type SvixOperation, type SvixTenant } from './operations.ts';

const RUNS = Number(process.env.POSTRIDER_TEST_RUNS ?? 80);

interface HostileCall {
  readonly values: Readonly<Record<string, string | null>>;
  readonly query: string;
  readonly body: string | undefined;
  readonly key: string | null;
}

const segment = fc.oneof(
  text.map((each) => encodeURIComponent(each.toWellFormed())),
  fc.constantFrom('%', '%zz', '%ed%a0%80', '%2e%2e%2f', ';', '%25', 'a%00b', 'a'.repeat(300)),
);
const QUERIES = ['limit', 'iterator', 'order', 'before', 'after', 'channel', 'event_types', 'with_content', 'status'];
const query = fc.oneof(
  { arbitrary: fc.constant(''), weight: 3 },
  {
    arbitrary: fc
      .array(fc.tuple(fc.constantFrom(...QUERIES, 'status_code_class', 'with_msg', '__proto__', 'x'), segment), {
        minLength: 1,
        maxLength: 3,
      })
      .map((pairs) => `?${pairs.map((pair) => pair.join('=')).join('&')}`),
    weight: 1,
  },
);

function hostileCalls(operation: SvixOperation, route: Route, tenant: SvixTenant): fc.Arbitrary<HostileCall> {
  const most = fc.oneof({ arbitrary: fc.constant(null), weight: 8 }, { arbitrary: segment, weight: 1 });
  const json = route.body
    ? fc.oneof(
        { arbitrary: near(route.body as Schema, operation.body?.(tenant)), weight: 12 },
        { arbitrary: anyJson, weight: 1 },
      )
    : fc.constant(undefined);
  return fc.record({
    values: fc.record(Object.fromEntries(parametersOf(operation).map((name) => [name, most]))),
    query,
    body: json,
    key: fc.oneof({ arbitrary: fc.constant(null), weight: 4 }, { arbitrary: fc.constantFrom('k', 'é', ''), weight: 1 }),
  });
}

onBothDatabases(`generated calls of the Svix surface (seed ${SEED})`, (kind) => {
  const stage = stageOn(kind);
  let routes: ReadonlyMap<string, Route>;
  let tenant: Tenant & SvixTenant;

  beforeAll(async () => {
    routes = new Map((await routesOfServer()).map((route) => [`${route.method} ${route.url}`, route]));
    const made = await settle(stage.postrider.url, stage.api, `${stage.receiver.url}/status/400`);
    const [attempt] = await all<Attempt>(stage.api, `/v1/deliveries/${made.deliveryId}/attempts`);
    tenant = { ...made, attemptId: attempt?.id ?? '' };
    // No worker from here on: what a generated URL names is not to be dialled.
    await stage.restart({ POSTRIDER_ROLES: 'api,maintenance' });
  });

  test('are answered in its form, and never with a fault of ours', async () => {
    let taken = 0;
    for (const operation of SVIX_OPERATIONS.filter(({ route }) => !route.startsWith('DELETE'))) {
      const [method = '', url = ''] = operation.route.split(' ');
      const route = routes.get(`${method} ${SVIX_MOUNT}${url}`);
      if (!route) throw new Error(`there is no ${operation.route}`);
      const numRuns = method === 'GET' ? Math.ceil(RUNS / 4) : RUNS;
      const property = fc.asyncProperty(hostileCalls(operation, route, tenant), async (call) => {
        const values = Object.entries(call.values).map(([name, value]) => [name, value ?? idsOf(tenant)[name] ?? '']);
        const { path } = callOf(operation, Object.fromEntries(values));
        const headers: Record<string, string> = call.key === null ? {} : { 'idempotency-key': call.key };
        const reply = await stage.api.call(method, path + call.query, call.body, headers);
        const told = `${method} ${path}${call.query} ${call.body?.slice(0, 300)} → ${reply.status} ${reply.text.slice(0, 300)}`;
        expect(reply.status, told).toBeLessThan(500);
        if (reply.status < 300) taken++;
        else if (new URL(path, 'http://a').pathname === path)
          expect(flawsOf(reply.status, reply.body), told).toEqual([]);
      });
      await fc.assert(property, { seed: SEED, numRuns, endOnFailure: false });
    }
    // The valid ones among them show that it is not all refused at the door.
    expect(taken).toBeGreaterThan(SVIX_OPERATIONS.length * 5);
  }, 120_000);
});

function flawsOf(status: number, body: Readonly<Record<string, unknown>>): string[] {
  if (status !== 422) {
    return typeof body.code === 'string' && typeof body.detail === 'string' ? [] : ['no code and detail'];
  }
  const details = Array.isArray(body.detail) ? body.detail : [];
  const isWhole = details.every(
    ({ loc, msg, type }) => Array.isArray(loc) && loc.length > 0 && typeof msg === 'string' && type === 'value_error',
  );
  return details.length > 0 && isWhole ? [] : ['no list of what is wrong'];
}
