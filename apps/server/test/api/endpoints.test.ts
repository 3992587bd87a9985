import { expect, test } from 'vitest';
import { all, answer, createEndpoint, type Endpoint, type Message, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('an endpoint', (kind) => {
  const stage = stageOn(kind);
  const url = () => `${stage.receiver.url}/ok`;
  const read = (id: string) => answer<Endpoint>(stage.api.get(`/v1/endpoints/${id}`), 200);
  const patch = (id: string, change: object) => answer<Endpoint>(stage.api.patch(`/v1/endpoints/${id}`, change), 200);

  test('is what was asked for, and the rest is as promised', async () => {
    const { secret, ...plain } = await createEndpoint(stage.api, { url: url() });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(plain).toEqual({
      id: expect.stringMatching(/^ep_[0-9A-HJKMNP-TV-Z]{26}$/),
      app_id: expect.stringMatching(/^app_/),
      uid: null,
      type: 'webhook',
      url: url(),
      config: null,
      is_direct: false,
      events: ['*'],
      channels: null,
      description: '',
      metadata: {},
      headers: {},
      retry_policy: 'default',
      timeout_seconds: 30,
      rate_limit: null,
      max_in_flight: null,
      ordering: 'none',
      body_format: null,
      signature: null,
      circuit: { state: 'closed', opened_at: null, next_probe_at: null, failures: 0 },
      status: 'active',
      disabled_reason: null,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: plain.created_at,
    });
    expect(await read(plain.id)).toEqual(plain);
  });

  const full = {
    type: 'webhook',
    events: ['invoice.*', 'user.created'],
    channels: ['eu', 'us-1'],
    description: 'Ours – 我们的',
    metadata: { team: 'billing' },
    headers: { 'x-tenant': 'acme' },
    uid: 'crm:eu-1',
    body_format: 'event',
    signature: { scheme: 'hmac-hex', brand: 'Acme', id_header: 'X-Event-Id' },
    retry_policy: [1, 2.5, 604_800],
    timeout_seconds: 12.5,
  };

  test('takes every setting, and gives it back', async () => {
    const { id } = await createEndpoint(stage.api, { url: url(), ...full });
    expect(await read(id)).toMatchObject({ url: url(), ...full });
    const unset = { uid: null, channels: null, body_format: null, signature: null };
    expect(await patch(id, unset)).toMatchObject(unset);
  });

  test('takes a retry policy in each of its forms, and gives it back in the same', async () => {
    const policies = [
      'extended',
      [],
      { delays: 'default', on_exhausted: 'disable_endpoint' },
      { delays: 'extended', on_exhausted: 'dead_letter' },
      { delays: [1, 2.5], on_exhausted: 'disable_endpoint' },
      { delays: [3] },
    ];
    const { id } = await createEndpoint(stage.api, { url: url() });
    for (const retry_policy of policies) {
      expect((await createEndpoint(stage.api, { url: url(), retry_policy })).retry_policy).toEqual(retry_policy);
      expect((await patch(id, { retry_policy })).retry_policy).toEqual(retry_policy);
      expect((await read(id)).retry_policy).toEqual(retry_policy);
    }
  });

  test('takes a patch: what is left out stays, what is given is replaced whole', async () => {
    const before = await createEndpoint(stage.api, { url: url(), ...full });
    const changes: Record<string, unknown> = {
      url: `${url()}/moved`,
      events: ['*'],
      channels: null,
      description: '',
      metadata: { other: 'x' },
      headers: {},
      uid: 'crm',
      body_format: 'standard',
      signature: { scheme: 'ed25519' },
      retry_policy: 'extended',
      timeout_seconds: 1,
    };
    let expected: object = await read(before.id);
    for (const [field, value] of Object.entries(changes)) {
      const changed = await patch(before.id, { [field]: value });
      expected = { ...expected, [field]: value, updated_at: changed.updated_at };
      expect(changed).toEqual(expected);
      expect(Date.parse(changed.updated_at)).toBeGreaterThanOrEqual(Date.parse(before.updated_at));
    }
    expect(await read(before.id)).toEqual(expected);
    expect(await patch(before.id, { all_events: true })).toMatchObject({ events: ['*'] });
    expect((await patch(before.id, {})).url).toBe(changes.url);
  });

  test('keeps both of two patches at once', async () => {
    const { id } = await createEndpoint(stage.api, { url: url() });
    const fields = { description: 'a', metadata: { b: 'c' }, timeout_seconds: 7, channels: ['d'], retry_policy: [1] };
    await Promise.all(Object.entries(fields).map(([field, value]) => patch(id, { [field]: value })));
    expect(await read(id)).toMatchObject(fields);
  });

  test('that is disabled gets nothing, says why, and matches again once enabled', async () => {
    const { id } = await createEndpoint(stage.api, { url: `${url()}/switched`, events: ['switched'] });
    const reasons = async () => {
      const { id: message } = await answer<Message>(
        stage.api.post('/v1/messages', { event_type: 'switched', payload: {} }),
        202,
      );
      const { matching } = await answer<Message>(stage.api.get(`/v1/messages/${message}`), 200);
      return matching.find(({ endpoint_id }) => endpoint_id === id);
    };
    expect(await patch(id, { active: false })).toMatchObject({ status: 'disabled', disabled_reason: 'by_request' });
    expect(await reasons()).toEqual({ endpoint_id: id, matched: false, reason: 'endpoint_disabled' });
    await refusal(stage.api.post(`/v1/endpoints/${id}/test`), 'endpoint_not_active');
    expect((await stage.api.post('/v1/send', { destination: id, event_type: 'a', payload: {} })).body).toMatchObject({
      delivery_id: null,
    });
    const enabled = await answer<Endpoint>(stage.api.post(`/v1/endpoints/${id}/enable`), 200);
    expect(enabled).toMatchObject({ status: 'active', disabled_reason: null });
    expect(await reasons()).toEqual({ endpoint_id: id, matched: true, reason: 'event_type' });
    expect(await patch(id, { active: true })).toMatchObject({ status: 'active' });
    expect(stage.receiver.received.filter(({ path }) => path === '/ok/switched').length).toBeLessThanOrEqual(1);
    const made = await createEndpoint(stage.api, { url: url(), active: false });
    expect(made).toMatchObject({ status: 'disabled', disabled_reason: 'by_request' });
    expect(await patch(made.id, { active: true })).toMatchObject({ status: 'active', disabled_reason: null });
  });

  test('that is deleted is gone everywhere but in what it was sent', async () => {
    const { id } = await createEndpoint(stage.api, { url: url() });
    const delivery = await settled(stage.api, await sendTo(stage.api, id));
    const gone = await stage.api.delete(`/v1/endpoints/${id}`);
    expect([gone.status, gone.text]).toEqual([204, '']);
    for (const [method, rest] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['GET', '/secret'],
      ['POST', '/test'],
    ] as const) {
      await refusal(
        stage.api.call(method, `/v1/endpoints/${id}${rest}`, method === 'PATCH' ? {} : undefined),
        'not_found',
      );
    }
    await refusal(stage.api.post('/v1/send', { destination: id, event_type: 'a', payload: {} }), 'not_found');
    expect((await all<Endpoint>(stage.api, '/v1/endpoints')).some((each) => each.id === id)).toBe(false);
    expect((await stage.api.get(`/v1/deliveries/${delivery.id}`)).body).toEqual(delivery);
    expect((await stage.api.get(`/v1/messages/${delivery.message_id}`)).status).toBe(200);
  });
});
