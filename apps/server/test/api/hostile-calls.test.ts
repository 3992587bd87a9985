import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { type Application, all, type Endpoint, type MessageRow } from '../kit/answers.ts';
import type { Reply } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { flawOf, refusalFlawOf } from '../kit/described.ts';
import { type Operation, readDocument } from '../kit/document.ts';
import { flawsOf } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { hostileCalls, pathOf } from './hostile/calls.ts';
import { freshValues, sampleOf, valuesOf } from './samples.ts';
import { SEED } from './seed.ts';
import { settle, type Tenant } from './tenant.ts';

/** Calls of each operation, on each database. */
const RUNS = Number(process.env.POSTRIDER_TEST_RUNS ?? 150);

onBothDatabases(`generated calls (seed ${SEED})`, (kind) => {
  const stage = stageOn(kind);
  let operations: Operation[];
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await settle(stage.postrider.url, stage.api, `${stage.receiver.url}/status/400`);
    // No worker from here on: what a generated URL names is not to be dialled. The tenant calls where it called before.
    const { port } = new URL(stage.postrider.url);
    await stage.restart({ POSTRIDER_ROLES: 'api,maintenance', POSTRIDER_PORT: port });
    ({ operations } = await readDocument(stage.api));
  });

  const made = { messages: 0, endpoints: 0 };
  /** How often each operation was answered with what. */
  const answers = new Map<string, Map<string, number>>();

  test(`of every operation are answered in the contract's form, and refused ones store nothing`, async () => {
    const before = await stored();
    for (const operation of operations.filter(({ method }) => method !== 'DELETE')) await callOften(operation);
    const after = await stored();
    expect({ messages: after.messages - before.messages, endpoints: after.endpoints - before.endpoints }).toEqual(made);
  }, 240_000);

  test(`that delete something are too`, async () => {
    for (const operation of operations.filter(({ method }) => method === 'DELETE')) await callOften(operation);
  }, 240_000);

  test('are thousands, and of every operation some succeed and some are refused', () => {
    const all = [...answers].flatMap(([id, counts]) => [...counts].map(([what, count]) => ({ id, what, count })));
    const total = all.reduce((sum, { count }) => sum + count, 0);
    const byAnswer = Object.groupBy(all, ({ what }) => what);
    const shown = Object.entries(byAnswer).map(
      ([what, each = []]) => `${what} ${each.reduce((sum, { count }) => sum + count, 0)}`,
    );
    console.log(
      `generated calls (${kind}): seed ${SEED}, ${total} calls of ${operations.length} operations: ${shown.sort().join(', ')}`,
    );
    expect(total).toBe(RUNS * operations.length);
    // Or it is all refused at the door, and nothing behind it was tried. Of a pair one will do: there is one failed
    // delivery to retry, and both would.
    const wereOnce = (isMeant: (what: string) => boolean) =>
      new Set(all.filter(({ what }) => isMeant(what)).map(({ id }) => nameOf(id)));
    const names = [...new Set(operations.map(({ id }) => nameOf(id)))];
    const succeeded = wereOnce((what) => what.startsWith('2'));
    expect(
      names.filter((name) => !succeeded.has(name)),
      'never succeeded',
    ).toEqual([]);
    const open = new Set(operations.filter(({ isPublic }) => isPublic).map(({ id }) => id));
    const refused = wereOnce((what) => !what.startsWith('2'));
    expect(
      names.filter((name) => !refused.has(name) && !open.has(name)),
      'never refused',
    ).toEqual([]);
  });

  async function callOften(operation: Operation): Promise<void> {
    const property = fc.asyncProperty(hostileCalls(operation, tenant), async (call) => {
      const { path, isIntact } = pathOf(operation, call, await validValues(operation));
      const reply = await stage.api.call(operation.method, path, call.body, call.headers);
      count(operation, reply);
      expect(
        flawIn(operation, reply, isIntact),
        `${operation.method} ${path} → ${reply.text.slice(0, 300)}`,
      ).toBeNull();
    });
    await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: false });
    await sampleOf(operation).restore?.(tenant);
  }

  /** What a valid call has in its path: what it uses up is made for each call. */
  async function validValues(operation: Operation): Promise<Readonly<Record<string, string>>> {
    const values = valuesOf(sampleOf(operation), tenant);
    return operation.method === 'DELETE' ? { ...values, ...(await freshValues(sampleOf(operation), tenant)) } : values;
  }

  function flawIn(operation: Operation, reply: Reply, isIntact: boolean): unknown {
    if (reply.status < 300) return isIntact ? flawOf(operation, reply.status, reply.text) : null;
    const flaws = flawsOf(reply);
    return flaws.length > 0 ? flaws : refusalFlawOf(operation, reply.status, reply.text);
  }

  function count({ id }: Operation, reply: Reply): void {
    const what = reply.status < 300 ? String(reply.status) : String(reply.body.code);
    const counts = answers.get(id) ?? new Map<string, number>();
    answers.set(id, counts.set(what, (counts.get(what) ?? 0) + 1));
    if (reply.status >= 300 || reply.headers.has('idempotent-replayed')) return;
    made.messages += acceptedOf(reply);
    if (reply.status === 201 && String(reply.body.id).startsWith('ep_')) made.endpoints++;
  }

  async function stored() {
    const messages = await all<MessageRow>(stage.api, '/v1/messages');
    // Generated events make applications, and generated calls find them by the same names.
    const applications = await all<Application>(stage.api, '/v1/app');
    const endpoints = await Promise.all(
      applications.map(({ id }) => all<Endpoint>(stage.api, `/v1/app/${id}/endpoints`)),
    );
    return { messages: messages.length, endpoints: endpoints.flat().length };
  }
});

/** The same operation exists of an environment and of an application. */
function nameOf(operationId: string): string {
  return operationId.replace(/OfApplication$/, '');
}

/** How many messages an answer says were accepted: of a batch, those that were not refused. */
function acceptedOf({ status, body }: Reply): number {
  if (status !== 202) return 0;
  const results: unknown = body.results;
  if (Array.isArray(results)) return results.filter((result) => 'id' in Object(result)).length;
  // A delivery that is retried names its message too.
  return 'message_id' in body && !('attempt_count' in body) ? 1 : 0;
}
