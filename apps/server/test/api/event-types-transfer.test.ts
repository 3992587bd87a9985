import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { answer, type EventType } from '../kit/answers.ts';
import { Api } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { newKey, startTestPostrider } from '../kit/postrider.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { catalogue, type ExportedEventType } from './catalogues.ts';

interface Imported {
  readonly created: string[];
  readonly updated: string[];
  readonly unchanged: string[];
}
interface Exported {
  readonly event_types: ExportedEventType[];
}

const RUNS = Number(process.env.POSTRIDER_TEST_RUNS ?? 20);
const shape = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] };

onBothDatabases('a catalogue', (kind) => {
  const stage = stageOn(kind);
  const liveKey = newKey('live');
  /** Another environment of the same Postrider. */
  let other: Api;

  beforeAll(async () => {
    await stage.restartAfter(async (database) => {
      await (await startTestPostrider(database, { env: { POSTRIDER_BOOTSTRAP_API_KEY: liveKey } })).stop();
    });
    other = new Api(stage.postrider.url, liveKey);
  });

  const load = (document: object, query = '', api = stage.api) => api.post(`/v1/event-types/import${query}`, document);
  const loaded = (document: object, query = '', api = stage.api) => answer<Imported>(load(document, query, api), 200);
  const read = (name: string) => answer<EventType>(stage.api.get(`/v1/event-types/${name}`), 200);
  const fault = async (document: object) => (await refusal(load(document), 'validation_failed')).errors?.[0];
  const exported = async (prefix: string, api = stage.api) => {
    const all = await answer<Exported>(api.get('/v1/event-types/export?include_archived=true'), 200);
    return all.event_types.filter(({ name }) => name.startsWith(prefix));
  };

  test('that is exported and imported elsewhere is the same, whatever is in it', async () => {
    let run = 0;
    const property = fc.asyncProperty(catalogue(true), async (types) => {
      const prefix = `json${run++}-`;
      // As it comes out of JSON: an object here may have a prototype that one there has not.
      const document: Exported = JSON.parse(JSON.stringify({ event_types: named(prefix, types) }));
      const names = document.event_types.map(({ name }) => name);
      expect(await loaded(document)).toEqual({ created: names, updated: [], unchanged: [] });
      const out = await exported(prefix);
      expect(out).toEqual(document.event_types);
      expect(await loaded({ event_types: out }, '', other)).toEqual({ created: names, updated: [], unchanged: [] });
      expect(await exported(prefix, other)).toEqual(out);
      expect(await loaded({ event_types: out })).toEqual({ created: [], updated: [], unchanged: names });
    });
    await fc.assert(property, { numRuns: RUNS, seed: 20_261_121, endOnFailure: true });
  }, 120_000);

  test('that goes out and in as OpenAPI is the same, but for the past of its schemas', async () => {
    let run = 0;
    const property = fc.asyncProperty(catalogue(false), async (types) => {
      const prefix = `openapi${run++}-`;
      await loaded({ event_types: named(prefix, types) });
      const path = '/v1/event-types/export?format=openapi&include_archived=true';
      const document = JSON.parse((await stage.api.get(path)).text);
      document.webhooks = Object.fromEntries(
        Object.entries(document.webhooks).filter(([name]) => name.startsWith(prefix)),
      );
      await loaded(document, '', other);
      expect(await exported(prefix, other)).toEqual(await exported(prefix));
    });
    await fc.assert(property, { numRuns: RUNS, seed: 20_261_121, endOnFailure: true });
  }, 120_000);

  test('is imported from an OpenAPI document as others write them', async () => {
    const money = {
      type: 'object',
      properties: { amount: { type: 'integer' }, of: { $ref: '#/components/schemas/Money' } },
    };
    const document = {
      openapi: '3.1.0',
      info: { title: 'A shop', version: '1' },
      paths: {},
      webhooks: {
        'shop.paid': {
          post: {
            tags: ['Payments', 'More'],
            summary: 'Paid',
            requestBody: { $ref: '#/components/requestBodies/Paid' },
            responses: { 200: { description: 'ok' } },
          },
        },
        'shop.opened': {
          post: { 'x-group': 'Doors', tags: ['Other'], description: 'Opened', summary: 'No', responses: {} },
        },
        'shop.sold': { $ref: '#/components/pathItems/Sold' },
      },
      components: {
        pathItems: {
          Sold: {
            post: {
              requestBody: {
                content: {
                  'text/plain': {},
                  'application/vnd.shop+json; charset=utf-8': { schema: { $ref: '#/components/schemas/Money' } },
                },
              },
            },
          },
        },
        requestBodies: {
          Paid: {
            content: {
              'application/json': {
                schema: {
                  allOf: [
                    { $ref: '#/components/schemas/Event' },
                    { properties: { price: { $ref: '#/components/schemas/Money/properties/amount' } } },
                  ],
                  $defs: { Event: { type: 'null' } },
                },
                examples: { first: { $ref: '#/components/examples/Paid' } },
              },
            },
          },
        },
        examples: { Paid: { value: { id: 'p1', price: 5 } } },
        schemas: {
          Event: { ...shape, properties: { id: { $ref: '#/components/schemas/Id' } } },
          Id: { type: 'string' },
          Money: money,
        },
      },
    };
    expect((await loaded(document)).created).toEqual(['shop.paid', 'shop.opened', 'shop.sold']);
    expect(await read('shop.paid')).toMatchObject({
      ...{ description: 'Paid', group: 'Payments', example: { id: 'p1', price: 5 } },
      schema: {
        allOf: [{ $ref: '#/$defs/Event_2' }, { properties: { price: { $ref: '#/$defs/Money/properties/amount' } } }],
        $defs: {
          Event: { type: 'null' },
          Event_2: { ...shape, properties: { id: { $ref: '#/$defs/Id' } } },
          Id: { type: 'string' },
          Money: { properties: { of: { $ref: '#/$defs/Money' } } },
        },
      },
    });
    expect(await read('shop.opened')).toMatchObject({
      description: 'Opened',
      group: 'Doors',
      schema: null,
      example: null,
    });
    expect(await read('shop.sold')).toMatchObject({ schema: { properties: { of: { $ref: '#' } } } });
  });

  test('leaves what is not in the document as it is, and says what it has done', async () => {
    const types = [
      { name: 'kept.one', description: 'One', group: 'G', schema: shape, example: { id: 'a' } },
      { name: 'kept.two', description: 'Two' },
      { name: 'kept.three' },
    ];
    await loaded({ event_types: types });
    const next = [
      { name: 'kept.one', schema: { ...shape, minProperties: 1 } },
      { name: 'kept.two' },
      { name: 'kept.new' },
    ];
    const done = { created: ['kept.new'], updated: ['kept.one'], unchanged: ['kept.two'] };
    expect(await loaded({ event_types: next }, '?dry_run=true')).toEqual(done);
    await refusal(stage.api.get('/v1/event-types/kept.new'), 'not_found');
    expect(await loaded({ event_types: next })).toEqual(done);
    const one = await read('kept.one');
    expect(one).toMatchObject({ description: 'One', group: 'G', example: { id: 'a' }, schema_version: 2 });
    expect(one.schemas[1]).toEqual(shape);
    expect(await read('kept.two')).toMatchObject({ description: 'Two' });
    expect(await read('kept.three')).toMatchObject({ archived: false });
  });

  test('is imported whole or not at all', async () => {
    const good = { name: 'whole.good' };
    const bad: [object, string][] = [
      [{ name: 'whole.bad', schema: { type: 5 } }, '/event_types/1/schema/type'],
      [{ name: 'whole.bad', schema: shape, example: {} }, '/event_types/1/example/id'],
      [{ name: 'bad name' }, '/event_types/1/name'],
      [{ name: 'whole.bad', nobody: 1 }, '/event_types/1/nobody'],
      [{ name: 'whole.good' }, '/event_types/1/name'],
      [{ name: 'whole.bad', schema: shape, schemas: { 1: shape } }, '/event_types/1/schema'],
      [{ name: 'whole.bad', schemas: { 2: shape } }, '/event_types/1/schemas'],
      [{ name: 'whole.bad', schemas: { 1: { type: 5 }, 2: shape } }, '/event_types/1/schemas/type'],
    ];
    for (const [each, path] of bad) expect((await fault({ event_types: [good, each] }))?.path).toBe(path);
    expect((await fault({ event_types: [good, 5] }))?.path).toBe('/event_types/1');
    await refusal(stage.api.get('/v1/event-types/whole.good'), 'not_found');
  });

  test('is refused where the document is not one', async () => {
    const webhook = (schema: object) => ({ post: { requestBody: { content: { 'application/json': { schema } } } } });
    const bad: [object, string][] = [
      [{}, '/event_types'],
      [{ event_types: {} }, '/event_types'],
      [{ openapi: '3.0.3', webhooks: {} }, '/openapi'],
      [{ openapi: '3.1.0', paths: {} }, '/webhooks'],
      [{ openapi: '3.1.0', webhooks: { a: { get: {} } } }, '/webhooks/a/post'],
      [{ openapi: '3.1.0', webhooks: { 'a b': { post: {} } } }, '/webhooks/a b/name'],
      [{ openapi: '3.1.0', webhooks: { a: { $ref: '#/webhooks/a' } } }, '/webhooks/a/post'],
      [
        { openapi: '3.1.0', webhooks: { a: webhook({ $ref: '#/components/schemas/b' }) } },
        '/webhooks/a/post/requestBody',
      ],
      [{ openapi: '3.1.0', webhooks: { a: webhook({ not: { $ref: '#/paths/b' } }) } }, '/webhooks/a/post/requestBody'],
      [{ openapi: '3.1.0', webhooks: { a: webhook({ $ref: 'https://a.test/b' }) } }, '/webhooks/a/schema/$ref'],
      [{ openapi: '3.1.0', webhooks: { a: { post: { tags: [5] } } } }, '/webhooks/a/group'],
    ];
    for (const [document, path] of bad) expect((await fault(document))?.path).toBe(path);
    const deep = JSON.parse(`${'['.repeat(3_000)}${']'.repeat(3_000)}`);
    expect((await fault({ openapi: '3.1.0', webhooks: deep }))?.path).toBe('/');
  });

  test('cannot be made to grow by references that bring each other along', async () => {
    const big = 'x'.repeat(10_000);
    const schemas = Object.fromEntries(
      Array.from({ length: 20 }, (_, n) => [
        `S${n}`,
        { description: big, anyOf: [true, { $ref: `#/components/schemas/S${n + 1}` }] },
      ]),
    );
    const content = { 'application/json': { schema: { $ref: '#/components/schemas/S0' } } };
    const document = {
      openapi: '3.1.0',
      webhooks: { a: { post: { requestBody: { content } } } },
      components: { schemas },
    };
    expect((await fault(document))?.path).toBe('/webhooks/a/post/requestBody');
  });

  test('takes 1,000 event types at once and no more, once for one idempotency key', async () => {
    const types = (count: number, from = 0) =>
      Array.from({ length: count }, (_, n) => ({ name: `many.n${from + n}`, schema: shape }));
    expect((await fault({ event_types: types(1_001) }))?.path).toBe('/event_types');
    const key = { 'idempotency-key': 'many' };
    const replies = [];
    for (let n = 0; n < 2; n++)
      replies.push(await stage.api.post('/v1/event-types/import', { event_types: types(1_000) }, key));
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(replies[1]?.text).toBe(replies[0]?.text);
    expect(JSON.parse(replies[0]?.text ?? '').created).toHaveLength(1_000);
    for (let n = 1; n < 4; n++) await loaded({ event_types: types(1_000, n * 1_000) });
    const full = await load({ event_types: types(1_000, 4_000) });
    expect(full.body).toMatchObject({ code: 'validation_failed', errors: [{ path: '/' }] });
    expect((await stage.api.get('/v1/event-types/many.n4000')).status).toBe(404);
  }, 120_000);
});

function named(prefix: string, types: readonly ExportedEventType[]): ExportedEventType[] {
  return types.map((each) => ({ ...each, name: prefix + each.name }));
}
