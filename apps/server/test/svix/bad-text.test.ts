import { beforeAll, expect, test } from 'vitest';
import { SVIX_MOUNT } from '../../src/api/svix/mount.ts';
import { settle, type Tenant } from '../api/tenant.ts';
import { type Attempt, all } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { routesOfServer } from '../kit/routes.ts';
import { stageOn } from '../kit/stage.ts';
import { callOf, idsOf, parametersOf, SVIX_OPERATIONS, type SvixTenant } from './operations.ts';

type Call = readonly [method: string, path: string, body: object | undefined];

/** PostgreSQL has no NUL in its texts: one that came so far would be a fault of ours. */
const NUL = 'a%00b';

onBothDatabases('a NUL sent to the Svix surface is refused', (kind) => {
  const stage = stageOn(kind);
  let tenant: Tenant & SvixTenant;

  beforeAll(async () => {
    const made = await settle(stage.postrider.url, stage.api, `${stage.receiver.url}/status/400`);
    const [attempt] = await all<Attempt>(stage.api, `/v1/deliveries/${made.deliveryId}/attempts`);
    tenant = { ...made, attemptId: attempt?.id ?? '' };
  });

  /** Of calls, those that were not answered with one of these statuses. */
  async function others(calls: readonly Call[], ...expected: number[]) {
    const told = calls.map(async ([method, path, body]) => {
      const reply = await stage.api.call(method, path, body);
      return expected.includes(reply.status) ? [] : [`${method} ${path} → ${reply.status}`];
    });
    return (await Promise.all(told)).flat();
  }

  test('in each part of each path: nothing is called that', async () => {
    const calls = SVIX_OPERATIONS.flatMap((operation) =>
      parametersOf(operation).map((name) => {
        const { method, path } = callOf(operation, { ...idsOf(tenant), [name]: NUL });
        return [method, path, operation.body?.(tenant)] satisfies Call;
      }),
    );
    expect(calls.length).toBeGreaterThan(SVIX_OPERATIONS.length);
    expect(await others(calls, 404)).toEqual([]);
  });

  test('in each parameter of each query', async () => {
    const queries = new Map((await routesOfServer()).map(({ method, url, query }) => [`${method} ${url}`, query]));
    const calls = SVIX_OPERATIONS.flatMap((operation) => {
      const { method, path } = callOf(operation, idsOf(tenant));
      const [, url] = operation.route.split(' ');
      const query = queries.get(`${method} ${SVIX_MOUNT}${url}`) as { properties?: object } | undefined;
      const names = Object.keys(query?.properties ?? {});
      return names.map((name) => [method, `${path}?${name}=${NUL}`, operation.body?.(tenant)] satisfies Call);
    });
    expect(calls.length).toBeGreaterThan(50);
    // An endpoint is 404 here too.
    expect(await others(calls, 404, 422)).toEqual([]);
  });

  test('in a payload that is text already, where half of a surrogate pair would be sent as something else', async () => {
    const send = (text: string) =>
      stage.api.call('POST', `${SVIX_MOUNT}/app/${tenant.appId}/msg`, {
        ...{ eventType: 'invoice.paid', payload: {} },
        transformationsParams: { rawPayload: `{"a":"${text}"}` },
      });
    expect((await send('fine')).status).toBe(202);
    for (const bad of ['\0', '\ud83d']) expect((await send(bad)).status).toBe(422);
  });
});
