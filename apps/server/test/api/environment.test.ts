import { expect, test } from 'vitest';
import { answer, createEndpoint, type Endpoint, type Message, sendTo, settled } from '../kit/answers.ts';
import { Api } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

interface Environment {
  readonly [field: string]: unknown;
}

onBothDatabases('the environment of a key', (kind) => {
  const stage = stageOn(kind);
  const read = () => answer<Environment>(stage.api.get('/v1/environment'), 200);
  const patch = (change: object) => answer<Environment>(stage.api.patch('/v1/environment', change), 200);
  const sent = async (endpoint: string) => {
    const { message_id } = await settled(stage.api, await sendTo(stage.api, endpoint));
    const [request] = await stage.receiver.waitFor(
      ({ headers }) => headers['webhook-id'] === message_id || headers['x-id'] === message_id,
    );
    if (!request) throw new Error('nothing came');
    return request;
  };

  test('is shown with every setting as it is by default', async () => {
    expect(await read()).toEqual({
      id: expect.stringMatching(/^env_[0-9A-HJKMNP-TV-Z]{26}$/),
      name: 'Test',
      mode: 'test',
      organization: { id: expect.stringMatching(/^org_/), name: 'My organization' },
      strict_event_types: false,
      payload_validation: 'off',
      body_format: 'raw',
      signature: { scheme: 'standard' },
      retention_days: null,
      plan: 'unlimited',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: expect.stringMatching(/Z$/),
    });
  });

  test('takes a patch: what is left out stays, what is given is replaced whole', async () => {
    const before = await read();
    const changes: Record<string, unknown> = {
      name: 'Staging – 试',
      strict_event_types: true,
      payload_validation: 'mark',
      body_format: 'event',
      signature: { scheme: 'hmac-hex', brand: 'Acme', id_header: 'X-Id' },
      retention_days: 3_650,
    };
    let expected: Environment = before;
    for (const [field, value] of Object.entries(changes)) {
      const changed = await patch({ [field]: value });
      expected = { ...expected, [field]: value, updated_at: changed.updated_at };
      expect(changed).toEqual(expected);
      expect(await read()).toEqual(expected);
    }
    for (const field of Object.keys(changes)) await patch({ [field]: before[field] });
    expect(await read()).toEqual({ ...before, updated_at: expect.any(String) });
  });

  test('is not another one of its organization, and keeps its plan and mode', async () => {
    await refusal(stage.api.patch('/v1/environment', { name: 'Production' }), 'already_exists');
    for (const change of [
      { plan: 'free' },
      { mode: 'live' },
      { organization: { name: 'x' } },
      { name: '' },
      { body_format: null },
      { body_format: 'xml' },
      { signature: null },
      { signature: { scheme: 'hmac-hex', brand: 'Amz' } },
      { signature: { scheme: 'standard', id_header: 'Host' } },
      { payload_validation: 'strict' },
      { strict_event_types: 'yes' },
      { retention_days: 0 },
      { retention_days: 3_651 },
      { retention_days: 1.5 },
    ]) {
      await refusal(stage.api.patch('/v1/environment', change), 'validation_failed');
    }
  });

  test('is read by any key of it, and changed by an admin’s only', async () => {
    const { key } = await answer<{ key: string }>(stage.api.post('/v1/api-keys', { name: 'w', scope: 'write' }), 201);
    const writer = new Api(stage.postrider.url, key);
    expect((await answer<Environment>(writer.get('/v1/environment'), 200)).name).toBe('Test');
    await refusal(writer.patch('/v1/environment', { name: 'Mine' }), 'insufficient_scope');
  });

  test('decides body and signature of endpoints that do not, at once', async () => {
    const plain = await createEndpoint(stage.api, { url: `${stage.receiver.url}/verified/env/plain` });
    const own = await createEndpoint(stage.api, {
      url: `${stage.receiver.url}/verified/env/own`,
      body_format: 'raw',
      signature: { scheme: 'standard' },
    });
    // Known by heart before it changes.
    stage.receiver.trust(plain.secret, '/verified/env/plain');
    stage.receiver.trust(own.secret, '/verified/env/own');
    await Promise.all([sent(plain.id), sent(own.id)]);

    await patch({ body_format: 'event', signature: { scheme: 'hmac-hex', brand: 'Acme', id_header: 'X-Id' } });
    stage.receiver.trust(plain.secret, '/verified/env/plain', { scheme: 'hmac-hex', brand: 'Acme' });
    const request = await sent(plain.id);
    expect(request).toMatchObject({ verified: true, body: expect.stringMatching(/^{"event_id":/) });
    expect(request.headers['x-acme-signature']).toMatch(/^[0-9a-f]{64}$/);
    const unchanged = await sent(own.id);
    expect(unchanged).toMatchObject({ verified: true, body: '{"amount":1}' });
    expect(unchanged.headers['webhook-signature']).toMatch(/^v1,/);
    // What is shown of an endpoint is its own.
    expect(await answer<Endpoint>(stage.api.get(`/v1/endpoints/${plain.id}`), 200)).toMatchObject({
      body_format: null,
      signature: null,
    });

    await patch({ body_format: 'standard', signature: { scheme: 'ed25519' } });
    const { body } = await stage.api.get(`/v1/endpoints/${plain.id}/secret`);
    stage.receiver.trust(String(body.public_key), '/verified/env/plain');
    const last = await sent(plain.id);
    expect(last.verified).toBe(true);
    const { created_at } = await answer<Message>(stage.api.get(`/v1/messages/${last.webhookId}`), 200);
    expect(last.body).toBe(`{"type":"invoice.paid","timestamp":"${created_at}","data":{"amount":1}}`);
    await patch({ body_format: 'raw', signature: { scheme: 'standard' } });
  });
});
