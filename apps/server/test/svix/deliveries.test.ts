import type { ReceivedRequest } from '@postrider/receiver';
import { BackgroundTaskStatus, MessageStatus, type Svix, Webhook } from 'svix';
import { beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';
import { refused, svixClient } from './client.ts';

const APP = 'acme';

onBothDatabases('what an endpoint of the Svix client got', (kind) => {
  const stage = stageOn(kind);
  let svix: Svix;

  beforeAll(async () => {
    svix = svixClient(stage.postrider);
    await svix.application.create({ name: 'Acme', uid: APP });
  });

  const endpoint = async (path: string, eventType: string) => {
    const { id } = await svix.endpoint.create(APP, { url: stage.receiver.url + path, eventTypes: [eventType] });
    // Once is enough: what fails is to have failed for good.
    await stage.api.patch(`/v1/app/${APP}/endpoints/${id}`, { retry_policy: [] });
    return id;
  };
  const send = async (eventType: string, count = 1) => {
    for (let n = 0; n < count; n++) await svix.message.create(APP, { eventType, payload: { n } });
  };
  const attempted = (id: string, status: MessageStatus, count: number) =>
    until(
      async () => (await svix.messageAttempt.listAttemptedMessages(APP, id, { status })).data,
      (data) => data.length === count,
    );

  test('is verified by the library of Svix', async () => {
    const id = await endpoint('/ok/verified', 'verified');
    const { key } = await svix.endpoint.getSecret(APP, id);
    await svix.message.create(APP, { eventType: 'verified', payload: { amount: 1 } });
    const [request] = await stage.receiver.waitFor(({ path }) => path === '/ok/verified');
    if (!request) throw new Error('nothing came');
    const headers = request.headers as Record<string, string>;
    new Webhook(key).verify(request.body, headers);
    expect(() => new Webhook(key).verify(`${request.body} `, headers)).toThrow();
    expect(() => new Webhook(`whsec_${'A'.repeat(32)}`).verify(request.body, headers)).toThrow();
  });

  test('is verified with either secret while both sign, and with the new one alone after that', async () => {
    const id = await endpoint('/ok/rotated', 'rotated');
    const secret = async () => (await svix.endpoint.getSecret(APP, id)).key;
    const verifies = (key: string, { body, headers }: ReceivedRequest) => {
      try {
        new Webhook(key).verify(body, headers as Record<string, string>);
        return true;
      } catch {
        return false;
      }
    };
    const received = async (count: number) => {
      await send('rotated');
      const all = await stage.receiver.waitFor({ match: ({ path }) => path === '/ok/rotated', count });
      return all[count - 1] ?? Promise.reject(new Error('nothing came'));
    };
    const first = await secret();
    await svix.endpoint.rotateSecret(APP, id);
    const second = await secret();
    expect(second).not.toBe(first);
    const within = await received(1);
    expect([verifies(first, within), verifies(second, within)]).toEqual([true, true]);

    const own = Buffer.alloc(32, 5).toString('base64');
    await svix.endpoint.rotateSecret(APP, id, { key: own, gracePeriodSeconds: 0 });
    expect(await secret()).toBe(`whsec_${own}`);
    const after = await received(2);
    expect([first, second, await secret()].map((key) => verifies(key, after))).toEqual([false, false, true]);

    expect(await refused(svix.endpoint.rotateSecret(APP, id, { key: 'short' }), 422)).toMatchObject({
      detail: [{ loc: ['body', 'key'] }],
    });
    expect(await refused(svix.endpoint.rotateSecret(APP, id, { key: own }), 422)).toMatchObject({
      detail: [{ loc: ['body', 'key'] }],
    });
    await refused(svix.endpoint.rotateSecret(APP, id, { gracePeriodSeconds: 604_801 }), 422);
    const options = { idempotencyKey: 'once' };
    await svix.endpoint.rotateSecret(APP, id, {}, options);
    const once = await secret();
    await svix.endpoint.rotateSecret(APP, id, {}, options);
    expect(await secret()).toBe(once);
  });

  test('and failed to take is recovered by a task that can be asked after', async () => {
    const since = new Date(Date.now() - 60_000);
    const id = await endpoint('/fail-times/1', 'recovered');
    await send('recovered', 3);
    await attempted(id, MessageStatus.Fail, 3);
    const task = await svix.endpoint.recover(APP, id, { since });
    expect(task).toMatchObject({ id: expect.stringMatching(/^job_/), status: 'running', task: 'endpoint.recover' });
    const ended = await until(
      () => svix.backgroundTask.get(task.id),
      ({ status }) => status === BackgroundTaskStatus.Finished,
    );
    expect(ended).toMatchObject({ task: 'endpoint.recover', data: { messagesSent: 3 } });
    await attempted(id, MessageStatus.Success, 3);
    expect((await svix.backgroundTask.list()).data[0]).toEqual(ended);

    const again = await svix.endpoint.bulkReplay(APP, id, { since, eventTypes: ['recovered'] });
    expect(again.task).toBe('endpoint.bulk-replay');
    await until(
      () => svix.backgroundTask.get(again.id),
      ({ status, data }) => status === 'finished' && data.messagesSent === 3,
    );
    const late = { since, until: since };
    const none = await svix.endpoint.recover(APP, id, late);
    await until(
      () => svix.backgroundTask.get(none.id),
      ({ status, data }) => status === 'finished' && data.messagesSent === 0,
    );
    await refused(svix.backgroundTask.get('job_01JX9Z5T4QK8W0V3N7M2B6C1DF'), 404);
    expect(await refused(svix.endpoint.bulkReplay(APP, id, { since, channel: 'eu' }), 422)).toMatchObject({
      detail: [{ loc: ['body', 'channel'] }],
    });
    await svix.endpoint.patch(APP, id, { disabled: true });
    expect(await refused(svix.endpoint.recover(APP, id, { since }), 409)).toMatchObject({
      code: 'endpoint_not_active',
    });
  });

  test('is counted', async () => {
    const id = await endpoint('/status/400', 'counted');
    await send('counted', 2);
    await attempted(id, MessageStatus.Fail, 2);
    const stats = await until(
      () => svix.endpoint.getStats(APP, id),
      ({ fail }) => fail === 2,
    );
    expect(stats).toEqual({ success: 0, pending: 0, sending: 0, fail: 2, canceled: 0 });
    const past = { since: new Date(Date.now() - 7_200_000), until: new Date(Date.now() - 3_600_000) };
    expect((await svix.endpoint.getStats(APP, id, past)).fail).toBe(0);
  });
});
