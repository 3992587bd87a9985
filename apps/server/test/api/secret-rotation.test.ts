import { setTimeout as delay } from 'node:timers/promises';
import { generateEd25519Secret, generateSecret } from '@postrider/webhook';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { answer, createEndpoint, type NewEndpoint, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

interface Rotated {
  readonly secret: string;
  readonly public_key?: string;
  readonly previous_secret_expires_at: string;
}

const HOUR_MS = 3_600_000;

onBothDatabases('a rotation', (kind) => {
  const stage = stageOn(kind);
  const make = (label: string, settings: object = {}): Promise<NewEndpoint> =>
    createEndpoint(stage.api, { url: `${stage.receiver.url}/ok/${label}`, ...settings });
  const rotate = (id: string, body: object = {}, headers = {}) =>
    answer<Rotated>(stage.api.post(`/v1/endpoints/${id}/secret/rotate`, body, headers), 200);
  const sent = async (id: string) => {
    const { message_id } = await settled(stage.api, await sendTo(stage.api, id));
    const [request] = await stage.receiver.waitFor(({ webhookId }) => webhookId === message_id);
    if (!request) throw new Error('nothing came');
    return request;
  };
  const isSignedBy = ({ body, headers }: Awaited<ReturnType<typeof sent>>, secret: string) => {
    try {
      // The published library is the judge.
      new Webhook(secret).verify(body, headers);
      return true;
    } catch {
      return false;
    }
  };

  test('makes a new secret, and deliveries carry both signatures until the old one ends', async () => {
    const { id, secret } = await make('both');
    const before = Date.now();
    const rotated = await rotate(id);
    expect(rotated.secret).not.toBe(secret);
    expect(Object.keys(rotated).sort()).toEqual(['previous_secret_expires_at', 'secret']);
    const overlap = Date.parse(rotated.previous_secret_expires_at) - before;
    expect(Math.abs(overlap - 24 * HOUR_MS)).toBeLessThan(60_000);
    expect((await stage.api.get(`/v1/endpoints/${id}/secret`)).body).toEqual({ secret: rotated.secret });
    const request = await sent(id);
    expect(request.headers['webhook-signature']?.split(' ')).toHaveLength(2);
    for (const each of [secret, rotated.secret]) expect(isSignedBy(request, each)).toBe(true);
  });

  test('needs no body', async () => {
    const { id, secret } = await make('bare');
    const reply = await stage.api.post(`/v1/app/default/endpoints/${id}/secret/rotate`);
    expect((await answer<Rotated>(reply, 200)).secret).not.toBe(secret);
  });

  test('again keeps all that are valid; five of them, and no more', async () => {
    const { id, secret } = await make('again');
    const secrets = [secret];
    for (let n = 0; n < 5; n++) secrets.push((await rotate(id, { overlap_hours: 1 + n })).secret);
    const request = await sent(id);
    expect(secrets.map((each) => isSignedBy(request, each))).toEqual(secrets.map(() => true));
    await refusal(stage.api.post(`/v1/endpoints/${id}/secret/rotate`, {}), 'too_many_secrets');
    // Refused is refused: nothing changed.
    expect((await stage.api.get(`/v1/endpoints/${id}/secret`)).body).toEqual({ secret: secrets[5] });

    const { secret: last } = await rotate(id, { overlap_hours: 0 });
    const after = await sent(id);
    expect(after.headers['webhook-signature']).toMatch(/^v1,\S+$/);
    expect(isSignedBy(after, last)).toBe(true);
  });

  test('ends an old secret by the clock, with nobody doing anything', async () => {
    const { id, secret } = await make('clock');
    const { previous_secret_expires_at: expires } = await rotate(id, { overlap_hours: 1.5 / 3600 });
    await delay(Date.parse(expires) + 1 - Date.now());
    const request = await sent(id);
    expect(request.headers['webhook-signature']).toMatch(/^v1,\S+$/);
    expect(isSignedBy(request, secret)).toBe(false);
  });

  test('takes a secret of one’s own, also one of before', async () => {
    const { id, secret } = await make('own');
    const own = generateSecret();
    expect((await rotate(id, { secret: own })).secret).toBe(own);
    expect((await rotate(id, { secret })).secret).toBe(secret);
    const request = await sent(id);
    expect(request.headers['webhook-signature']?.split(' ')).toHaveLength(2);
    const { errors } = await refusal(
      stage.api.post(`/v1/endpoints/${id}/secret/rotate`, { secret }),
      'validation_failed',
    );
    expect(errors?.map(({ path }) => path)).toEqual(['/secret']);
  });

  test.each([
    { secret: 'whsec_short' },
    { secret: generateEd25519Secret() },
    { overlap_hours: -1 },
    { overlap_hours: 169 },
    { overlap_hours: null },
    { overlap: 1 },
  ])('%# is refused', async (body) => {
    const { id } = await make('refused');
    await refusal(stage.api.post(`/v1/endpoints/${id}/secret/rotate`, body), 'validation_failed');
  });

  test('with an idempotency key happens once, and shows the same secret again', async () => {
    const { id } = await make('once');
    const first = await rotate(id, {}, { 'idempotency-key': 'rotate-1' });
    expect(await rotate(id, {}, { 'idempotency-key': 'rotate-1' })).toEqual(first);
    expect((await sent(id)).headers['webhook-signature']?.split(' ')).toHaveLength(2);
  });

  test('of a key pair shows the public key, and goes from one to another', async () => {
    const made = await make('pair', { signature: { scheme: 'ed25519' }, secret: generateEd25519Secret() });
    const derived = await rotate(made.id);
    expect(derived.secret).toMatch(/^whsec_/);
    expect(derived.public_key).toMatch(/^whpk_/);
    const own = await rotate(made.id, { secret: generateEd25519Secret() });
    const url = `/verified/pairs`;
    await answer(stage.api.patch(`/v1/endpoints/${made.id}`, { url: stage.receiver.url + url }), 200);
    // Each of the three verifies, alone.
    for (const [n, key] of [made.public_key, derived.public_key, own.public_key].entries()) {
      stage.receiver.trust(key ?? '', `${url}/${n}`);
      await answer(stage.api.patch(`/v1/endpoints/${made.id}`, { url: `${stage.receiver.url}${url}/${n}` }), 200);
      expect(await settled(stage.api, await sendTo(stage.api, made.id))).toMatchObject({ status: 'SENT' });
    }
  });

  test('outlives a restart, and other changes to the endpoint', async () => {
    const { id, secret } = await make('restart');
    const rotated = await rotate(id);
    await answer(stage.api.patch(`/v1/endpoints/${id}`, { description: 'ours' }), 200);
    await stage.restart();
    const request = await sent(id);
    for (const each of [secret, rotated.secret]) expect(isSignedBy(request, each)).toBe(true);
  });
});
