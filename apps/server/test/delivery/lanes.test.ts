import { expect, test } from 'vitest';
import { attemptsOf, createEndpoint, type Delivery, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { eventually } from '../store/stage.ts';

onBothDatabases('a lane', (kind) => {
  const stage = stageOn(kind);

  const endpointAt = async (path: string, settings: object = {}) =>
    (await createEndpoint(stage.api, { url: stage.receiver.url + path, ...settings })).id;
  const sendMany = async (endpoint: string, count: number) => {
    const ids: string[] = [];
    for (let n = 0; n < count; n++) ids.push(await sendTo(stage.api, endpoint));
    return ids;
  };
  const delivery = async (id: string) => (await stage.api.get(`/v1/deliveries/${id}`)).body as unknown as Delivery;
  const statuses = async (ids: readonly string[]) => {
    const all = await Promise.all(ids.map(delivery));
    return [...new Set(all.map(({ status, attempt_count }) => `${status} ${attempt_count}`))];
  };
  const arrivals = (path: string) => stage.receiver.received.filter((request) => request.path === path);

  test('of a paused endpoint holds what it gets and spends no attempt; a resume lets all of it go', async () => {
    const id = await endpointAt('/ok/paused');
    expect((await stage.api.post(`/v1/endpoints/${id}/pause`)).body.status).toBe('paused');
    const ids = await sendMany(id, 5);
    expect(await statuses(ids)).toEqual(['PENDING 0']);
    expect((await stage.api.post(`/v1/endpoints/${id}/resume`)).body.status).toBe('active');
    await eventually(() => statuses(ids)).toEqual(['SENT 1']);
    expect(arrivals('/ok/paused')).toHaveLength(5);
  });

  test('with a rate limit lets a burst through and the rest at that rate', async () => {
    const id = await endpointAt('/ok/limited', { rate_limit: 5 });
    const ids = await sendMany(id, 12);
    await eventually(() => statuses(ids)).toEqual(['SENT 1']);
    const times = arrivals('/ok/limited').map((request) => request.receivedAt);
    expect(times).toHaveLength(12);
    // In any second at most a burst and a second's worth; 12 take a second and more.
    for (const at of times)
      expect(times.filter((time) => time >= at && time < at + 900).length).toBeLessThanOrEqual(10);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(900);
  });

  test('with a limit in flight never has more out at once', async () => {
    const id = await endpointAt('/slow/100/narrow', { max_in_flight: 2 });
    const ids = await sendMany(id, 8);
    await eventually(() => statuses(ids)).toEqual(['SENT 1']);
    const times = arrivals('/slow/100/narrow').map((request) => request.receivedAt);
    for (const at of times) expect(times.filter((time) => time > at - 90 && time <= at).length).toBeLessThanOrEqual(2);
  });

  test('in fifo order sends each message until it is done before it begins the next', async () => {
    const id = await endpointAt('/fail-times/2/order', { ordering: 'fifo', retry_policy: [0.05, 0.05, 0.05] });
    const ids = await sendMany(id, 6);
    await eventually(() => statuses(ids)).toEqual(['SENT 3']);
    const messages = await Promise.all(ids.map(async (each) => (await delivery(each)).message_id));
    const order = arrivals('/fail-times/2/order').map((request) => request.webhookId);
    expect(order).toEqual(messages.flatMap((message) => [message, message, message]));
  });

  test('in fifo order goes on after one that has failed for good', async () => {
    const bad = await endpointAt('/status/503/stuck', { ordering: 'fifo', retry_policy: [0.05] });
    const ids = await sendMany(bad, 3);
    for (const each of ids)
      expect(await settled(stage.api, each)).toMatchObject({ status: 'FAILED', attempt_count: 2 });
  });

  test('of a failing endpoint is held by the circuit, unspent, until a probe succeeds', async () => {
    const id = await endpointAt('/status/503/broken', { retry_policy: [] });
    const failed = await sendMany(id, 10);
    for (const each of failed) await settled(stage.api, each);
    const state = async () =>
      ((await stage.api.get(`/v1/endpoints/${id}`)).body.circuit as unknown as { state: string }).state;
    await eventually(state).toBe('open');
    const held = await sendMany(id, 5);
    expect(await statuses(held)).toEqual(['PENDING 0']);
    await stage.api.patch(`/v1/endpoints/${id}`, { url: `${stage.receiver.url}/ok/mended` });
    // Somebody presses retry: the circuit is probed at once and not after its cooldown.
    expect((await stage.api.post(`/v1/deliveries/${failed[0]}/retry`)).status).toBe(202);
    await eventually(state).toBe('closed');
    await eventually(() => statuses(held)).toEqual(['SENT 1']);
    const triggers = await Promise.all(
      [...held, ...failed.slice(0, 1)].map(async (each) => (await attemptsOf(stage.api, each)).at(-1)?.trigger),
    );
    expect(triggers.filter((trigger) => trigger === 'probe')).toHaveLength(1);
  });

  test('that hangs does not hold up another', async () => {
    const hanging = await endpointAt('/hang/far', { timeout_seconds: 5, retry_policy: [] });
    const healthy = await endpointAt('/ok/near');
    const stuck: Promise<string>[] = Array.from({ length: 600 }, () => sendTo(stage.api, hanging));
    await Promise.all(stuck);
    const ids = await sendMany(healthy, 20);
    await eventually(() => statuses(ids)).toEqual(['SENT 1']);
    // Not one of the others has even run into its deadline.
    const ended = (await stage.api.get(`/v1/deliveries?endpoint_id=${hanging}&status=FAILED`)).body;
    expect(ended.data).toEqual([]);
  });
});
