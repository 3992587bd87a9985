import {
  decodeEd25519Secret,
  ed25519PublicKey,
  generateEd25519Secret,
  generateSecret,
  signEd25519,
  signHmacHex,
} from '@postrider/webhook';
import { describe, expect, it } from 'vitest';
import type { ReceivedRequest } from '../src/index.ts';
import { post, signed } from './client.ts';
import { running } from './running.ts';

describe('a record', () => {
  it('says what was received', async () => {
    const receiver = await running();
    const body = '{"name":"Zoë 🐢"}';
    await post(`${receiver.url}/ok/acme?a=b`, { body, headers: { 'Webhook-Id': 'msg_1', 'X-Two': 'b' } });
    expect(receiver.received).toEqual([
      {
        sequence: 1,
        receivedAt: expect.any(Number),
        method: 'POST',
        path: '/ok/acme',
        query: '?a=b',
        headers: expect.objectContaining({ 'webhook-id': 'msg_1', 'x-two': 'b' }),
        body,
        webhookId: 'msg_1',
        verified: false,
        reason: 'no_secret_known',
      },
    ]);
  });

  it('says whether it was signed by the secret of its own path', async () => {
    const [all, acme, rotated] = [generateSecret(), generateSecret(), generateSecret()];
    const receiver = await running({ secrets: { '*': [all], '/ok/acme': [acme] } });
    receiver.trust(rotated, '/ok/acme/');
    const verdict = async (path: string, secret: string) => {
      await post(receiver.url + path, { body: '{}', headers: signed(secret, 'msg_1', '{}') });
      const last = receiver.received.at(-1);
      return last?.verified ? 'verified' : last?.reason;
    };
    expect(await verdict('/ok', all)).toBe('verified');
    expect(await verdict('/ok/acme', acme)).toBe('verified');
    expect(await verdict('/ok/acme/deeper?q', rotated)).toBe('verified');
    expect(await verdict('/ok/acme', all)).toBe('no_matching_signature');
    expect(await verdict('/ok/acme-2', acme)).toBe('no_matching_signature');
    expect(await verdict('/ok/acme-2', all)).toBe('verified');
    expect(receiver.counts).toEqual({ total: 6, verified: 4, unverified: 2 });
  });

  it('says whether it was signed by a key pair, by hex, or under names of the sender’s own', async () => {
    const receiver = await running();
    const [key, secret] = [decodeEd25519Secret(generateEd25519Secret()), generateSecret()];
    receiver.trust(ed25519PublicKey(key), '/ok/pair');
    receiver.trust(secret, '/ok/hex', { scheme: 'hmac-hex', brand: 'Acme' });
    receiver.trust(secret, '/ok/named', { headers: { id: 'X-Id', timestamp: 'X-Time', signature: 'X-Sign' } });
    const standard = signed(secret, 'msg_1', '{}');
    const timestamp = Number(standard['webhook-timestamp']);
    const hex = { 'x-acme-timestamp': String(timestamp), 'x-acme-signature': signHmacHex(secret, timestamp, '{}') };
    const calls = {
      '/ok/pair': { ...standard, 'webhook-signature': signEd25519(key, 'msg_1', timestamp, '{}') },
      '/ok/hex': hex,
      '/ok/named': { 'x-id': 'msg_1', 'x-time': String(timestamp), 'x-sign': `${standard['webhook-signature']}` },
    };
    for (const [path, headers] of Object.entries(calls)) {
      await post(receiver.url + path, { body: '{}', headers });
      await post(receiver.url + path, { body: '{ }', headers });
    }
    expect(receiver.received.map(({ verified }) => verified)).toEqual([true, false, true, false, true, false]);
  });

  it('is also made of a request that nobody answers', async () => {
    const receiver = await running();
    post(`${receiver.url}/hang`).catch(() => {});
    post(receiver.hostile['never-answers'], { body: '{}', headers: { 'webhook-id': 'msg_2' } }).catch(() => {});
    const seen = await receiver.waitFor(2);
    expect(seen.map(({ path }) => path).sort()).toEqual(['/hang', '/never-answers']);
    expect(seen.find(({ webhookId }) => webhookId === 'msg_2')?.body).toBe('{}');
  });
});

describe('waiting', () => {
  it('finds what came before and what comes after', async () => {
    const receiver = await running();
    const match = ({ path }: ReceivedRequest) => path === '/ok/acme';
    await post(`${receiver.url}/ok/acme`);
    expect(await receiver.waitFor(match)).toHaveLength(1);
    const two = receiver.waitFor({ count: 2, match });
    await post(`${receiver.url}/ok/other`);
    await post(`${receiver.url}/ok/acme`);
    expect((await two).map(({ sequence }) => sequence)).toEqual([1, 3]);
  });

  it('gives up in time and says what was seen instead', async () => {
    const receiver = await running();
    await post(`${receiver.url}/ok/acme`, { headers: { 'webhook-id': 'msg_1' } });
    await expect(receiver.waitFor(2, 5)).rejects.toThrow(
      'waited 5 ms for 2 request(s), saw 1 (1 in all; the last: POST /ok/acme msg_1)',
    );
  });

  it('ends when the receiver is closed', async () => {
    const receiver = await running();
    const waiting = expect(receiver.waitFor(1)).rejects.toThrow('closed while it was waited on');
    await receiver.close();
    await waiting;
  });
});

describe('memory', () => {
  it('holds no more requests than told, while every one is counted', async () => {
    const ids = new Map<string | undefined, number>();
    const onRequest = ({ webhookId }: ReceivedRequest) => ids.set(webhookId, (ids.get(webhookId) ?? 0) + 1);
    const receiver = await running({ keep: 3, onRequest });
    for (let n = 0; n < 10; n += 1) await post(receiver.url, { headers: { 'webhook-id': `msg_${n % 5}` } });
    expect(receiver.received.map(({ sequence }) => sequence)).toEqual([8, 9, 10]);
    expect(receiver.counts.total).toBe(10);
    expect([...ids.values()]).toEqual([2, 2, 2, 2, 2]);
  });

  it('holds nothing in the mode count, which still verifies', async () => {
    const secret = generateSecret();
    const seen: ReceivedRequest[] = [];
    const receiver = await running({
      record: 'count',
      secrets: { '*': [secret] },
      onRequest: (request) => seen.push(request),
    });
    const first = receiver.waitFor(({ webhookId }) => webhookId === 'msg_1');
    await post(receiver.url, { body: '{}', headers: signed(secret, 'msg_1', '{}') });
    expect(await first).toEqual(seen);
    expect(receiver.received).toEqual([]);
    expect(receiver.counts).toEqual({ total: 1, verified: 1, unverified: 0 });
  });

  it('only counts in the mode none', async () => {
    const receiver = await running({ record: 'none', secrets: { '*': [generateSecret()] } });
    const two = receiver.waitFor(2);
    await Promise.all([post(receiver.url, { body: '{}' }), post(receiver.url)]);
    expect(await two).toEqual([]);
    expect(receiver.counts).toEqual({ total: 2, verified: 0, unverified: 0 });
  });

  it('is not filled by one huge request', async () => {
    const receiver = await running();
    const { status } = await post(receiver.url, { body: 'x'.repeat(8 * 1024 * 1024 + 1) });
    expect(status).toBe(413);
    expect(receiver.received).toMatchObject([{ body: '', verified: false, reason: 'body_too_large' }]);
  });
});
