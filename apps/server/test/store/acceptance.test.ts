import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { insertMessages } from '../../src/store/acceptance.ts';
import { listAttempts } from '../../src/store/attempt.ts';
import { deliveriesOf } from '../../src/store/delivery.ts';
import { recordAttempts } from '../../src/store/lease.ts';
import { readMessage } from '../../src/store/message.ts';
import { onBothDatabases } from '../kit/database.ts';
import { claimDue, message, openStage, result, type Stage } from './stage.ts';

/** Whatever an array in SQL, a JSON text or a wire format may trip over. */
const NASTY = [
  '',
  ' ',
  'NULL',
  'null',
  '"',
  "'",
  "''; drop table message; --",
  '\\',
  '\\\\"\\',
  '{a,b}',
  '{}',
  '}{',
  ',',
  'a,"b",{c},\\d',
  'line\nfeed\r\n\ttab',
  '\u2028\u2029\u0085\ufeff',
  '\u0001\u001f\u007f',
  'é ß 漢字 😀 👩‍👩‍👧 \u{10ffff}',
  '$1 $$ %s ?',
  '\\x00 \\u0000 \\000',
  'x'.repeat(100_000),
];

onBothDatabases('accepted messages', (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(() => stage.clear());
  afterAll(() => stage.close());

  test('keep their texts byte for byte, all in one statement', async () => {
    const sent = NASTY.map((text) => {
      const payload = `{ "t" : ${JSON.stringify(text)}, "nul": "\\u0000", "lone": "\\ud800", "n": 1.0 }`;
      return message(stage, 1, {
        ...{ payload, eventId: text, eventType: text },
        ...{ headers: JSON.stringify({ 'x-a': text }), channels: JSON.stringify([text, '']) },
        matching: JSON.stringify([{ reason: text }]),
      });
    });
    await insertMessages(stage.db, sent);
    for (const [n, text] of NASTY.entries()) {
      const { id, payload } = sent[n] ?? message(stage);
      expect(await readMessage(stage.db, stage.environment, stage.application, id)).toEqual({
        ...{ id, payload, application_id: stage.application, event_type: text, event_id: text },
        ...{ headers: { 'x-a': text }, channels: [text, ''], matching: [{ reason: text }] },
        payload_errors: null,
      });
    }
  });

  test('keep what an escape for NUL stands for in headers and channels', async () => {
    const sent = message(stage, 0, { headers: '{"x-a":"\\u0000"}', channels: '["\\u0000","\\ud800"]' });
    await insertMessages(stage.db, [sent]);
    expect(await readMessage(stage.db, stage.environment, null, sent.id)).toMatchObject({
      headers: { 'x-a': '\0' },
      channels: ['\0', '\ud800'],
    });
  });

  test('keep the faults of those that have any, among others and with lanes to wake', async () => {
    const errors = [{ path: '/payload/a', message: 'must be "b", é \u0000' }];
    const marked = message(stage, 1, { payloadErrors: JSON.stringify(errors) });
    const sent = [message(stage, [{ status: 'SENDING', dueInMs: 40_000 }]), marked, message(stage)];
    await insertMessages(stage.db, sent);
    const rows = await Promise.all(sent.map(({ id }) => readMessage(stage.db, stage.environment, null, id)));
    expect(rows.map((row) => row?.payload_errors)).toEqual([null, errors, null]);
    expect(await claimDue(stage.db, 10)).toHaveLength(2);
  });

  test('keep null apart from the word for it', async () => {
    const sent = [message(stage, 0), message(stage, 0, { eventId: 'NULL' }), message(stage, 0, { eventId: '' })];
    await insertMessages(stage.db, sent);
    const rows = await Promise.all(sent.map(({ id }) => readMessage(stage.db, stage.environment, null, id)));
    expect(rows.map((row) => row?.event_id)).toEqual([null, 'NULL', '']);
    expect(rows[0]).toMatchObject({ headers: null, channels: null });
  });

  test('go in 500 at a time with five deliveries each', async () => {
    const sent = Array.from({ length: 500 }, (_, n) =>
      message(stage, [{}, {}, { status: 'SENDING', dueInMs: 40_000 }, { trigger: 'test' }, {}], { payload: `[${n}]` }),
    );
    await insertMessages(stage.db, sent);
    expect(await stage.sql('select count(*)::integer as n from message')).toEqual([{ n: 500 }]);
    expect(
      await stage.sql(
        'select status, lease, trigger, count(*)::integer as n from delivery group by 1, 2, 3 order by 1, 3',
      ),
    ).toEqual([
      { status: 'PENDING', lease: 0, trigger: 'scheduled', n: 1_500 },
      { status: 'PENDING', lease: 0, trigger: 'test', n: 500 },
      { status: 'SENDING', lease: 1, trigger: 'scheduled', n: 500 },
    ]);
    const one = sent[250] ?? message(stage);
    const deliveries = await deliveriesOf(stage.db, stage.environment, one.id);
    expect(deliveries.map((row) => row.id)).toEqual(one.deliveries.map(({ id }) => id).toSorted());
  });

  test('are refused together with one that cannot be stored', async () => {
    const bad = message(stage, 1, { eventId: 'a\0b' });
    await expect(insertMessages(stage.db, [message(stage), bad, message(stage)])).rejects.toThrow(/0x00/);
    expect(await stage.sql('select 1 from message union all select 1 from delivery')).toEqual([]);
  });

  test('are refused with an id that is there already, and nothing of them stays', async () => {
    const first = message(stage);
    await insertMessages(stage.db, [first]);
    await expect(insertMessages(stage.db, [message(stage), { ...first, deliveries: [] }])).rejects.toThrow(/duplicate/);
    expect(await stage.sql('select count(*)::integer as n from message')).toEqual([{ n: 1 }]);
  });

  test('leave every text of an attempt as the receiver sent it', async () => {
    await insertMessages(stage.db, [message(stage, NASTY.length)]);
    const claimed = await claimDue(stage.db, 100);
    const results = claimed.map((delivery, n) => {
      const text = NASTY[n] ?? '';
      const headers = JSON.stringify({ 'x-a': text, nul: '\0' });
      return result(delivery, {
        ...{ url: text, requestHeaders: headers, responseHeaders: headers, responseBody: text },
        ...{ status: 'FAILED', errorCode: text, errorMessage: text, startedAt: new Date('2026-02-03T04:05:06.789Z') },
      });
    });
    await recordAttempts(stage.db, results);
    for (const { delivery, url: text } of results) {
      const page = { before: null, limit: 1, offset: 0 };
      expect(await listAttempts(stage.db, stage.environment, delivery.id, page)).toMatchObject([
        {
          ...{ url: text, response_body: text, error_code: text, error_message: text },
          ...{ request_headers: { 'x-a': text, nul: '\0' }, started_at: new Date('2026-02-03T04:05:06.789Z') },
        },
      ]);
    }
  });
});
