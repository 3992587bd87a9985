import { generateSecret } from '@postrider/webhook';
import { describe, expect, it } from 'vitest';
import { post, signed } from './client.ts';
import { running } from './running.ts';

it.each(['/', '/ok', '/ok/customer-1?x=y'])('%s answers 200', async (path) => {
  const { url } = await running();
  expect(await post(url + path)).toMatchObject({ status: 200, body: 'ok\n' });
});

it.each([200, 204, 304, 410, 503, 599])('/status/%i answers with it', async (status) => {
  const { url } = await running();
  expect((await post(`${url}/status/${status}`)).status).toBe(status);
});

it('/status says when to retry', async () => {
  const { url } = await running();
  const { status, headers } = await post(`${url}/status/429/acme?retry-after=7`);
  expect([status, headers['retry-after']]).toEqual([429, '7']);
});

it('/body answers with so many bytes', async () => {
  const { url } = await running();
  expect((await post(`${url}/body/8191`)).body).toHaveLength(8191);
});

it('/slow answers 200, not before its time', async () => {
  const { url } = await running();
  const started = performance.now();
  expect((await post(`${url}/slow/120`)).status).toBe(200);
  expect(performance.now() - started).toBeGreaterThanOrEqual(115); // Timers may fire a few ms early.
});

it('/hang takes the request and never answers', async () => {
  const receiver = await running();
  const answer = post(`${receiver.url}/hang`);
  await receiver.waitFor(1);
  // Requests on other connections are answered meanwhile; this one ends only with the receiver.
  expect((await post(`${receiver.url}/ok`)).status).toBe(200);
  const cut = expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
  await receiver.close();
  await cut;
});

it('/redirect sends the client where it was told', async () => {
  const { url } = await running();
  const to = 'http://169.254.169.254/latest?a=b';
  const plain = await post(`${url}/redirect?to=${encodeURIComponent(to)}`);
  expect([plain.status, plain.headers.location]).toEqual([302, to]);
  expect((await post(`${url}/redirect?to=/ok&status=308`)).status).toBe(308);
});

it('/fail-times fails each webhook-id so often, and then succeeds', async () => {
  const { url } = await running();
  const statuses = async (id: string, path: string) => {
    const seen = [];
    for (let tries = 0; tries < 4; tries += 1) {
      seen.push((await post(url + path, { headers: { 'webhook-id': id } })).status);
    }
    return seen;
  };
  expect(await statuses('msg_1', '/fail-times/2')).toEqual([500, 500, 200, 200]);
  expect(await statuses('msg_2', '/fail-times/2?status=503')).toEqual([503, 503, 200, 200]);
  expect(await statuses('msg_1', '/fail-times/2/another-endpoint')).toEqual([500, 500, 200, 200]);
});

describe('/flaky', () => {
  const outcomes = async (path: string) => {
    const { url } = await running();
    const agentless = Array.from({ length: 300 }, () => () => post(url + path).then(({ status }) => status));
    const seen = [];
    for (const send of agentless) seen.push(await send());
    return seen;
  };

  it('fails about its share, and the same ones for the same seed', async () => {
    const [first, again, other] = await Promise.all([
      outcomes('/flaky?fail=0.33&seed=7'),
      outcomes('/flaky?fail=0.33&seed=7'),
      outcomes('/flaky?fail=0.33&seed=8'),
    ]);
    const failed = first.filter((status) => status === 500).length;
    // 300 draws at 0.33: mean 99, standard deviation 8.
    expect(failed).toBeGreaterThan(66);
    expect(failed).toBeLessThan(132);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it('is silent for the share it hangs', async () => {
    const receiver = await running();
    const answer = post(`${receiver.url}/flaky?hang=1`);
    await receiver.waitFor(1);
    const cut = expect(answer).rejects.toThrow();
    await receiver.close();
    await cut;
  });
});

it('/verified answers 200 only to a request signed by a trusted secret', async () => {
  const receiver = await running();
  const secret = generateSecret();
  const headers = signed(secret, 'msg_1', '{}');
  expect(await post(`${receiver.url}/verified`, { body: '{}', headers })).toMatchObject({
    status: 401,
    body: 'no_secret_known\n',
  });
  receiver.trust(secret);
  expect((await post(`${receiver.url}/verified`, { body: '{}', headers })).status).toBe(200);
  expect(await post(`${receiver.url}/verified`, { body: '{ }', headers })).toMatchObject({
    status: 401,
    body: 'no_matching_signature\n',
  });
});

it.each([
  '/status/abc',
  '/status/100',
  '/slow',
  '/slow/-1',
  '/flaky?fail=2',
  '/flaky?fail=0.6&hang=0.6',
  '/fail-times/x',
  '/redirect',
  '/redirect?to=%0d%0aset-cookie:x',
  '/redirect?to=/&status=200',
  '/status/429?retry-after=%0d%0aset-cookie:x',
])('%s is explained, not guessed at', async (path) => {
  const { url } = await running();
  const { status, headers } = await post(url + path);
  expect([status, headers['set-cookie']]).toEqual([400, undefined]);
});

it('an unknown path answers 404 and lists the known ones', async () => {
  const { url } = await running();
  const { status, body } = await post(`${url}/stauts/503`);
  expect(status).toBe(404);
  expect(body).toContain('/status');
});

it('a behaviour of the caller wins, and may hold its answer until told', async () => {
  const gate = Promise.withResolvers<void>();
  const receiver = await running({ behaviours: { gated: () => ({ status: 202, until: gate.promise }) } });
  let answered = false;
  const answer = post(`${receiver.url}/gated`).finally(() => {
    answered = true;
  });
  await receiver.waitFor(1);
  await post(`${receiver.url}/ok`);
  expect(answered).toBe(false);
  gate.resolve();
  expect((await answer).status).toBe(202);
});
