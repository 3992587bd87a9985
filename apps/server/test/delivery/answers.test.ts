import { startCanary } from '@postrider/receiver';
import { expect, test } from 'vitest';
import { type Attempt, attemptsOf, createEndpoint, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { startRawReceiver } from '../kit/raw-receiver.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('what a receiver answers', (kind) => {
  const stage = stageOn(kind);

  /** The one attempt of a delivery that is not retried. */
  async function attemptAt(url: string, settings: object = {}): Promise<Attempt> {
    const { id } = await createEndpoint(stage.api, { url, retry_policy: [], ...settings });
    const delivery = await settled(stage.api, await sendTo(stage.api, id));
    const [attempt, ...more] = await attemptsOf(stage.api, delivery.id);
    if (!attempt || more.length > 0) throw new Error(`not one attempt, but ${more.length + 1}`);
    expect(delivery).toMatchObject({
      status: attempt.status === 'success' ? 'SENT' : 'FAILED',
      last_error: attempt.error?.code ?? null,
      last_status_code: attempt.response_status,
    });
    return attempt;
  }

  /** An answer of these bytes. */
  async function attemptOf(...answer: (string | number[])[]): Promise<Attempt> {
    const bytes = Buffer.concat(answer.map((part) => Buffer.from(part as string, 'latin1')));
    const receiver = await startRawReceiver(bytes);
    try {
      return await attemptAt(receiver.url);
    } finally {
      await receiver.close();
    }
  }

  test('is a success if it is 2xx, and nothing else is', async () => {
    for (const status of [200, 201, 202, 204, 299]) {
      expect(await attemptAt(`${stage.receiver.url}/status/${status}`)).toMatchObject({
        status: 'success',
        error: null,
      });
    }
    for (const status of [300, 304, 400, 401, 404, 429, 500, 599]) {
      expect(await attemptAt(`${stage.receiver.url}/status/${status}`)).toMatchObject({
        status: 'failure',
        response_status: status,
        error: { code: `http_${status}` },
      });
    }
  });

  test('may be a redirect: a failure, not followed', async () => {
    const canary = await startCanary();
    const to = encodeURIComponent(`http://127.0.0.1:${canary.port}/`);
    for (const status of [301, 302, 303, 307, 308]) {
      const attempt = await attemptAt(`${stage.receiver.url}/redirect?to=${to}&status=${status}`);
      expect(attempt).toMatchObject({ status: 'failure', response_status: status, error: { code: `http_${status}` } });
      expect(attempt.response_headers?.location).toBe(`http://127.0.0.1:${canary.port}/`);
    }
    expect(canary.connections).toBe(0);
    await canary.close();
  });

  test('has to be whole within timeout_seconds, however it drips', async () => {
    const { receiver } = stage;
    const codes = {
      [`${receiver.url}/hang`]: 'timeout',
      [receiver.hostile['header-drip']]: 'timeout',
      [receiver.hostile['endless-hints']]: 'timeout',
      [receiver.hostile['body-drip']]: 'response_timeout',
    };
    const attempts = Object.entries(codes).map(async ([url, code]) => {
      const attempt = await attemptAt(url, { timeout_seconds: 1 });
      expect(attempt, url).toMatchObject({ status: 'failure', response_status: null, error: { code } });
      expect(attempt.duration_ms).toBeGreaterThanOrEqual(990);
      expect(attempt.duration_ms).toBeLessThan(2_500);
    });
    await Promise.all(attempts);
  });

  test('is none: nobody listens, or what answers is no receiver', async () => {
    const { hostile } = stage.receiver;
    const closed = await startCanary();
    await closed.close();
    const codes = {
      [`http://127.0.0.1:${closed.port}/`]: 'connection_refused',
      [hostile['accept-close']]: 'connection_reset',
      [hostile.garbage]: 'invalid_response',
      [hostile['close-mid-body']]: 'response_truncated',
      [hostile['huge-header']]: 'headers_too_large',
    };
    for (const [url, code] of Object.entries(codes)) {
      const attempt = await attemptAt(url);
      expect(attempt, url).toMatchObject({
        status: 'failure',
        response_status: null,
        response_headers: null,
        response_body: null,
        error: { code, message: expect.stringMatching(/./) },
      });
    }
  });

  test('is kept up to 4 KB', async () => {
    const small = await attemptAt(`${stage.receiver.url}/body/4096`);
    expect(small.response_body).toHaveLength(4096);
    const large = await attemptAt(`${stage.receiver.url}/body/8192`);
    expect(large).toMatchObject({ status: 'success', response_status: 200 });
    expect(large.response_body).toHaveLength(4096);
    expect((await attemptAt(stage.receiver.hostile['huge-body'])).response_body).toHaveLength(4096);
    const head = 'HTTP/1.1 200 OK\r\ncontent-length: 6000\r\n\r\n';
    const cut = await attemptOf(head, Array.from(Buffer.from(`x${'é'.repeat(3_000)}`)).slice(0, 6_000));
    // 4,096 bytes end in the middle of a character, which is left out.
    expect(cut.response_body).toBe(`x${'é'.repeat(2_047)}`);
  });

  test('is kept as text, whatever its bytes', async () => {
    const head = 'HTTP/1.1 200 OK\r\nx-latin: caf\xe9\r\ncontent-length: 9\r\n\r\n';
    const odd = await attemptOf(head, [0x61, 0x00, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0x62]);
    expect(odd).toMatchObject({ status: 'success', error: null });
    expect(odd.response_body).toMatch(/^a\ufffd\ufffd\ufffd\(\ufffd+b$/);
    expect(odd.response_headers?.['x-latin']).toMatch(/^caf/);
    const empty = await attemptOf('HTTP/1.1 204 No Content\r\n\r\n');
    expect(empty).toMatchObject({ status: 'success', response_status: 204, response_body: '' });
    const repeated = await attemptOf(
      'HTTP/1.1 500 X\r\nset-cookie: a\r\nset-cookie: b\r\n__proto__: c\r\ncontent-length: 0\r\n\r\n',
    );
    expect(Object.entries(repeated.response_headers ?? {})).toEqual(
      expect.arrayContaining([
        ['set-cookie', 'a, b'],
        ['__proto__', 'c'],
      ]),
    );
  });
});
