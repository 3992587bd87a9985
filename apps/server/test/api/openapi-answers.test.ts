import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { type Operation, readDocument } from '../kit/document.ts';
import { newKey } from '../kit/postrider.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';
import { sampleOf, validCall } from './samples.ts';
import { settle, type Tenant } from './tenant.ts';

const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { text: true, 'date-time': true } });

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

/** What is wrong with a success; null where it is as described, no field missing and none besides. */
function flawOf(operation: Operation, status: number, text: string): unknown {
  const described = [...operation.responses.keys()].filter((each) => each.startsWith('2'));
  if (!described.includes(String(status))) return { status, described, text };
  const schema = operation.responses.get(String(status));
  if (!schema) return text === '' ? null : { unexpected: text };
  const validate = ajv.compile(closed(schema));
  return validate(JSON.parse(text)) ? null : { text, errors: validate.errors };
}

/** The schema with no room for fields that it does not name. */
function closed(schema: unknown): object | boolean {
  const copy = deepCopy(schema);
  return typeof copy === 'object' && copy !== null ? copy : true;
}

function deepCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deepCopy);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, deepCopy(part)]));
  const isOpen = 'properties' in value && 'type' in value && !('additionalProperties' in value);
  return isOpen ? { ...copy, additionalProperties: false } : copy;
}
