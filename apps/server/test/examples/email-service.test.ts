import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { all, answer, type EventAnswer, type EventType } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { fixedPort } from '../kit/server-process.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';
import { outputOf, type Program, run } from './program.ts';

const FILE = new URL('../../../../examples/email-service/catalogue.json', import.meta.url);
const EMAIL =
  'accepted scheduled delivered bounced attempted failed rejected suppressed received complained clicked loaded';
const OTHERS = 'domain audience subscriber contact template suppression email_verification email_verification_list';
const EXPECTED = [
  ...EMAIL.split(' ').map((verb) => `email.${verb}`),
  ...OTHERS.split(' ').flatMap((resource) => ['created', 'updated', 'deleted'].map((verb) => `${resource}.${verb}`)),
];

onBothDatabases('the e-mail service', (kind) => {
  const stage = stageOn(kind);
  let env: Record<string, string>;
  let consumer: Program;

  beforeAll(async () => {
    await answer(stage.api.patch('/v1/environment', { strict_event_types: true, payload_validation: 'refuse' }), 200);
    env = { POSTRIDER_URL: stage.postrider.url, POSTRIDER_API_KEY: stage.postrider.key };
    expect(await outputOf(run('email-service/import.mjs', env))).toEqual([
      '36 event types created, 0 updated, 0 unchanged',
    ]);
    const port = await fixedPort();
    const url = `http://127.0.0.1:${port}/webhooks`;
    const [line = ''] = await outputOf(run('email-service/endpoint.mjs', env, 'acme', url));
    const secret = /^export WEBHOOK_SECRET=(whsec_\S+)$/.exec(line)?.[1] ?? '';
    consumer = run('email-service/consumer.mjs', { WEBHOOK_SECRET: secret, PORT: String(port) });
    await until(
      () => consumer.lines,
      (lines) => lines.includes(`listening on ${url}`),
    );
  });
  afterAll(() => consumer.stop());

  const verified = (messageId: string) => consumer.lines.find((line) => line.startsWith(`verified ${messageId} `));

  test('has 36 event types in 9 groups, each with a description, a schema and an example', async () => {
    const types = await all<EventType>(stage.api, '/v1/event-types');
    expect(types.map(({ name }) => name).sort()).toEqual(EXPECTED.toSorted());
    expect(new Set(types.map(({ group }) => group)).size).toBe(9);
    for (const { name, description, schema, example } of types) {
      expect(description.length, name).toBeGreaterThan(20);
      expect([typeof schema, typeof example], name).toEqual(['object', 'object']);
      expect(example, name).not.toBeNull();
    }
    expect(await outputOf(run('email-service/import.mjs', env))).toEqual([
      '0 event types created, 0 updated, 36 unchanged',
    ]);
  });

  test('has a catalogue that is valid OpenAPI 3.1, and comes out of Postrider as that again', async () => {
    const text = readFileSync(FILE, 'utf8');
    expect(await new Validator().validate(JSON.parse(text))).toEqual({ valid: true });
    const out = (await stage.api.get('/v1/event-types/export?format=openapi')).text;
    expect(await new Validator().validate(JSON.parse(out))).toEqual({ valid: true });
    expect(Object.keys(JSON.parse(out).webhooks)).toEqual(Object.keys(JSON.parse(text).webhooks));
  });

  test('sends every example, and the customer verifies all 36', async () => {
    const types = await all<EventType>(stage.api, '/v1/event-types');
    const sent = new Map<string, string>();
    for (const { name, example } of types) {
      const event = { event_type: name, payload: example };
      const { message_id } = await answer<EventAnswer>(stage.api.post('/v1/app/acme/event', event), 202);
      sent.set(message_id, name);
    }
    expect(sent.size).toBe(36);
    await until(
      () => [...sent.keys()].filter(verified).length,
      (count) => count === 36,
    );
    for (const [id, name] of sent) expect(verified(id)).toContain(` ${name}`);
    expect(consumer.lines.filter((line) => line.startsWith('refused'))).toEqual([]);
  });

  test('tells the lives of 20 e-mails, all of it in order with the catalogue', async () => {
    const before = consumer.lines.length;
    const lines = await outputOf(run('email-service/producer.mjs', env, '20'));
    const total = Number(/^(\d+) events of 20 e-mails/.exec(lines.at(-1) ?? '')?.[1]);
    expect(total).toBeGreaterThanOrEqual(40);
    expect(lines.filter((line) => line.endsWith(' to 1 endpoint'))).toHaveLength(total);
    await until(
      () => consumer.lines.length - before,
      (count) => count === total,
    );
  });

  test('is told where a payload is wrong', async () => {
    const { example } = await answer<EventType>(stage.api.get('/v1/event-types/email.bounced'), 200);
    const { data, ...rest } = example as { data: object };
    const wrong = { ...rest, data: { ...data, recipient: 'nobody', surprise: 1 } };
    const call = stage.api.post('/v1/app/acme/event', { event_type: 'email.bounced', payload: wrong });
    const { errors } = await refusal(call, 'payload_invalid');
    expect(errors?.map(({ path }) => path).sort()).toEqual(['/payload/data/recipient', '/payload/data/surprise']);
  });
});
