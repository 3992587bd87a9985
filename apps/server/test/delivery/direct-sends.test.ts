import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import {
  type Accepted,
  all,
  answer,
  attemptsOf,
  createEndpoint,
  type DirectAnswer,
  type Endpoint,
  type Message,
  settled,
} from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { inventory, leavingNothing, refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';

const EVENT = { event_type: 'invoice.paid', payload: { amount: 1 } };

onBothDatabases('a send to a URL', (kind) => {
  const stage = stageOn(kind, { env: { POSTRIDER_EGRESS_ALLOW: '127.0.0.1/32' } });
  const urlOf = (path: string) => `${stage.receiver.url}${path}`;
  const send = (destination: string, more: object = {}) =>
    answer<DirectAnswer>(stage.api.post('/v1/send', { ...EVENT, ...more, destination }), 202);
  const sent = async (destination: string, more: object = {}) => {
    const { delivery_id, endpoint_id } = await send(destination, more);
    return { endpoint_id, delivery: await settled(stage.api, delivery_id ?? 'none') };
  };
  const read = (id: string) => answer<Endpoint>(stage.api.get(`/v1/endpoints/${id}`), 200);

  test('is delivered, signed with the secret of an endpoint of its own', async () => {
    const { delivery, endpoint_id } = await sent(urlOf('/ok/signed'));
    expect(delivery).toMatchObject({ status: 'SENT', attempt_count: 1, endpoint_id });
    const { secret } = await answer<{ secret: string }>(stage.api.get(`/v1/endpoints/${endpoint_id}/secret`), 200);
    const [request] = await stage.receiver.waitFor({ count: 1, match: ({ path }) => path === '/ok/signed' });
    expect(new Webhook(secret).verify(request?.body ?? '', request?.headers ?? {})).toEqual({ amount: 1 });
    const message = await answer<Message>(stage.api.get(`/v1/messages/${delivery.message_id}`), 200);
    expect(message.matching).toEqual([{ endpoint_id, matched: true, reason: 'addressed' }]);
    const [attempt] = await attemptsOf(stage.api, delivery.id);
    expect(attempt).toMatchObject({ url: urlOf('/ok/signed'), status: 'success', response_status: 200 });
  });

  test('finds the endpoint of the first send again, as long as the URL is written alike', async () => {
    const first = await send(urlOf('/ok/again'));
    expect((await send(urlOf('/ok/again'))).endpoint_id).toBe(first.endpoint_id);
    expect((await send(urlOf('/ok/again?'))).endpoint_id).not.toBe(first.endpoint_id);
    // Not from memory either.
    await stage.restart();
    expect((await send(urlOf('/ok/again'))).endpoint_id).toBe(first.endpoint_id);
    const { delivery } = await sent(urlOf('/ok/again'));
    expect(delivery.status).toBe('SENT');
  });

  test('is tried again as its endpoint says, which a delivery may end', async () => {
    const flaky = urlOf('/fail-times/2/direct');
    const { endpoint_id } = await send(flaky, { deliver_at: new Date(Date.now() + 86_400_000).toISOString() });
    await answer(stage.api.patch(`/v1/endpoints/${endpoint_id}`, { retry_policy: [0.1, 0.1] }), 200);
    expect((await sent(flaky)).delivery).toMatchObject({ status: 'SENT', attempt_count: 3, endpoint_id });

    const gone = await sent(urlOf('/status/410/direct'));
    expect(gone.delivery).toMatchObject({ status: 'FAILED', last_status_code: 410 });
    expect(
      await until(
        () => read(gone.endpoint_id),
        ({ status }) => status === 'disabled',
      ),
    ).toMatchObject({
      disabled_reason: 'gone',
    });
    await until(
      () => send(urlOf('/status/410/direct')),
      ({ delivery_id }) => delivery_id === null,
    );
  });

  test('makes an endpoint that is in no list but that of its kind', async () => {
    const { endpoint_id } = await send(urlOf('/ok/listed'));
    const ordinary = await createEndpoint(stage.api, { url: urlOf('/ok/listed') });
    const direct = await all<Endpoint>(stage.api, '/v1/endpoints?direct=true');
    expect(direct.find(({ id }) => id === endpoint_id)).toMatchObject({ url: urlOf('/ok/listed'), is_direct: true });
    expect(direct.every(({ is_direct }) => is_direct)).toBe(true);
    for (const path of ['/v1/endpoints', '/v1/endpoints?direct=false', '/v1/app/default/endpoints']) {
      const listed = await all<Endpoint>(stage.api, path);
      expect(listed.map(({ id }) => id)).toContain(ordinary.id);
      expect(listed.every(({ is_direct }) => !is_direct)).toBe(true);
    }
    expect((await all<Endpoint>(stage.api, '/v1/app/default/endpoints?direct=true')).length).toBe(direct.length);
    expect(await read(endpoint_id)).toMatchObject({ id: endpoint_id, events: ['*'], status: 'active' });
  });

  test('makes an endpoint that nothing published goes to, by name or by route either', async () => {
    const { endpoint_id } = await send(urlOf('/ok/quiet'));
    const { id } = await answer<Accepted>(stage.api.post('/v1/messages', EVENT), 202);
    const message = await answer<Message>(stage.api.get(`/v1/messages/${id}`), 200);
    expect(message.matching.map((each) => each.endpoint_id)).not.toContain(endpoint_id);
    await leavingNothing(stage.api, async () => {
      const named = { ...EVENT, endpoint_ids: [endpoint_id] };
      await refusal(stage.api.post('/v1/messages', named), 'validation_failed');
      await refusal(stage.api.put('/v1/routes/a', { endpoint_ids: [endpoint_id] }), 'validation_failed');
    });
    // By its id it can be sent to, as any can.
    expect((await sent(endpoint_id)).delivery.status).toBe('SENT');
  });

  test('is held while its endpoint is paused, dropped while it is disabled, and goes on after', async () => {
    const { endpoint_id } = await send(urlOf('/ok/held'));
    await answer(stage.api.post(`/v1/endpoints/${endpoint_id}/pause`), 200);
    const held = await send(urlOf('/ok/held'));
    expect(held.endpoint_id).toBe(endpoint_id);
    const { body } = await stage.api.get(`/v1/deliveries/${held.delivery_id}`);
    expect(body).toMatchObject({ status: 'PENDING', held_by: 'paused' });
    await answer(stage.api.post(`/v1/endpoints/${endpoint_id}/resume`), 200);
    expect((await settled(stage.api, held.delivery_id ?? '')).status).toBe('SENT');

    await answer(stage.api.patch(`/v1/endpoints/${endpoint_id}`, { active: false }), 200);
    expect((await send(urlOf('/ok/held'))).delivery_id).toBeNull();
    await answer(stage.api.post(`/v1/endpoints/${endpoint_id}/enable`), 200);
    expect((await sent(urlOf('/ok/held'))).delivery.status).toBe('SENT');
  });

  test('follows its endpoint to no other URL, and makes a new one after it was deleted', async () => {
    const [{ endpoint_id: moving }, { endpoint_id: staying }] = [
      await send(urlOf('/ok/from')),
      await send(urlOf('/ok/staying')),
    ];
    await answer(stage.api.patch(`/v1/endpoints/${moving}`, { url: urlOf('/ok/to') }), 200);
    expect((await send(urlOf('/ok/to'))).endpoint_id).toBe(moving);
    const { endpoint_id: anew } = await send(urlOf('/ok/from'));
    expect(anew).not.toBe(moving);
    const taken = { url: urlOf('/ok/staying') };
    await refusal(stage.api.patch(`/v1/endpoints/${moving}`, taken), 'already_exists');
    expect((await read(moving)).url).toBe(urlOf('/ok/to'));

    await answer(stage.api.delete(`/v1/endpoints/${staying}`), 204);
    const again = await sent(urlOf('/ok/staying'));
    expect(again.endpoint_id).not.toBe(staying);
    expect(again.delivery.status).toBe('SENT');
  });

  test('of many at once makes one endpoint', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(urlOf('/ok/many'))));
    expect(new Set(answers.map(({ endpoint_id }) => endpoint_id)).size).toBe(1);
    expect(new Set(answers.map(({ message_id }) => message_id)).size).toBe(50);
  });

  test('takes an idempotency key, and is answered alike', async () => {
    const key = { 'idempotency-key': 'direct' };
    const body = { ...EVENT, destination: urlOf('/ok/keyed') };
    const first = await answer(stage.api.post('/v1/send', body, key), 202);
    const after = await inventory(stage.api);
    expect(await answer(stage.api.post('/v1/send', body, key), 202)).toEqual(first);
    expect(await inventory(stage.api)).toEqual(after);
  });

  test('is refused where the URL policy refuses it, and leaves no endpoint where anything else is wrong', () =>
    leavingNothing(stage.api, async () => {
      const bad = ['https://10.0.0.1/', 'https://169.254.169.254/', 'http://localhost/', 'https://a@example.com/'];
      for (const destination of [...bad, 'ftp://example.com/', 'example.com', 'https://', '', 'EP_x', 'app_x']) {
        const { errors } = await refusal(stage.api.post('/v1/send', { ...EVENT, destination }), 'validation_failed');
        expect(errors, destination).toEqual([
          { path: '/destination', message: expect.stringMatching(/^egress_blocked: \w/) },
        ]);
      }
      const wrong = [
        { payload: 'text' },
        { payload: { a: 'x'.repeat(300_000) } },
        { headers: { host: 'a' } },
        { deliver_at: '2999-01-01T00:00:00Z' },
        { event_type: 'a..b' },
      ];
      for (const each of wrong) {
        const reply = await stage.api.post('/v1/send', { ...EVENT, destination: urlOf('/ok/never'), ...each });
        expect([413, 422], reply.text).toContain(reply.status);
      }
      const key = { 'idempotency-key': 'é' };
      const body = { ...EVENT, destination: urlOf('/ok/never') };
      await refusal(stage.api.post('/v1/send', body, key), 'validation_failed');
    }));
});
