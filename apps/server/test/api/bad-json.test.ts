import { expect, test } from 'vitest';
import { answer, type Message } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { leavingNothing, refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

const message = (payload: string) => `{"event_type":"invoice.paid","payload":${payload}}`;

onBothDatabases('a body', (kind) => {
  const stage = stageOn(kind);
  const post = (body: string | Uint8Array<ArrayBuffer> | undefined, headers: Record<string, string> = {}) =>
    stage.api.call('POST', '/v1/messages', body, headers);

  const broken: Record<string, string> = {
    'that ends early': '{"event_type":"a","payload":{}',
    'with something after its end': '{"event_type":"a","payload":{}} {}',
    'with a trailing comma': '{"event_type":"a","payload":{},}',
    'with single quotes': "{'event_type':'a'}",
    'with a comment': '{"event_type":"a",/* */"payload":{}}',
    'with NaN': '{"event_type":"a","payload":[NaN]}',
    'with a bare control character': '{"event_type":"a\u0000","payload":{}}',
    'with half an escape': '{"event_type":"\\u12","payload":{}}',
    'with a byte order mark': '\ufeff{"event_type":"a","payload":{}}',
    'of a form': 'event_type=a&payload=1',
    'of blanks': ' \r\n\t ',
    'of 100,000 brackets that never close': '['.repeat(100_000),
    'of 100,000 objects that never close': '{"a":'.repeat(100_000),
  };
  for (const [how, body] of Object.entries(broken)) {
    test(`${how} is invalid_json`, () =>
      leavingNothing(stage.api, async () => {
        await refusal(post(body), 'invalid_json');
      }));
  }

  test('that is not UTF-8 is invalid_json, wherever the bad byte stands', () =>
    leavingNothing(stage.api, async () => {
      const bad = [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]];
      for (const bytes of bad) {
        const body = Buffer.concat([
          Buffer.from('{"event_type":"a","payload":{"a":"'),
          Buffer.from(bytes),
          Buffer.from('"}}'),
        ]);
        await refusal(post(new Uint8Array(body)), 'invalid_json');
      }
      await refusal(post(new Uint8Array([0xff, 0xfe, 0x7b, 0x00])), 'invalid_json');
    }));

  test('that is no object is validation_failed, and so is none at all', () =>
    leavingNothing(stage.api, async () => {
      for (const body of ['null', '5', '"text"', '[]', '[{}]', 'true', '', undefined]) {
        await refusal(post(body), 'validation_failed');
      }
    }));

  test('of another content type is unsupported_media_type', () =>
    leavingNothing(stage.api, async () => {
      for (const type of [
        'text/plain',
        'application/xml',
        'application/x-www-form-urlencoded',
        'json',
        'multipart/form-data',
      ]) {
        await refusal(post(message('{}'), { 'content-type': type }), 'unsupported_media_type');
      }
    }));

  test('over 2 MiB is payload_too_large, and so are 10 MB', () =>
    leavingNothing(stage.api, async () => {
      await refusal(post(message(`{"a":"${'x'.repeat(2 * 1024 * 1024)}"}`)), 'payload_too_large');
      await refusal(post('x'.repeat(10_000_000)), 'payload_too_large');
    }));

  test('with a payload over 256 KiB is payload_too_large; one of exactly 256 KiB is taken', async () => {
    const ofLength = (bytes: number) => `["${'x'.repeat(bytes - 4)}"]`;
    await leavingNothing(stage.api, async () => {
      await refusal(post(message(ofLength(256 * 1024 + 1))), 'payload_too_large');
      // Bytes count, not characters.
      await refusal(post(message(`["${'é'.repeat(128 * 1024)}"]`)), 'payload_too_large');
    });
    await answer(post(message(ofLength(256 * 1024))), 202);
  });

  test('that nests 100,000 deep in its payload is taken and given back as it came', async () => {
    const payload = '['.repeat(100_000) + ']'.repeat(100_000);
    const { id } = await answer<Message>(post(message(payload)), 202);
    const { text, status } = await stage.api.get(`/v1/messages/${id}`);
    expect(status).toBe(200);
    expect(text).toContain(`"payload":${payload}}`);
  });

  test('that nests 100,000 deep anywhere else is validation_failed', () =>
    leavingNothing(stage.api, async () => {
      const deep = '['.repeat(100_000) + ']'.repeat(100_000);
      for (const field of ['event_type', 'endpoint_ids', 'channels', 'headers', 'event_id', 'nobody_knows_it']) {
        const body = `{"event_type":"a","payload":{},"${field}":${deep}}`;
        await refusal(post(body), 'validation_failed');
      }
      await refusal(stage.api.post('/v1/app', `{"name":"a","metadata":{"a":${deep}}}`), 'validation_failed');
    }));

  test('with a member twice means the last, in what is stored as in what is checked', async () => {
    const body = '{"event_type":"first","payload":{"n":1},"event_type":"last","payload":{"n":2}}';
    const { id } = await answer<Message>(post(body), 202);
    expect((await stage.api.get(`/v1/messages/${id}`)).body).toMatchObject({ event_type: 'last', payload: { n: 2 } });
    await leavingNothing(stage.api, async () => {
      await refusal(post('{"event_type":"a","payload":{},"payload":5}'), 'validation_failed');
      await refusal(post('{"payload":{},"event_type":"a","event_type":7}'), 'validation_failed');
    });
  });
});
