import { type Receiver, startReceiver, type TlsUrls } from '@postrider/receiver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { client, LAX, listener, resolving, stageDial } from './stage.ts';

let receiver: Receiver;
let tls: TlsUrls;

beforeAll(async () => {
  receiver = await startReceiver();
  tls = await receiver.tls(['hook.example.com']);
});

afterAll(() => receiver.close());

async function send(url: string, ca: readonly string[] = [tls.ca], deadlineMs = 5_000) {
  await using stage = client({ ca });
  return await stage.send(`${url}/ok`, { deadlineMs });
}

test('a good certificate is delivered to, and the handshake is timed', async () => {
  const exchange = await send(tls.valid);
  expect(exchange).toMatchObject({ kind: 'response', status: 200 });
  expect(exchange.timings).toEqual({
    dns: null,
    connect: expect.any(Number),
    tls: expect.any(Number),
    first_byte: expect.any(Number),
  });
});

describe('a certificate that proves nothing has its own code', () => {
  test('a wrong name', async () => {
    expect(await send(tls.wrongName)).toMatchObject({ kind: 'error', code: 'certificate_name_mismatch' });
  });

  test('an expired one', async () => {
    expect(await send(tls.expired)).toMatchObject({ kind: 'error', code: 'certificate_expired' });
  });

  test('a self-signed one', async () => {
    expect(await send(tls.selfSigned)).toMatchObject({ kind: 'error', code: 'certificate_untrusted' });
  });

  test('an authority nobody told us to trust', async () => {
    expect(await send(tls.valid, [])).toMatchObject({ kind: 'error', code: 'certificate_untrusted' });
  });
});

test('a peer that speaks TLS 1.1 at most is refused', async () => {
  expect(await send(tls.oldVersion)).toMatchObject({ kind: 'error', code: 'tls_failed' });
});

test('a peer that does not speak TLS is refused', async () => {
  expect(await send(`https://127.0.0.1:${receiver.port}`)).toMatchObject({ kind: 'error', code: 'tls_failed' });
});

test('a peer that hangs up during the handshake is refused', async () => {
  const url = new URL(receiver.hostile['accept-close']);
  const exchange = await send(`https://127.0.0.1:${url.port}`);
  expect(exchange).toMatchObject({ kind: 'error', code: expect.stringMatching(/^(tls_failed|connection_reset)$/) });
});

test('a handshake that never begins ends at the deadline', async () => {
  expect(await send(tls.stalled, [tls.ca], 200)).toMatchObject({ kind: 'error', code: 'tls_timeout' });
});

test('NODE_TLS_REJECT_UNAUTHORIZED does not switch verification off', async () => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  try {
    expect(await send(tls.selfSigned)).toMatchObject({ kind: 'error', code: 'certificate_untrusted' });
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
});

describe('through an address dialled in place of the name', () => {
  const named = () => ({ policy: LAX, ca: [tls.ca], resolve: resolving('8.8.8.8') });

  test('the certificate is matched against the name', async () => {
    const port = Number(new URL(tls.valid).port);
    await using stage = client({ ...named(), dial: stageDial(port) });
    expect(await stage.send('https://hook.example.com/ok')).toMatchObject({ kind: 'response', status: 200 });
    expect(await stage.send('https://other.example.com/ok')).toMatchObject({ code: 'certificate_name_mismatch' });
  });

  test('the request says the name as the URL has it', async () => {
    const port = Number(new URL(tls.valid).port);
    await using stage = client({ ...named(), dial: stageDial(port) });
    const seen = receiver.received.length;
    await stage.send('https://hook.example.com./ok');
    const [request] = receiver.received.slice(seen);
    expect(request?.headers.host).toBe('hook.example.com');
  });

  test('the handshake offers the name as SNI, none for a literal, and no HTTP/2', async () => {
    const hellos: string[] = [];
    await using server = await listener((socket) => {
      socket.once('data', (hello) => {
        hellos.push(hello.toString('latin1'));
        socket.end();
      });
    });
    await using stage = client({ resolve: resolving('8.8.8.8'), dial: stageDial(server.port) });
    await stage.send('https://hook.example.com/');
    await stage.send('https://127.0.0.1/');
    expect(hellos.map((hello) => hello.includes('hook.example.com'))).toEqual([true, false]);
    expect(hellos.some((hello) => hello.includes('127.0.0.1'))).toBe(false);
    expect(hellos.every((hello) => hello.includes('http/1.1') && !hello.includes('\x02h2'))).toBe(true);
  });
});
