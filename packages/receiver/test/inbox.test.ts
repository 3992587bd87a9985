import { expect, it } from 'vitest';
import { isOwnHost } from '../src/inbox/own-host.ts';
import { post } from './client.ts';
import { running } from './running.ts';

const get = (url: string) => post(url, { method: 'GET' });

it('the inbox lists the newest request first', async () => {
  const { url } = await running();
  for (const path of ['/ok/1', '/ok/2', '/status/500']) await post(url + path, { body: '{"a":1}' });
  const { requests, counts } = JSON.parse((await get(`${url}/_inbox?limit=2`)).body);
  expect(requests).toMatchObject([
    { path: '/status/500', body: '{"a":1}', sequence: 3 },
    { path: '/ok/2', sequence: 2 },
  ]);
  expect(counts).toEqual({ total: 3, verified: 0, unverified: 3 });
});

it('the inbox tells only what came after, when asked', async () => {
  const { url } = await running();
  await post(`${url}/ok/1`);
  await post(`${url}/ok/2`);
  expect(JSON.parse((await get(`${url}/_inbox?after=1`)).body).requests).toMatchObject([{ path: '/ok/2' }]);
  expect(JSON.parse((await get(`${url}/_inbox?after=2`)).body).requests).toEqual([]);
});

it.each(['limit=x', 'limit=-1', 'limit=1e99', 'after=x'])('the inbox survives ?%s', async (query) => {
  const { url } = await running();
  expect((await get(`${url}/_inbox?${query}`)).status).toBe(200);
});

it('two receivers say that they are two, so that the page notices a restart', async () => {
  const [first, second] = [await running(), await running()];
  const run = async (url: string) => JSON.parse((await get(`${url}/_inbox`)).body).run;
  expect(await run(first.url)).toBe(await run(first.url));
  expect(await run(first.url)).not.toBe(await run(second.url));
});

it.each([
  ['/', 'text/html; charset=utf-8'],
  ['/_inbox/page.css', 'text/css; charset=utf-8'],
  ['/_inbox/page.js', 'text/javascript; charset=utf-8'],
  ['/_inbox/icon.svg', 'image/svg+xml'],
])('the page and its parts come with a policy that lets nothing inline run (%s)', async (path, type) => {
  const receiver = await running();
  const { status, headers } = await get(receiver.url + path);
  expect(status).toBe(200);
  expect(headers['content-type']).toBe(type);
  expect(headers['content-security-policy']).toMatch(/default-src 'none'.*script-src 'self'/);
  expect(headers['content-security-policy']).not.toContain('unsafe');
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(receiver.counts.total).toBe(0);
});

it('the page has no inline script, style or handler, which its policy would stop', async () => {
  const { url } = await running();
  const { body } = await get(url);
  expect(body).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
});

it('the script of the page puts text in as text', async () => {
  const { url } = await running();
  expect((await get(`${url}/_inbox/page.js`)).body).not.toMatch(
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write/,
  );
});

const asked = (url: string, host: string) => post(url, { method: 'GET', headers: { host } });

it.each(['evil.example', 'evil.example:4401', '127.0.0.1.evil.example', 'localhost.evil.example', 'a@b', ' '])(
  'a page that has its own name point here gets no inbox (%j)',
  async (host) => {
    const receiver = await running();
    await post(`${receiver.url}/ok/1`, { body: '{"secret":"of a customer"}' });
    for (const path of ['/_inbox', '/', '/_inbox/page.js']) {
      const { status, body } = await asked(receiver.url + path, host);
      expect([status, body]).toEqual([403, expect.not.stringContaining('of a customer')]);
    }
    expect(receiver.counts.total).toBe(1);
  },
);

it.each(['localhost', 'localhost:4401', 'LOCALHOST', '127.0.0.1:4401', '[::1]:4401', '192.168.1.7'])(
  'the inbox is shown at %s',
  async (host) => {
    const { url } = await running();
    expect((await asked(`${url}/_inbox`, host)).status).toBe(200);
  },
);

it('the inbox is shown under the name that it was told to listen on', () => {
  expect(isOwnHost('Inbox.internal:80', 'inbox.internal')).toBe(true);
  expect(isOwnHost('other.internal', 'inbox.internal')).toBe(false);
  expect(isOwnHost(undefined, '127.0.0.1')).toBe(false);
});

it('webhooks are taken under any name', async () => {
  const { url, counts } = await running();
  const { status } = await post(`${url}/ok/1`, { headers: { host: 'evil.example' } });
  expect([status, counts.total]).toEqual([200, 1]);
});
