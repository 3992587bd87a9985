import { beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { flawOf } from '../kit/described.ts';
import { type Operation, readDocument } from '../kit/document.ts';
import { newKey } from '../kit/postrider.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';
import { sampleOf, validCall } from './samples.ts';
import { settle, type Tenant } from './tenant.ts';

onBothDatabases('an answer', (kind) => {
  const stage = stageOn(kind);
  let operations: Operation[];
  let tenant: Tenant;

  beforeAll(async () => {
    ({ operations } = await readDocument(stage.api));
    tenant = await settle(stage.postrider.url, stage.api, `${stage.receiver.url}/status/400`);
  });

  // With the smallest key that may: what a sample says of scopes is then true in both directions.
  for (const prefix of ['/v1', '/api/v1']) {
    test(`of ${prefix} is what the document says, for every operation`, async () => {
      const flaws: Record<string, unknown> = {};
      for (const operation of operations) {
        const { path, body } = await validCall(operation, tenant);
        const api = tenant.as[sampleOf(operation).scope];
        const reply = await api.call(operation.method, path.replace(/^\/v1/, prefix), body);
        const flaw = flawOf(operation, reply.status, reply.text);
        if (flaw) flaws[operation.id] = flaw;
      }
      expect(flaws).toEqual({});
    });
  }

  test('to a call without a key is the same for public operations', async () => {
    for (const operation of operations.filter(({ isPublic }) => isPublic)) {
      const response = await fetch(stage.postrider.url + operation.path);
      expect(flawOf(operation, response.status, await response.text())).toBeNull();
    }
  });

  test('is the same under /v1 and /api/v1', async () => {
    for (const operation of operations.filter(({ method, isPublic }) => method === 'GET' && !isPublic)) {
      if (sampleOf(operation).isNewEachTime) continue;
      const { path } = await validCall(operation, tenant);
      const ask = () => Promise.all([stage.api.get(path), stage.api.get(`/api${path}`)]);
      // Asked again where they differ: statistics may be written between the two.
      const [, other] = await until(ask, ([one, two]) => one.text === two.text);
      expect(other.status, operation.id).toBe(200);
    }
    const unknown = { authorization: `Bearer ${newKey()}` };
    expect((await stage.api.call('GET', '/api/v1/endpoints', undefined, unknown)).status).toBe(401);
  });
});
