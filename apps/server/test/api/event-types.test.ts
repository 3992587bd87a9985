import { expect, test } from 'vitest';
import { all, answer, type EventType, type List } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

const amount = { type: 'object', properties: { amount: { type: 'integer', minimum: 1 } }, required: ['amount'] };

onBothDatabases('an event type', (kind) => {
  const stage = stageOn(kind);
  const create = (body: object) => answer<EventType>(stage.api.post('/v1/event-types', body), 201);
  const read = (name: string) => answer<EventType>(stage.api.get(`/v1/event-types/${name}`), 200);
  const patch = (name: string, body: object) =>
    answer<EventType>(stage.api.patch(`/v1/event-types/${name}`, body), 200);
  const names = async (query = '') =>
    (await all<EventType>(stage.api, `/v1/event-types${query}`)).map(({ name }) => name);
  const fault = async (body: object) =>
    (await refusal(stage.api.post('/v1/event-types', body), 'validation_failed')).errors;

  test('is what was asked for, and the rest is as promised', async () => {
    const example = { amount: 1, note: 'é\u0000\ud800' };
    const made = await create({ name: 'made.full', description: 'Why', group: 'Billing', schema: amount, example });
    expect(made).toEqual({
      id: expect.stringMatching(/^evt_[0-9A-HJKMNP-TV-Z]{26}$/),
      ...{ name: 'made.full', description: 'Why', group: 'Billing', example },
      ...{ schema: amount, schema_version: 1, schemas: { 1: amount }, archived: false },
      created_at: expect.stringMatching(/Z$/),
      updated_at: made.created_at,
    });
    expect(await read('made.full')).toEqual(made);
    expect(await create({ name: 'made.bare' })).toMatchObject({
      ...{ description: '', group: null, schema: null, schema_version: null, schemas: {}, example: null },
    });
  });

  test('keeps its schema as it was written, members in order', async () => {
    const text =
      '{"required":["b","a"],"properties":{"b":{},"a":{"const":[1.5,"\\u0000"]},"__proto__":{}},"$comment":"x"}';
    await answer(stage.api.post('/v1/event-types', `{"name":"order.kept","schema":${text}}`), 201);
    expect((await stage.api.get('/v1/event-types/order.kept')).text).toContain(`"schema":${text}`);
    const list = await stage.api.get('/v1/event-types?limit=1');
    expect(list.text).toContain(`"schema":${text}`);
  });

  test('has its name to itself, archived or not', async () => {
    await create({ name: 'only.one' });
    await refusal(stage.api.post('/v1/event-types', { name: 'only.one' }), 'already_exists');
    expect((await stage.api.delete('/v1/event-types/only.one')).status).toBe(204);
    const { detail } = await refusal(stage.api.post('/v1/event-types', { name: 'only.one' }), 'already_exists');
    expect(detail).toContain('archived');
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => stage.api.post('/v1/event-types', { name: 'race' })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 9 }, () => 409)]);
  });

  test('is made once for one idempotency key', async () => {
    const make = () => stage.api.post('/v1/event-types', { name: 'made.once' }, { 'idempotency-key': 'made-once' });
    const [first, second] = [await make(), await make()];
    expect(second.text).toBe(first.text);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
  });

  test('takes a patch: what is left out stays', async () => {
    const { created_at } = await create({ name: 'patched', description: 'Before', schema: amount });
    expect(await patch('patched', { group: 'Sales' })).toMatchObject({ description: 'Before', group: 'Sales' });
    expect(await patch('patched', { description: '', example: { amount: 2 } })).toMatchObject({
      ...{ description: '', group: 'Sales', example: { amount: 2 }, schema: amount, schema_version: 1, created_at },
    });
    expect(await patch('patched', { group: null, example: null })).toMatchObject({ group: null, example: null });
    await refusal(stage.api.patch('/v1/event-types/patched', { schema: null }), 'validation_failed');
    await refusal(stage.api.patch('/v1/event-types/patched', { name: 'other' }), 'validation_failed');
  });

  test('gets a new version with a schema that differs, and with no other', async () => {
    await create({ name: 'versions' });
    expect(await patch('versions', { schema: amount })).toMatchObject({ schema_version: 1 });
    const { properties, required, type } = amount;
    expect(await patch('versions', { schema: { required, properties, type } })).toMatchObject({ schema_version: 1 });
    const second = { ...amount, required: [] };
    const changed = await patch('versions', { schema: second });
    expect(changed).toMatchObject({ schema: second, schema_version: 2, schemas: { 1: amount, 2: second } });
    expect(await patch('versions', { schema: amount })).toMatchObject({ schema_version: 3, schema: amount });
    for (let n = 4; n <= 100; n++) await patch('versions', { schema: { $comment: `${n}` } });
    const more = stage.api.patch('/v1/event-types/versions', { schema: { $comment: '101' } });
    expect((await refusal(more, 'validation_failed')).errors?.[0]?.path).toBe('/schema');
  });

  test('keeps every one of many changes at once', async () => {
    await create({ name: 'contended', schema: { maximum: 0 } });
    const changes = Array.from({ length: 8 }, (_, n) => patch('contended', { schema: { maximum: n + 1 } }));
    await Promise.all(changes);
    const { schemas, schema_version } = await read('contended');
    expect(schema_version).toBe(9);
    expect(new Set(Object.values(schemas).map((schema) => schema.maximum)).size).toBe(9);
  });

  test('is refused a schema that is none, and told where', async () => {
    expect(await fault({ name: 'bad', schema: { properties: { a: { type: 'strin' } } } })).toEqual([
      { path: '/schema/properties/a/type', message: 'must be a type, or an array of different types' },
    ]);
    for (const schema of [
      { $ref: 'https://example.com/a' },
      { pattern: '(?=a)' },
      { description: 'x'.repeat(65_536) },
    ]) {
      expect((await fault({ name: 'bad', schema }))?.[0]?.path).toMatch(/^\/schema/);
    }
    for (const schema of [true, [], 'x', 5]) expect((await fault({ name: 'bad', schema }))?.[0]?.path).toBe('/schema');
    await refusal(stage.api.get('/v1/event-types/bad'), 'not_found');
  });

  test('is refused an example that breaks its schema, whichever of the two is new', async () => {
    expect(await fault({ name: 'bad', schema: amount, example: { amount: 0 } })).toEqual([
      { path: '/example/amount', message: 'must be at least 1' },
    ]);
    await create({ name: 'exampled', schema: amount, example: { amount: 1 } });
    const wrong = [{ example: {} }, { schema: { ...amount, required: ['more'] } }];
    for (const body of wrong) await refusal(stage.api.patch('/v1/event-types/exampled', body), 'validation_failed');
    expect(await read('exampled')).toMatchObject({ schema_version: 1, example: { amount: 1 } });
    expect((await fault({ name: 'bad', example: ['x'.repeat(65_536)] }))?.[0]?.path).toBe('/example');
    const deep = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`);
    expect((await fault({ name: 'bad', example: deep }))?.[0]?.path).toBe('/example');
    expect((await fault({ name: 'bad', schema: { const: deep } }))?.[0]?.path).toBe('/schema');
  });

  test('has a name like those of messages', async () => {
    for (const name of ['', 'a..b', 'a b', 'a.', '*', 'x'.repeat(129), 'export']) {
      expect((await fault({ name }))?.[0]?.path).toBe('/name');
    }
    for (const name of ['a', 'import', 'x'.repeat(128)]) expect((await create({ name })).name).toBe(name);
  });

  test('is archived, stays readable, and can come back', async () => {
    await create({ name: 'gone.away', group: 'Gone', schema: amount });
    for (let n = 0; n < 2; n++) expect((await stage.api.delete('/v1/event-types/gone.away')).status).toBe(204);
    expect(await read('gone.away')).toMatchObject({ archived: true, schema: amount });
    expect(await names('?group=Gone')).toEqual([]);
    expect(await names('?group=Gone&include_archived=true')).toEqual(['gone.away']);
    expect(await patch('gone.away', { archived: false })).toMatchObject({ archived: false });
    expect(await names('?group=Gone')).toEqual(['gone.away']);
    await refusal(stage.api.delete('/v1/event-types/never.there'), 'not_found');
    await refusal(stage.api.delete('/v1/event-types/%00'), 'not_found');
    await refusal(stage.api.delete(`/v1/event-types/${'x'.repeat(200)}`), 'not_found');
  });

  test('is in lists by group, newest first, page by page', async () => {
    for (let n = 0; n < 5; n++) await create({ name: `listed.${n}`, group: 'Listed' });
    const newestFirst = ['listed.4', 'listed.3', 'listed.2', 'listed.1', 'listed.0'];
    expect(await names('?group=Listed')).toEqual(newestFirst);
    const page: List<EventType> = await answer(stage.api.get('/v1/event-types?group=Listed&limit=2&offset=1'), 200);
    expect(page.data.map(({ name }) => name)).toEqual(['listed.3', 'listed.2']);
    const next: List<EventType> = await answer(
      stage.api.get(`/v1/event-types?group=Listed&limit=9&cursor=${page.next_cursor}`),
      200,
    );
    expect(next.data.map(({ name }) => name)).toEqual(['listed.1', 'listed.0']);
    expect(await names('?group=Nothing')).toEqual([]);
    await refusal(stage.api.get('/v1/event-types?groups=a'), 'validation_failed');
  });
});
