import { expect, test } from 'vitest';
import { newId, publicId } from '../../src/core/ids.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

const LISTS = [
  '/v1/app',
  '/v1/api-keys',
  '/v1/endpoints',
  '/v1/messages',
  '/v1/deliveries',
  '/v1/app/default/endpoints',
];

onBothDatabases('a query', (kind) => {
  const stage = stageOn(kind);

  test('with a page that cannot be is refused by every list', async () => {
    const pages = ['limit=0', 'limit=101', 'limit=-1', 'limit=1.5', 'limit=ten', 'limit=', 'limit=1e999', 'limit=NaN'];
    const more = ['offset=-1', 'offset=10001', 'offset=x', 'cursor=', 'cursor=x', `cursor=${publicId('src', newId())}`];
    for (const list of LISTS) {
      for (const page of [
        ...pages,
        ...more,
        'limit=1&limit=2',
        'limit[]=1',
        `cursor=${'0'.repeat(5_000)}`,
        'cursor=%00',
      ]) {
        const problem = await refusal(stage.api.get(`${list}?${page}`), 'validation_failed');
        expect(problem.errors?.[0]?.path).toMatch(/^(limit|offset|cursor)/);
      }
    }
  });

  test('with a parameter nobody knows is refused by every list and named', async () => {
    for (const list of LISTS) {
      for (const name of ['nope', 'Limit', '__proto__', 'constructor', 'page', '']) {
        const problem = await refusal(stage.api.get(`${list}?${name}=1`), 'validation_failed');
        expect(problem.errors).toEqual([{ path: name || 'querystring', message: 'is not a known field' }]);
      }
    }
  });

  test('with a filter that cannot be is refused', async () => {
    const times = [
      '',
      'yesterday',
      '2026-01-01',
      '2026-01-01T00:00:00',
      '2026-13-01T00:00:00Z',
      '2026-02-30T00:00:00Z',
    ];
    const filters = [
      ...times.flatMap((time) => [`since=${time}`, `until=${time}`]),
      ...['since=2026-01-01T25:00:00Z', 'until=2026-01-01T00:00:00%2B99:00', 'since=1', `since=${'9'.repeat(1000)}`],
      ...['event_type=', 'event_type=a%20b', 'event_type=%00', 'event_type=a..b', `event_type=${'a'.repeat(129)}`],
    ];
    for (const list of ['/v1/messages', '/v1/deliveries', '/v1/app/default/messages']) {
      for (const filter of filters) await refusal(stage.api.get(`${list}?${filter}`), 'validation_failed');
    }
    for (const status of ['', 'sent', 'LOST', 'SENT&status=FAILED']) {
      await refusal(stage.api.get(`/v1/deliveries?status=${status}`), 'validation_failed');
    }
  });

  test('for an application that is not there is 404', async () => {
    for (const name of ['nobody', 'app_x', '%00', publicId('app', newId())]) {
      await refusal(stage.api.get(`/v1/messages?application=${name}`), 'not_found');
      await refusal(stage.api.get(`/v1/deliveries?application=${name}`), 'not_found');
    }
  });

  test('of any time that exists is answered, however far off', async () => {
    for (const time of ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999999999Z', '1969-07-20T20:17:40-04:00']) {
      const query = `since=${encodeURIComponent(time)}&until=${encodeURIComponent(time)}`;
      expect((await stage.api.get(`/v1/messages?${query}`)).body).toMatchObject({ data: [], next_cursor: null });
    }
  });
});
