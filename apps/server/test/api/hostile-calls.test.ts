import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { type Application, all, type Endpoint, type MessageRow } from '../kit/answers.ts';
import type { Reply } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { type Operation, readDocument } from '../kit/document.ts';
import { flawsOf } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { hostileCalls } from './hostile-calls.ts';
import { settle, type Tenant } from './tenant.ts';

// Another seed finds other things: POSTRIDER_TEST_SEED=$RANDOM. With the same one a failure comes back.
const SEED = Number(process.env.POSTRIDER_TEST_SEED ?? 20_261_121);
const RUNS = Number(process.env.POSTRIDER_TEST_RUNS ?? 150);

/** How many messages an answer says were accepted: of a batch, those that were not refused. */
function acceptedOf({ body }: Reply): number {
  const results: unknown = body.results;
  return Array.isArray(results) ? results.filter((result) => 'id' in Object(result)).length : 1;
}

onBothDatabases(`generated calls (seed ${SEED})`, (kind) => {
  const stage = stageOn(kind);
  let operations: Operation[];
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await settle(stage.postrider.url, stage.api, `${stage.receiver.url}/status/400`);
    // No worker from here on: what a generated URL names is not to be dialled.
    await stage.restart({ POSTRIDER_ROLES: 'api,maintenance' });
    const document = await readDocument(stage.api);
    operations = document.operations.filter(({ method }) => method !== 'DELETE');
  });

  const made = { messages: 0, endpoints: 0 };

  test(`of every operation are answered in the contract's form, and refused ones store nothing`, async () => {
    const before = await stored();
    for (const operation of operations) {
      // Reading takes fewer: there is only the path to get wrong.
      const numRuns = operation.method === 'GET' ? Math.ceil(RUNS / 4) : RUNS;
      const property = fc.asyncProperty(hostileCalls(operation, tenant), async ({ path, body, headers }) => {
        const reply = await stage.api.call(operation.method, path, body, headers);
        const isReplay = reply.headers.has('idempotent-replayed');
        // A retried delivery is answered with 202 and its message's id too, a replay with a job.
        const isMessage = !('attempt_count' in reply.body || 'job_id' in reply.body);
        if (!isReplay && reply.status === 202 && isMessage) made.messages += acceptedOf(reply);
        if (!isReplay && reply.status === 201 && reply.body.url) made.endpoints++;
        const flaws = reply.status < 300 ? [] : flawsOf(reply);
        expect(flaws, `${operation.method} ${path} → ${reply.text.slice(0, 300)}`).toEqual([]);
      });
      await fc.assert(property, { seed: SEED, numRuns, endOnFailure: false });
    }
    const after = await stored();
    expect({ messages: after.messages - before.messages, endpoints: after.endpoints - before.endpoints }).toEqual(made);
    // The valid ones among them show that it is not all refused at the door.
    expect(made.messages).toBeGreaterThan(operations.length);
  }, 60_000);

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
