import { Ordering, type Svix } from 'svix';
import { beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { backwards, forwards, refused, svixClient } from './client.ts';

const schema = { type: 'object', required: ['id'], properties: { id: { type: 'string' } } };

onBothDatabases('an event type of the Svix client', (kind) => {
  const stage = stageOn(kind);
  let svix: Svix;
  beforeAll(() => {
    svix = svixClient(stage.postrider);
  });

  test('is what was asked for', async () => {
    const wanted = {
      name: 'user.signup',
      description: 'A user has signed up',
      schemas: { 1: schema },
      groupName: 'user',
    };
    const made = await svix.eventType.create(wanted);
    expect(made).toEqual({
      ...wanted,
      archived: false,
      deprecated: false,
      featureFlags: null,
      featureFlag: undefined,
      createdAt: expect.any(Date),
      updatedAt: made.createdAt,
    });
    expect(await svix.eventType.get('user.signup')).toEqual(made);
    expect(await refused(svix.eventType.create(wanted), 409)).toMatchObject({ code: 'conflict' });
    expect(await svix.eventType.create({ name: 'bare', description: '' })).toMatchObject({
      ...{ description: '', schemas: null, groupName: null },
    });
    for (const wrong of [{ deprecated: true }, { featureFlags: ['beta'] }]) {
      await refused(svix.eventType.create({ name: 'wrong', description: '', ...wrong }), 422);
    }
  });

  test('is patched: what is left out stays, and a schema that differs is the next version', async () => {
    await svix.eventType.create({ name: 'patched', description: 'before', schemas: { 1: schema }, groupName: 'a' });
    expect(await svix.eventType.patch('patched', { description: 'after' })).toMatchObject({
      ...{ description: 'after', schemas: { 1: schema }, groupName: 'a' },
    });
    const next = { ...schema, required: [] };
    expect(await svix.eventType.patch('patched', { schemas: { 1: schema, 2: next }, groupName: null })).toMatchObject({
      ...{ schemas: { 1: schema, 2: next }, groupName: null, description: 'after' },
    });
    expect((await svix.eventType.patch('patched', { schemas: null })).schemas).toEqual({ 1: schema, 2: next, 3: {} });
    expect(await refused(svix.eventType.patch('patched', { schemas: { 1: { type: 'nothing' } } }), 422)).toMatchObject({
      detail: [{ loc: expect.arrayContaining(['body', 'schemas']) }],
    });
    await refused(svix.eventType.patch('nobody', { description: 'x' }), 404);
  });

  test('is put: made where it is not there, and what is left out goes', async () => {
    expect(await svix.eventType.upsert('put', { description: 'new', groupName: 'a' })).toMatchObject({
      ...{ name: 'put', description: 'new', groupName: 'a' },
    });
    expect(await svix.eventType.upsert('put', { description: 'next' })).toMatchObject({
      ...{ description: 'next', groupName: null, schemas: null },
    });
    await refused(svix.eventType.upsert('a b', { description: '' }), 404);
    await refused(svix.eventType.upsert('export', { description: '' }), 404);
  });

  test('is archived, and unarchived by being made again; or taken away for good', async () => {
    await svix.eventType.create({ name: 'kept', description: 'before', groupName: 'a' });
    await svix.eventType.delete('kept');
    expect((await svix.eventType.get('kept')).archived).toBe(true);
    const names = async (options: object) => (await svix.eventType.list(options)).data.map(({ name }) => name);
    expect(await names({})).not.toContain('kept');
    expect(await names({ includeArchived: true })).toContain('kept');
    expect(await svix.eventType.create({ name: 'kept', description: 'again' })).toMatchObject({
      ...{ archived: false, description: 'again', groupName: null },
    });
    await svix.eventType.delete('kept', { expunge: true });
    await refused(svix.eventType.get('kept'), 404);
    await refused(svix.eventType.delete('kept'), 404);
    await svix.eventType.create({ name: 'kept', description: 'anew', archived: true });
    expect((await svix.eventType.patch('kept', { archived: false })).archived).toBe(false);
  });

  test('is listed by name, to the end and back, in both orders', async () => {
    for (let n = 0; n < 12; n++)
      await svix.eventType.create({ name: `listed.${n}`, description: '', schemas: { 1: {} } });
    for (const order of [Ordering.Ascending, Ordering.Descending]) {
      const list = (iterator: string | null) => svix.eventType.list({ iterator, limit: 5, order });
      const pages = await forwards(list);
      const names = pages.flatMap(({ data }) => data.map(({ name }) => name));
      expect(new Set(names).size).toBe(names.length);
      expect(names.filter((name) => name.startsWith('listed.'))).toHaveLength(12);
      const [last] = pages.slice(-1);
      const back = last ? await backwards(last, list) : [];
      const before = back.toReversed().flatMap(({ data }) => data.map(({ name }) => name));
      expect([...before, ...(last?.data.map(({ name }) => name) ?? [])]).toEqual(names);
      expect(pages[0]?.data[0]?.schemas).toBeNull();
    }
    const whole = await svix.eventType.list({ withContent: true, limit: 250 });
    expect(whole.data.find(({ name }) => name === 'listed.3')?.schemas).toEqual({ 1: {} });
    await refused(svix.eventType.list({ iterator: 'a b' }), 422);
  });

  test('comes out of an OpenAPI document', async () => {
    const spec = {
      openapi: '3.1.0',
      info: { title: 'Acme', version: '1' },
      webhooks: {
        'imported.one': {
          post: {
            description: 'One',
            tags: ['Imported'],
            requestBody: { content: { 'application/json': { schema } } },
          },
        },
      },
    };
    const dry = await svix.eventType.importOpenapi({ spec, dryRun: true });
    expect(dry.data.modified).toEqual([]);
    expect(dry.data.toModify).toMatchObject([{ name: 'imported.one', description: 'One', groupName: 'Imported' }]);
    await refused(svix.eventType.get('imported.one'), 404);
    const done = await svix.eventType.importOpenapi({ specRaw: JSON.stringify(spec) });
    expect(done.data.modified).toEqual(['imported.one']);
    expect(await svix.eventType.get('imported.one')).toMatchObject({ description: 'One', schemas: { 1: schema } });
    await svix.eventType.create({ name: 'not.in.it', description: '' });
    await svix.eventType.importOpenapi({ spec, replaceAll: true });
    expect((await svix.eventType.list()).data.map(({ name }) => name)).toEqual(['imported.one']);
    await refused(svix.eventType.importOpenapi({ specRaw: 'openapi: 3.1.0' }), 422);
    await refused(svix.eventType.importOpenapi({}), 422);
  });

  test('has an example that can be sent', async () => {
    await svix.application.create({ name: 'Acme', uid: 'acme' });
    const { id } = await svix.endpoint.create('acme', { url: `${stage.receiver.url}/ok/example` });
    const examples = [{ id: 'one' }, { id: 'two' }];
    await svix.eventType.create({ name: 'with.examples', description: '', schemas: { 1: { ...schema, examples } } });
    const sent = await svix.endpoint.sendExample('acme', id, { eventType: 'with.examples' });
    expect(sent).toMatchObject({ eventType: 'with.examples', payload: { id: 'one' } });
    await svix.endpoint.sendExample('acme', id, { eventType: 'with.examples', exampleIndex: 1 });
    const requests = await stage.receiver.waitFor({ match: ({ path }) => path === '/ok/example', count: 2 });
    expect(requests.map(({ body }) => body).sort()).toEqual(examples.map((each) => JSON.stringify(each)));
    for (const wrong of [{ eventType: 'with.examples', exampleIndex: 2 }, { eventType: 'unknown' }]) {
      await refused(svix.endpoint.sendExample('acme', id, wrong), 422);
    }
  });
});
