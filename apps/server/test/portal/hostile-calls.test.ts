import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hostileCalls, pathOf } from '../api/hostile/calls.ts';
import { SEED } from '../api/seed.ts';
import { settle } from '../api/tenant.ts';
import { Api } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { flawOf, refusalFlawOf } from '../kit/described.ts';
import { readDocument } from '../kit/document.ts';
import { flawsOf } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { codeIn, type Link, openPortal } from './session.ts';

/** Calls of each operation, as nobody and as a session. */
const RUNS = 150;

onBothDatabases(`generated calls of the portal (seed ${SEED})`, (kind) => {
  const stage = stageOn(kind);

  test('are answered in the contract’s form, and open and end no session but their own', async () => {
    const { url } = stage.postrider;
    const tenant = await settle(url, stage.api, `${stage.receiver.url}/status/400`);
    const { token } = await openPortal(stage.api, url, tenant.appId);
    const { ofSessions } = await readDocument(stage.api);
    expect(ofSessions).toHaveLength(2);
    const counts = new Map<string, number>();
    for (const operation of ofSessions) {
      const property = fc.asyncProperty(hostileCalls(operation, tenant), fc.boolean(), async (call, isSession) => {
        // One to be ended, and half of the time nobody.
        const caller = isSession ? (await openPortal(stage.api, url, tenant.appId)).token : 'nobody';
        const { path } = pathOf(operation, call, {});
        const reply = await new Api(url, caller).call(operation.method, path, call.body, call.headers);
        const isDone = reply.status < 300;
        const flaws = isDone ? [flawOf(operation, reply.status, reply.text)] : flawsOf(reply);
        const flaw = flaws.find(Boolean) ?? (isDone ? null : refusalFlawOf(operation, reply.status, reply.text));
        expect(flaw, `${operation.method} ${path} → ${reply.text.slice(0, 300)}`).toBeNull();
        const what = `${operation.id} ${isDone ? 'done' : 'refused'}`;
        counts.set(what, (counts.get(what) ?? 0) + 1);
      });
      await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: false });
    }
    // No code can be guessed; a session can always end.
    expect([...counts.keys()].toSorted()).toEqual([
      'closePortalSession done',
      'closePortalSession refused',
      'openPortalSession refused',
    ]);
    expect((await new Api(url, token).get(`/v1/app/${tenant.appId}/endpoints`)).status).toBe(200);
    const link = (await stage.api.post(`/v1/app/${tenant.appId}/portal`, {})).body as unknown as Link;
    const opened = await new Api(url, 'nobody').post('/v1/portal/session', { code: codeIn(link.url) });
    expect(opened.status).toBe(201);
  }, 120_000);
});
