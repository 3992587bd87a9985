import { expect, test } from 'vitest';
import { answer, attemptsOf, createEndpoint, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('a test event', (kind) => {
  const stage = stageOn(kind);
  const testEvent = (id: string) =>
    answer<{ message_id: string; delivery_id: string }>(stage.api.post(`/v1/endpoints/${id}/test`), 202);

  test('reaches the one endpoint, whatever it listens to, as a message like any other', async () => {
    const url = `${stage.receiver.url}/ok/tested`;
    const { id, secret } = await createEndpoint(stage.api, { url, events: ['invoice.*'], channels: ['eu'] });
    await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok/other` });
    stage.receiver.trust(secret, '/ok/tested');
    const { message_id, delivery_id } = await testEvent(id);
    expect(await settled(stage.api, delivery_id)).toMatchObject({
      status: 'SENT',
      message_id,
      event_type: 'postrider.test',
    });
    expect(await attemptsOf(stage.api, delivery_id)).toMatchObject([{ number: 1, trigger: 'test', status: 'success' }]);
    const [request] = await stage.receiver.waitFor(({ path }) => path === '/ok/tested');
    expect(request?.verified).toBe(true);
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ type: 'postrider.test', data: { endpoint_id: id } });
    expect((await stage.api.get(`/v1/messages/${message_id}`)).body).toMatchObject({
      matching: [{ endpoint_id: id, matched: true, reason: 'addressed' }],
    });
    expect(stage.receiver.received.some(({ path }) => path === '/ok/other')).toBe(false);
  });

  test('that fails is tried again on schedule', async () => {
    const url = `${stage.receiver.url}/fail-times/1/tested`;
    const { id } = await createEndpoint(stage.api, { url, retry_policy: [0] });
    const { delivery_id } = await testEvent(id);
    expect(await settled(stage.api, delivery_id)).toMatchObject({ status: 'SENT', attempt_count: 2 });
    expect((await attemptsOf(stage.api, delivery_id)).map(({ trigger }) => trigger)).toEqual(['test', 'scheduled']);
  });
});
