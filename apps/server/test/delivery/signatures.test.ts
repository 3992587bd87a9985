import { createHmac } from 'node:crypto';
import {
  decodeEd25519Secret,
  decodeSecret,
  deriveEd25519Key,
  ed25519PublicKey,
  generateEd25519Secret,
  generateSecret,
} from '@postrider/webhook';
import { expect, test } from 'vitest';
import { answer, attemptsOf, createEndpoint, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('a delivery', (kind) => {
  const stage = stageOn(kind);
  const url = (label: string) => `${stage.receiver.url}/verified/${label}`;
  const revealed = (id: string) =>
    answer<{ secret: string; public_key?: string }>(stage.api.get(`/v1/endpoints/${id}/secret`), 200);
  /** Sends one, which the receiver answers with 200 only if it can verify it. */
  const sent = async (id: string) => {
    const delivery = await settled(stage.api, await sendTo(stage.api, id));
    expect(delivery).toMatchObject({ status: 'SENT', attempt_count: 1 });
    const [request] = await stage.receiver.waitFor(({ webhookId }) => webhookId === delivery.message_id);
    if (!request) throw new Error('nothing came');
    return { request, delivery };
  };

  test('is signed with the key pair that belongs to the secret, and verified with the public key', async () => {
    const made = await createEndpoint(stage.api, { url: url('pair'), signature: { scheme: 'ed25519' } });
    expect(made.public_key).toBe(ed25519PublicKey(deriveEd25519Key(decodeSecret(made.secret))));
    expect(await revealed(made.id)).toEqual({ secret: made.secret, public_key: made.public_key });
    stage.receiver.trust(made.public_key ?? '', '/verified/pair');
    const { request, delivery } = await sent(made.id);
    expect(request.headers['webhook-signature']).toMatch(/^v1a,[A-Za-z0-9+/]{86}==$/);
    const [attempt] = await attemptsOf(stage.api, delivery.id);
    expect(attempt?.request_headers['webhook-signature']).toBe(request.headers['webhook-signature']);
  });

  test('is signed with a key pair of the owner’s own', async () => {
    const secret = generateEd25519Secret();
    const settings = { url: url('own-pair'), signature: { scheme: 'ed25519' }, secret };
    const made = await createEndpoint(stage.api, settings);
    expect(made).toMatchObject({ secret, public_key: ed25519PublicKey(decodeEd25519Secret(secret)) });
    stage.receiver.trust(made.public_key ?? '', '/verified/own-pair');
    await sent(made.id);
  });

  test('is signed in hex under the secret as it is shown, with headers named by the brand', async () => {
    const signature = { scheme: 'hmac-hex', brand: 'Acme' };
    const made = await createEndpoint(stage.api, { url: url('hex'), signature });
    expect(made).not.toHaveProperty('public_key');
    stage.receiver.trust(made.secret, '/verified/hex', { scheme: 'hmac-hex', brand: 'Acme' });
    const { headers, body } = (await sent(made.id)).request;
    // By hand, as a customer would from the documentation.
    const text = `${headers['x-acme-timestamp']}.${body}`;
    expect(headers['x-acme-signature']).toBe(createHmac('sha256', made.secret).update(text).digest('hex'));
    expect(headers).not.toHaveProperty('webhook-signature');
    expect(headers).not.toHaveProperty('webhook-timestamp');
  });

  test('names its brand Postrider where none is set', async () => {
    const made = await createEndpoint(stage.api, { url: url('unbranded'), signature: { scheme: 'hmac-hex' } });
    stage.receiver.trust(made.secret, '/verified/unbranded', { scheme: 'hmac-hex' });
    const { headers } = (await sent(made.id)).request;
    expect(headers['x-postrider-signature']).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each(['standard', 'ed25519', 'hmac-hex'] as const)('has headers of the owner’s naming in %s', async (scheme) => {
    const names = { id_header: 'X-Event-Id', timestamp_header: 'X-Event-Time', signature_header: 'X-Event-Sign' };
    const label = `named-${scheme}`;
    // The endpoint's own headers of these names would hide ours.
    const headers = { 'x-event-sign': 'mine', 'x-event-id': 'mine', 'x-other': 'mine' };
    const made = await createEndpoint(stage.api, { url: url(label), signature: { scheme, ...names }, headers });
    stage.receiver.trust(made.public_key ?? made.secret, `/verified/${label}`, {
      scheme: scheme === 'hmac-hex' ? 'hmac-hex' : 'standard',
      headers: { id: 'x-event-id', timestamp: 'x-event-time', signature: 'x-event-sign' },
    });
    const delivery = await settled(stage.api, await sendTo(stage.api, made.id));
    expect(delivery.status).toBe('SENT');
    const [request] = await stage.receiver.waitFor(({ path }) => path === `/verified/${label}`);
    expect(request?.headers).toMatchObject({ 'x-event-id': delivery.message_id, 'x-other': 'mine' });
    expect(Object.keys(request?.headers ?? {}).filter((name) => name.startsWith('webhook-'))).toEqual([]);
  });

  test('changes its scheme with its endpoint, and needs no new secret', async () => {
    const made = await createEndpoint(stage.api, { url: url('changing') });
    stage.receiver.trust(made.secret, '/verified/changing');
    await sent(made.id);
    const change = (signature: object | null) =>
      answer(stage.api.patch(`/v1/endpoints/${made.id}`, { signature }), 200);
    await change({ scheme: 'ed25519' });
    const { public_key } = await revealed(made.id);
    stage.receiver.trust(public_key ?? '', '/verified/changing');
    const { headers } = (await sent(made.id)).request;
    expect(headers['webhook-signature']).toMatch(/^v1a,\S+$/);
    await change(null);
    const back = (await sent(made.id)).request;
    expect(back.headers['webhook-signature']).toMatch(/^v1,\S+$/);
    expect(await revealed(made.id)).toEqual({ secret: made.secret });
  });

  test('is never signed in another scheme with a key pair of the owner’s own', async () => {
    const secret = generateEd25519Secret();
    for (const signature of [null, { scheme: 'hmac-hex' }, { scheme: 'standard' }]) {
      const { errors } = await refusal(
        stage.api.post('/v1/endpoints', { url: url('no'), secret, signature }),
        'validation_failed',
      );
      expect(errors?.map(({ path }) => path)).toEqual(['/secret']);
    }
    const { id } = await createEndpoint(stage.api, { url: url('kept'), secret, signature: { scheme: 'ed25519' } });
    for (const signature of [null, { scheme: 'hmac-hex' }]) {
      await refusal(stage.api.patch(`/v1/endpoints/${id}`, { signature }), 'validation_failed');
    }
    await answer(stage.api.patch(`/v1/endpoints/${id}`, { signature: { scheme: 'ed25519', id_header: 'X-Id' } }), 200);
  });

  test.each([
    'whsec_short',
    'whsk_short',
    `whsk_${Buffer.alloc(64, 1).toString('base64')}`,
    generateSecret().slice(6),
    'whpk_iC/sXNiCg77zj7CxDQXivtta9fBivtJgj5GvT/vl5Xw=',
  ])('cannot be signed with %s', async (secret) => {
    const body = { url: url('no'), secret, signature: { scheme: 'ed25519' } };
    const { errors } = await refusal(stage.api.post('/v1/endpoints', body), 'validation_failed');
    expect(errors?.map(({ path }) => path)).toEqual(['/secret']);
  });
});
