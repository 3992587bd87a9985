import { beforeAll, expect, test } from 'vitest';
import { answer, type NewEndpoint } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { type Operation, readDocument } from '../kit/document.ts';
import { inventory, refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { validCall } from './samples.ts';
import { settle, type Tenant } from './tenant.ts';

const keyed = (key: string) => ({ 'idempotency-key': key });

onBothDatabases('every POST', (kind) => {
  const stage = stageOn(kind);
  let posts: Operation[];
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await settle(stage.postrider.url, stage.api, `${stage.receiver.url}/status/400`);
    posts = (await readDocument(stage.api)).operations.filter(({ method }) => method === 'POST');
  });

  test('takes an idempotency key: done once, answered twice alike', async () => {
    const wrong: Record<string, unknown> = {};
    for (const operation of posts) {
      const { id } = operation;
      const { path, body } = await validCall(operation, tenant);
      const first = await stage.api.post(path, body, keyed(id));
      const between = await inventory(stage.api);
      const second = await stage.api.post(path, body, keyed(id));
      const isReplay =
        second.headers.get('idempotent-replayed') === 'true' && !first.headers.has('idempotent-replayed');
      if (!isReplay || second.text !== first.text || second.status !== first.status) {
        wrong[id] = { first: first.text, second: second.text };
      }
      expect(await inventory(stage.api), id).toEqual(between);
    }
    expect(posts.length).toBeGreaterThan(12);
    expect(wrong).toEqual({});
  });

  test('refuses the key of another body', async () => {
    const wrong: Record<string, unknown> = {};
    for (const operation of posts) {
      const { id, hasBody } = operation;
      const { path, body } = await validCall(operation, tenant);
      await stage.api.post(path, body, keyed(`${id} again`));
      // One space more is another body; without a body, any is.
      const other = hasBody ? `${JSON.stringify(body)} ` : '{ }';
      const { status, body: problem } = await stage.api.post(path, other, keyed(`${id} again`));
      if (status !== 409 || problem.code !== 'idempotency_mismatch') wrong[id] = { status, problem };
    }
    expect(wrong).toEqual({});
  });

  test('refuses what cannot be a key', async () => {
    const wrong: Record<string, unknown> = {};
    for (const operation of posts) {
      const { id } = operation;
      const { path, body } = await validCall(operation, tenant);
      const { status, body: problem } = await stage.api.post(path, body, keyed('é'));
      if (status !== 422 || problem.code !== 'validation_failed') wrong[id] = { status, problem };
    }
    expect(wrong).toEqual({});
  });

  test('that shows a secret shows the same one again', async () => {
    const body = { url: `${stage.receiver.url}/ok` };
    const endpoints = [
      await answer<NewEndpoint>(stage.api.post('/v1/endpoints', body, keyed('secret')), 201),
      await answer<NewEndpoint>(stage.api.post('/v1/endpoints', body, keyed('secret')), 201),
    ];
    expect(endpoints[1]).toEqual(endpoints[0]);
    expect(endpoints[0]?.secret).toMatch(/^whsec_/);
  });

  test('is done once, however often it is sent at the same time', async () => {
    const before = await inventory(stage.api);
    const many = <T>(call: () => Promise<T>) => Promise.all(Array.from({ length: 30 }, call));
    const key = { name: 'worker', scope: 'read' };
    const endpoint = { url: `${stage.receiver.url}/ok` };
    const replies = [
      await many(() => stage.api.post('/v1/app', { name: 'Once' }, keyed('many'))),
      await many(() => stage.api.post('/v1/api-keys', key, keyed('many'))),
      await many(() => stage.api.post('/v1/endpoints', endpoint, keyed('many'))),
    ];
    for (const same of replies) expect(new Set(same.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    const after = await inventory(stage.api);
    for (const list of ['applications', 'keys', 'endpoints']) {
      expect(countOf(after[list]), list).toBe(countOf(before[list]) + 1);
    }
  });

  test('that retries a delivery retries it once', async () => {
    const id = await tenant.newFailedDelivery();
    const retry = () => stage.api.post(`/v1/deliveries/${id}/retry`, undefined, keyed('retry'));
    const [first, second] = [await retry(), await retry()];
    expect([first?.status, second?.status]).toEqual([202, 202]);
    expect(second?.text).toBe(first?.text);
    await refusal(stage.api.post('/v1/deliveries/dlv_x/retry', undefined, keyed('retry')), 'not_found');
  });
});

function countOf(list: unknown): number {
  return Array.isArray(list) ? list.length : Number.NaN;
}
