import { beforeAll, expect, test } from 'vitest';
import { answer, attemptsOf, createEndpoint, type Delivery, type List, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

interface Row {
  readonly id: string;
}

onBothDatabases('a list', (kind) => {
  const stage = stageOn(kind);
  let endpointId: string;

  beforeAll(async () => {
    ({ id: endpointId } = await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok` }));
    for (let n = 0; n < 12; n++) await one();
    for (let n = 0; n < 11; n++) {
      await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok`, events: ['nothing.else'] });
      await answer(stage.api.post('/v1/app', { name: `app ${n}` }), 201);
      await answer(stage.api.post('/v1/api-keys', { name: `key ${n}`, scope: 'read' }), 201);
    }
  });

  const one = () => answer<Row>(stage.api.post('/v1/messages', { event_type: 'a', payload: {} }), 202);
  const page = (path: string) => answer<List<Row>>(stage.api.get(path), 200);
  const LISTS = ['/v1/messages', '/v1/deliveries', '/v1/endpoints', '/v1/app', '/v1/api-keys'];

  test('is newest first, 20 at a time unless told', async () => {
    for (const list of LISTS) {
      const { data, limit, next_cursor } = await page(list);
      expect(
        data.map(({ id }) => id),
        list,
      ).toEqual(
        data
          .map(({ id }) => id)
          .sort()
          .reverse(),
      );
      expect({ limit, next_cursor }).toEqual({ limit: 20, next_cursor: null });
      expect(data.length).toBeGreaterThan(10);
    }
  });

  test('is the same whole in pages of any size, by cursor and by offset', async () => {
    for (const list of LISTS) {
      const whole = (await page(`${list}?limit=100`)).data;
      for (const limit of [1, 5, whole.length]) {
        const byCursor: Row[] = [];
        const byOffset: Row[] = [];
        let cursor: string | null = null;
        do {
          const next: List<Row> = await page(`${list}?limit=${limit}${cursor ? `&cursor=${cursor}` : ''}`);
          const other = await page(`${list}?limit=${limit}&offset=${byOffset.length}`);
          expect(next.limit).toBe(limit);
          expect(other.offset).toBe(byOffset.length);
          byCursor.push(...next.data);
          byOffset.push(...other.data);
          cursor = next.next_cursor;
        } while (cursor);
        expect(byCursor, list).toEqual(whole);
        expect(byOffset, list).toEqual(whole);
      }
    }
  });

  test('has no gap and no repeat by cursor while new items come in', async () => {
    for (const list of ['/v1/messages', '/v1/deliveries']) {
      const whole = (await page(`${list}?limit=100`)).data.map(({ id }) => id);
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const next: List<Row> = await page(`${list}?limit=3${cursor ? `&cursor=${cursor}` : ''}`);
        seen.push(...next.data.map(({ id }) => id));
        cursor = next.next_cursor;
        await Promise.all([one(), one()]);
      } while (cursor);
      // What came in meanwhile is newer than the first page: in none of the later ones.
      expect(seen, list).toEqual(whole);
    }
  });

  test('moves by as many as came in, by offset', async () => {
    const [newest] = (await page('/v1/messages?limit=1')).data;
    await one();
    await one();
    expect((await page('/v1/messages?limit=1&offset=2')).data).toEqual([newest]);
  });

  test('takes a limit of 100 and an offset of 10,000, and is empty past its end', async () => {
    for (const list of LISTS) {
      expect(await page(`${list}?limit=100&offset=10000`)).toEqual({
        data: [],
        next_cursor: null,
        limit: 100,
        offset: 10_000,
      });
    }
  });

  test('of attempts has the newest first and is paged alike', async () => {
    const { id } = await createEndpoint(stage.api, {
      url: `${stage.receiver.url}/status/400`,
      retry_policy: [0, 0, 0, 0],
    });
    const delivery = await settled(stage.api, await sendTo(stage.api, id));
    const path = `/v1/deliveries/${delivery.id}/attempts`;
    const numbers = async (query: string) => {
      const { data, next_cursor } = await answer<List<Row & { number: number }>>(
        stage.api.get(`${path}?${query}`),
        200,
      );
      return { numbers: data.map(({ number }) => number), next_cursor };
    };
    expect(await numbers('')).toEqual({ numbers: [5, 4, 3, 2, 1], next_cursor: null });
    const first = await numbers('limit=2');
    const second = await numbers(`limit=2&cursor=${first.next_cursor}`);
    const third = await numbers(`limit=2&cursor=${second.next_cursor}`);
    expect([...first.numbers, ...second.numbers, ...third.numbers]).toEqual([5, 4, 3, 2, 1]);
    expect(third.next_cursor).toBeNull();
    expect((await numbers('limit=2&offset=3')).numbers).toEqual([2, 1]);
    expect((await attemptsOf(stage.api, delivery.id)).map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);

    const other = await sendTo(stage.api, endpointId);
    await settled(stage.api, other);
    await refusal(stage.api.get(`/v1/deliveries/${other}/attempts?cursor=${first.next_cursor}`), 'validation_failed');
  });

  test('shows an item as reading it does', async () => {
    const [delivery] = (await page(`/v1/deliveries?endpoint_id=${endpointId}&status=SENT&limit=1`)).data as Delivery[];
    expect((await stage.api.get(`/v1/deliveries/${delivery?.id}`)).body).toMatchObject(delivery ?? {});
  });
});
