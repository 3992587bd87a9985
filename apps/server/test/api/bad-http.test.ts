import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { answer } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { flawsOf, leavingNothing, type ProblemBody } from '../kit/problem.ts';
import { exchangeBytes, parseReply } from '../kit/raw-http.ts';
import { stageOn } from '../kit/stage.ts';

const body = '{"event_type":"a","payload":{}}';

onBothDatabases('what is not well-formed HTTP', (kind) => {
  const stage = stageOn(kind);
  const port = () => Number(new URL(stage.postrider.url).port);
  const key = () => `authorization: Bearer ${stage.postrider.key}\r\n`;
  const head = (start: string, ...lines: string[]) =>
    `${start}\r\n${lines.map((line) => `${line}\r\n`).join('')}${key()}\r\n`;

  /** Everything is a 400 of the contract's form, nothing is stored, and the server is as well as before. */
  const refused = (requests: readonly (string | Uint8Array)[], status = 400) =>
    leavingNothing(stage.api, async () => {
      for (const request of requests) {
        const reply = parseReply(await exchangeBytes(port(), request));
        const shown = Buffer.from(request).toString('latin1').slice(0, 100);
        expect({ status: reply.status, flaws: flawsOf(reply) }, shown).toEqual({ status, flaws: [] });
      }
      await answer(stage.api.get('/ready'), 200);
    });

  test('is refused: bytes that are no request', () =>
    refused([
      'garbage\r\n\r\n',
      '\r\n\r\n\r\nGARBAGE / HTTP/1.1\r\n\r\n',
      Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc),
      Uint8Array.from({ length: 4096 }, (_, n) => (n * 197) % 256),
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'GET /v1/app HTTP/3.0\r\nhost: a\r\n\r\n',
      'GET  HTTP/1.1\r\nhost: a\r\n\r\n',
      'BREW /pot HTTP/1.1\r\nhost: a\r\n\r\n',
      '{"event_type":"a","payload":{}}\r\n\r\n',
    ]));

  test('is refused: headers that are none, or too many', () =>
    refused([
      head('GET /v1/app HTTP/1.1', 'host: a', 'x\0y: 1'),
      head('GET /v1/app HTTP/1.1', 'host: a', 'no colon'),
      head('GET /v1/app HTTP/1.1', 'host: a', ' folded: 1'),
      head('GET /v1/app HTTP/1.1', 'host: a', 'x: a\0b'),
      head('GET /v1/app HTTP/1.1', 'host: a', `x: ${'y'.repeat(20_000)}`),
      head(`GET /v1/app?${'y'.repeat(20_000)} HTTP/1.1`, 'host: a'),
      head('GET /v1/app HTTP/1.1', 'host: a', ...Array.from({ length: 5_000 }, (_, n) => `x-${n}: y`)),
      head('GET /v1/app HTTP/1.1'),
    ]));

  test('is refused: bodies of two lengths or none, as in request smuggling', () =>
    refused([
      head('POST /v1/messages HTTP/1.1', 'host: a', 'content-length: 5', 'content-length: 6') + body,
      head('POST /v1/messages HTTP/1.1', 'host: a', 'content-length: -5') + body,
      head('POST /v1/messages HTTP/1.1', 'host: a', 'content-length: 1e1') + body,
      head('POST /v1/messages HTTP/1.1', 'host: a', 'content-length: 99999999999999999999999') + body,
      head('POST /v1/messages HTTP/1.1', 'host: a', 'transfer-encoding: chunked', 'content-length: 31') + body,
      head('POST /v1/messages HTTP/1.1', 'host: a', 'content-type: application/json', 'transfer-encoding: chunked') +
        'zz\r\n',
    ]));

  test('is refused: paths that do not decode', () =>
    refused(
      ['/v1/endpoints/%', '/v1/endpoints/%zz', '/v1/app/%ed%a0%80', '/v1/app/%c0%af', '/v1/app/%ff%ff'].map((path) =>
        head(`GET ${path} HTTP/1.1`, 'host: a'),
      ),
    ));

  test('finds nothing: paths that lead nowhere', () => {
    const paths = [
      '/',
      '/v1',
      '/v1/',
      '//v1/app',
      '/v1//app',
      '/V1/app',
      '/v1/app/../../etc',
      '/api/v1',
      '/api/v1/api/v1/app',
    ];
    const odd = [
      `/v1/${'a/'.repeat(3_000)}`,
      '/v1/app%2f..%2fapi-keys',
      '/v1/endpoints;a=b',
      '*',
      '/%00',
      '/v1/app/%00',
    ];
    return refused(
      [...paths, ...odd].map((path) => head(`GET ${path} HTTP/1.1`, 'host: a')),
      404,
    );
  });

  test('a method that a path does not have finds nothing', async () => {
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const reply = await stage.api.call(method, '/v1/messages', method === 'OPTIONS' ? undefined : '{}');
      expect({ status: reply.status, flaws: flawsOf(reply) }, method).toEqual({ status: 404, flaws: [] });
    }
  });

  test('an expectation nobody knows is ignored, as is an upgrade', async () => {
    for (const line of ['expect: miracles', 'upgrade: websocket\r\nconnection: upgrade']) {
      const request = head(
        'POST /v1/messages HTTP/1.1',
        'host: a',
        line,
        'content-type: text/plain',
        'content-length: 2',
      );
      const reply = parseReply(await exchangeBytes(port(), `${request}{}`));
      expect((reply.body as unknown as ProblemBody).code, line).toBe('unsupported_media_type');
    }
  });

  test('a caller that hangs up in its body leaves nothing', () =>
    leavingNothing(stage.api, async () => {
      const request = head(
        'POST /v1/messages HTTP/1.1',
        'host: a',
        'content-type: application/json',
        'content-length: 500',
      );
      for (let n = 0; n < 20; n++) {
        const socket = connect({ port: port(), host: '127.0.0.1' });
        await new Promise<void>((resolve) => socket.write(request + body, () => resolve()));
        socket.resetAndDestroy();
      }
      await answer(stage.api.get('/ready'), 200);
    }));
});
