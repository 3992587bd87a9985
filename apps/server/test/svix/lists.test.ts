import { Ordering, type Svix } from 'svix';
import { beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { backwards, forwards, svixClient } from './client.ts';

const MANY = 120;
const PAGE = 50;

onBothDatabases('a list', (kind) => {
  const stage = stageOn(kind);
  let svix: Svix;
  let appId: string;

  beforeAll(async () => {
    svix = svixClient(stage.postrider);
    appId = (await svix.application.create({ name: 'Lists' })).id;
    for (let n = 0; n < MANY; n++) await svix.message.create(appId, { eventType: 'a.b', payload: { n } });
  });

  /** Pages of the usual size, all in one direction and back again. */
  async function walk<T>(list: Parameters<typeof forwards<T>>[0], idOf: (item: T) => unknown): Promise<unknown[]> {
    const pages = await forwards(list);
    const ids = pages.flatMap(({ data }) => data.map(idOf));
    expect(new Set(ids).size).toBe(ids.length);
    expect(pages.map(({ done }) => done)).toEqual(pages.map((_, n) => n === pages.length - 1));
    const last = pages.at(-1);
    if (!last) throw new Error('no page');
    const back = await backwards(last, list);
    // Each page back holds what the same page held on the way there, in the same order.
    const before = back.toReversed().flatMap(({ data }) => data.map(idOf));
    expect([...before, ...last.data.map(idOf)]).toEqual(ids);
    return ids;
  }

  test('of messages goes to its end and back, newest first', async () => {
    const ids = await walk(
      (iterator) => svix.message.list(appId, { iterator, limit: PAGE }),
      ({ id }) => id,
    );
    expect(ids).toHaveLength(MANY);
    expect(ids).toEqual([...ids].sort().reverse());
    const first = await svix.message.list(appId);
    expect(first.data).toHaveLength(PAGE);
    expect(first).toMatchObject({ done: false, prevIterator: `-${ids[0]}`, iterator: ids[PAGE - 1] });
  });

  test('of applications goes both ways in both orders', async () => {
    for (let n = 0; n < MANY; n++) await svix.application.create({ name: `a${n}` });
    const rising = await walk(
      (iterator) => svix.application.list({ iterator, limit: PAGE }),
      ({ id }) => id,
    );
    const falling = await walk(
      (iterator) => svix.application.list({ iterator, limit: PAGE, order: Ordering.Descending }),
      ({ id }) => id,
    );
    expect(rising.length).toBeGreaterThanOrEqual(MANY);
    expect(rising).toEqual([...rising].sort());
    expect(falling).toEqual(rising.toReversed());
  });

  test('that is empty has no iterators', async () => {
    const { id } = await svix.application.create({ name: 'Empty' });
    expect(await svix.message.list(id)).toEqual({ data: [], iterator: null, prevIterator: null, done: true });
  });

  test('of all there is fits in one page of 250', async () => {
    const { data, done } = await svix.message.list(appId, { limit: 250 });
    expect({ length: data.length, done }).toEqual({ length: MANY, done: true });
  });

  test('with payloads has shorter pages', async () => {
    const { data, done } = await svix.message.list(appId, { limit: 250, withContent: true });
    expect({ length: data.length, done }).toEqual({ length: 50, done: false });
    expect(data[0]?.payload).toEqual({ n: MANY - 1 });
  });

  test('of messages can be of a time', async () => {
    const all = (await svix.message.list(appId, { limit: 250 })).data;
    const middle = all[60]?.timestamp ?? new Date();
    const before = await svix.message.list(appId, { limit: 250, before: middle });
    const after = await svix.message.list(appId, { limit: 250, after: middle });
    const at = all.filter(({ timestamp }) => timestamp.getTime() === middle.getTime());
    expect([...after.data, ...at, ...before.data]).toEqual(all);
  });
});
