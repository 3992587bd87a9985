import { expect, test } from 'vitest';
import { answer, createEndpoint, type HeldDelivery, sendTo, settled, tried } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';

onBothDatabases('a delivery', (kind) => {
  const stage = stageOn(kind);
  const endpointAt = async (path: string, settings: object = {}) =>
    (await createEndpoint(stage.api, { url: stage.receiver.url + path, ...settings })).id;
  const read = (id: string) => answer<HeldDelivery>(stage.api.get(`/v1/deliveries/${id}`), 200);
  /** Once it says so: some holds begin only when a claim has seen it. */
  const heldBy = (id: string, reason: HeldDelivery['held_by']) =>
    until(
      () => read(id),
      ({ held_by }) => held_by === reason,
    );
  const FREE = { held_by: null, held_until: null, waits_for: null };

  test('that has ended is held by nothing', async () => {
    const id = await sendTo(stage.api, await endpointAt('/ok/free'));
    await settled(stage.api, id);
    expect(await read(id)).toMatchObject({ status: 'SENT', ...FREE });
  });

  test('that waits for its own retry is held by nothing', async () => {
    const id = await sendTo(stage.api, await endpointAt('/status/503/later', { retry_policy: [600] }));
    await tried(stage.api, id, 1);
    expect(await read(id)).toMatchObject({ status: 'PENDING', next_attempt_at: expect.any(String), ...FREE });
  });

  test('of a paused endpoint says so, nobody knowing until when', async () => {
    const endpoint = await endpointAt('/ok/paused');
    await answer(stage.api.post(`/v1/endpoints/${endpoint}/pause`), 200);
    const id = await sendTo(stage.api, endpoint);
    expect(await read(id)).toMatchObject({ status: 'PENDING', ...FREE, held_by: 'paused' });
    await answer(stage.api.post(`/v1/endpoints/${endpoint}/resume`), 200);
    await settled(stage.api, id);
    expect(await read(id)).toMatchObject(FREE);
  });

  test('of an open circuit says when the next probe may go', async () => {
    const endpoint = await endpointAt('/status/503/broken', { retry_policy: [] });
    for (let n = 0; n < 10; n++) await settled(stage.api, await sendTo(stage.api, endpoint));
    await until(
      () => stage.api.get(`/v1/endpoints/${endpoint}`),
      ({ body }) => (body.circuit as unknown as { state: string }).state === 'open',
    );
    const held = await read(await sendTo(stage.api, endpoint));
    expect(held).toMatchObject({ status: 'PENDING', held_by: 'circuit_open', waits_for: null });
    expect(Date.parse(held.held_until ?? '')).toBeGreaterThan(Date.now());
  });

  test('over the rate of its endpoint says when it may go', async () => {
    const endpoint = await endpointAt('/ok/slowly', { rate_limit: 0.1 });
    await settled(stage.api, await sendTo(stage.api, endpoint));
    const held = await heldBy(await sendTo(stage.api, endpoint), 'rate_limit');
    expect(Date.parse(held.held_until ?? '')).toBeGreaterThan(Date.now());
    expect(held.waits_for).toBeNull();
  });

  test('with every place of its endpoint taken is held by that limit, nobody knowing until when', async () => {
    const endpoint = await endpointAt('/hang/narrow', { max_in_flight: 1, timeout_seconds: 5, retry_policy: [] });
    const first = await sendTo(stage.api, endpoint);
    await until(
      () => read(first),
      ({ status }) => status === 'SENDING',
    );
    const held = await heldBy(await sendTo(stage.api, endpoint), 'rate_limit');
    expect(held).toMatchObject({ status: 'PENDING', held_until: null, waits_for: null });
    expect(await read(first)).toMatchObject(FREE);
  });

  test('of a fifo endpoint names the one that it is behind, in flight or waiting for its retry', async () => {
    const endpoint = await endpointAt('/hang/ordered', { ordering: 'fifo', timeout_seconds: 1, retry_policy: [600] });
    const [head, second, third] = [
      await sendTo(stage.api, endpoint),
      await sendTo(stage.api, endpoint),
      await sendTo(stage.api, endpoint),
    ];
    await until(
      () => read(head),
      ({ status }) => status === 'SENDING',
    );
    const behind = { status: 'PENDING', held_by: 'fifo', held_until: null, waits_for: head };
    for (const id of [second, third]) expect(await read(id)).toMatchObject(behind);
    await tried(stage.api, head, 1);
    expect(await read(head)).toMatchObject({ status: 'PENDING', ...FREE });
    for (const id of [second, third]) expect(await read(id)).toMatchObject(behind);
  });
});
