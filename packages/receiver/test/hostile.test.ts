import { expect, it, onTestFinished } from 'vitest';
import { HOSTILITIES } from '../src/hostile/table.ts';
import { type HostileName, type Receiver, startReceiver } from '../src/index.ts';
import { post, RawClient } from './client.ts';
import { running } from './running.ts';

async function against(name: HostileName): Promise<{ receiver: Receiver; client: RawClient }> {
  const receiver = await running();
  const client = new RawClient(receiver.hostile[name]);
  onTestFinished(() => client.close());
  return { receiver, client };
}

it.each(['never-answers', 'silent'] as const)('%s writes nothing until it is closed', async (name) => {
  const { receiver, client } = await against(name);
  if (name === 'never-answers') await receiver.waitFor(1);
  else await new Promise((resolve) => client.socket.once('connect', resolve));
  await post(receiver.url); // By now an answer would have come.
  await receiver.close();
  await client.ended;
  expect(client.received).toBe('');
});

it('header-drip writes one byte of a header at a time and never ends it', async () => {
  const { client } = await against('header-drip');
  await client.until(/^HTTP\/1\.1 200 OK\r\nx-drip: aaa$/);
});

it.each([
  ['endless-continue', '100 Continue'],
  ['endless-hints', '103 Early Hints'],
] as const)('%s repeats %s and nothing else', async (name, status) => {
  const { client } = await against(name);
  await client.until(new RegExp(`^(HTTP/1.1 ${status}\r\n(link: [^\r]+\r\n)?\r\n){3}$`));
});

it('body-drip writes one byte of body at a time', async () => {
  const { client } = await against('body-drip');
  await client.until(/^HTTP\/1\.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n(1\r\na\r\n){3}$/);
});

it('huge-header answers with one header of 64 KB', async () => {
  const { client } = await against('huge-header');
  await client.until(/\r\nx-huge: a{65536}\r\ncontent-length: 2\r\n\r\nok$/);
});

it('many-headers answers with 5,000 headers', async () => {
  const { client } = await against('many-headers');
  const received = await client.until(/\r\n\r\nok$/);
  expect(received.match(/^x-\d+: v\r$/gm)).toHaveLength(5000);
});

it('two-lengths answers with two content-lengths, which a strict parser refuses', async () => {
  const { receiver, client } = await against('two-lengths');
  expect((await client.until(/ok$/)).match(/^content-length: \d\r$/gm)).toHaveLength(2);
  await expect(post(receiver.hostile['two-lengths'])).rejects.toMatchObject({ code: expect.stringMatching(/^HPE_/) });
});

it('garbage is not HTTP', async () => {
  const { receiver, client } = await against('garbage');
  expect(await client.ended).toBe('end');
  expect(client.received).toHaveLength(1024);
  await expect(post(receiver.hostile.garbage)).rejects.toMatchObject({ code: expect.stringMatching(/^HPE_/) });
});

it('close-mid-body ends in order, short of what it promised', async () => {
  const { receiver, client } = await against('close-mid-body');
  expect(await client.ended).toBe('end');
  expect(client.received).toMatch(/content-length: 1000\r\n\r\n0123456789$/);
  await expect(post(receiver.hostile['close-mid-body'])).rejects.toMatchObject({ message: 'aborted' });
});

it('reset-before-headers resets the connection without a byte', async () => {
  const { client } = await against('reset-before-headers');
  expect(await client.ended).toBe('ECONNRESET');
  expect(client.received).toBe('');
});

it('reset-mid-body resets the connection after the head', async () => {
  const { client } = await against('reset-mid-body');
  expect(await client.ended).toBe('ECONNRESET');
  expect(client.received).toMatch(/content-length: 1000\r\n\r\n0123456789$/);
});

it('accept-close hangs up before any request', async () => {
  const receiver = await running();
  await expect(post(receiver.hostile['accept-close'])).rejects.toMatchObject({
    code: expect.stringMatching(/ECONNRESET|EPIPE/),
  });
  expect(receiver.counts.total).toBe(0);
});

it('keep-alive-close offers to keep the connection and closes it after one answer', async () => {
  const { client } = await against('keep-alive-close');
  expect(await client.ended).toBe('end');
  expect(client.received).toMatch(/connection: keep-alive\r\n[\s\S]+\r\n\r\nok$/);
});

it('keep-alive-reset answers once and resets when the connection is used again', async () => {
  const { client } = await against('keep-alive-reset');
  await client.until(/\r\n\r\nok$/);
  client.send('/keep-alive-reset');
  expect(await client.ended).toBe('ECONNRESET');
});

it('an unknown hostile path answers 404', async () => {
  const receiver = await running();
  expect((await post(new URL('/nothing', receiver.hostile.garbage).href)).status).toBe(404);
});

it('a label may follow the name', async () => {
  const receiver = await running();
  await expect(post(`${receiver.hostile['reset-before-headers']}/acme`)).rejects.toThrow();
  expect(receiver.received).toMatchObject([{ path: '/reset-before-headers/acme' }]);
});

it('close cuts every hostile connection, whatever it was doing', async () => {
  const receiver = await startReceiver();
  const lasting = Object.keys(HOSTILITIES).filter((name) => /never|endless|drip|huge-body|bomb/.test(name));
  const clients = Object.entries(receiver.hostile)
    .filter(([name]) => lasting.includes(name))
    .map(([, url]) => new RawClient(url));
  expect(clients).toHaveLength(7);
  await receiver.waitFor(clients.length);
  await receiver.close();
  await Promise.all(clients.map((client) => client.ended));
});
