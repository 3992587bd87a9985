import { expect, test } from 'vitest';
import { type Accepted, answer, createEndpoint, type List, type Message, type Route } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { leavingNothing, refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('a route', (kind) => {
  const stage = stageOn(kind);
  const endpoint = async (settings: object = {}) =>
    (await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok`, events: ['something.else'], ...settings })).id;
  const put = (type: string, ...endpoint_ids: string[]) => stage.api.put(`/v1/routes/${type}`, { endpoint_ids });

  /** Why each of these endpoints got a message or did not. */
  async function reasons(path: string, event: object, ...endpointIds: string[]) {
    const { id, fanout } = await answer<Accepted>(stage.api.post(path, { payload: {}, ...event }), 202);
    const { matching } = await answer<Message>(stage.api.get(`/v1/messages/${id}`), 200);
    expect(matching.filter(({ matched }) => matched)).toHaveLength(fanout);
    return endpointIds.map((each) => matching.find(({ endpoint_id }) => endpoint_id === each)?.reason);
  }

  test('is made by a PUT, read and listed, given other endpoints, and deleted', async () => {
    const [one, two, three] = [await endpoint(), await endpoint(), await endpoint()];
    const made = await answer<Route>(put('order.made', two, one), 201);
    expect(made).toMatchObject({
      id: expect.stringMatching(/^rt_/),
      event_type: 'order.made',
      endpoint_ids: [one, two],
    });
    expect(await answer<Route>(stage.api.get('/v1/routes/order.made'), 200)).toEqual(made);

    const changed = await answer<Route>(put('order.made', two, three), 200);
    expect(changed).toEqual({ ...made, endpoint_ids: [two, three], updated_at: expect.any(String) });
    const other = await answer<Route>(put('order.sent', one), 201);
    const page = await answer<List<Route>>(stage.api.get('/v1/routes?limit=1'), 200);
    expect(page).toEqual({ data: [other], next_cursor: other.id, limit: 1 });
    const next = await answer<List<Route>>(stage.api.get(`/v1/routes?limit=1&cursor=${page.next_cursor}`), 200);
    expect(next).toEqual({ data: [changed], next_cursor: null, limit: 1 });

    await answer(stage.api.delete('/v1/routes/order.made'), 204);
    await refusal(stage.api.get('/v1/routes/order.made'), 'not_found');
    await refusal(stage.api.delete('/v1/routes/order.made'), 'not_found');
    await answer(stage.api.delete('/v1/routes/order.sent'), 204);
  });

  test('takes a message to its endpoints, whatever they listen to, and to no others', async () => {
    const [inside, quiet] = [await endpoint({ events: ['a'], channels: ['us'] }), await endpoint()];
    const outside = await endpoint({ events: ['*'] });
    const off = await endpoint({ active: false });
    await answer(put('invoice.paid', inside, quiet, off), 201);

    const all = [inside, quiet, off, outside];
    const expected = ['route', 'route', 'endpoint_disabled', 'not_in_route'];
    expect(await reasons('/v1/messages', { event_type: 'invoice.paid' }, ...all)).toEqual(expected);
    expect(await reasons('/v1/messages', { event_type: 'invoice.paid', channels: ['eu'] }, ...all)).toEqual(expected);
    expect(await reasons('/v1/app/default/messages', { event_type: 'invoice.paid' }, ...all)).toEqual(expected);
    // Another type, and a message that names its endpoints itself, go by the filters.
    const byFilter = ['event_not_selected', 'event_not_selected', 'endpoint_disabled', 'all_events'];
    expect(await reasons('/v1/messages', { event_type: 'invoice.sent' }, ...all)).toEqual(byFilter);
    expect(
      await reasons('/v1/messages', { event_type: 'invoice.paid', endpoint_ids: [outside, quiet] }, ...all),
    ).toEqual(['not_addressed', 'event_not_selected', 'not_addressed', 'all_events']);

    await answer(stage.api.delete('/v1/routes/invoice.paid'), 204);
    expect(await reasons('/v1/messages', { event_type: 'invoice.paid' }, ...all)).toEqual(byFilter);
  });

  test('is of the default application alone', async () => {
    const routed = await endpoint();
    await answer(put('user.made', routed), 201);
    await answer(stage.api.post('/v1/app', { uid: 'acme', name: 'Acme' }), 201);
    const body = { url: `${stage.receiver.url}/ok` };
    const { id } = await answer<{ id: string }>(stage.api.post('/v1/app/acme/endpoints', body), 201);
    expect(await reasons('/v1/app/acme/messages', { event_type: 'user.made' }, id, routed)).toEqual([
      'all_events',
      undefined,
    ]);
    const problem = await refusal(put('user.made', routed, id), 'validation_failed');
    expect(problem.errors).toEqual([
      { path: '/endpoint_ids/1', message: 'is not an endpoint of the default application' },
    ]);
    expect((await answer<Route>(stage.api.get('/v1/routes/user.made'), 200)).endpoint_ids).toEqual([routed]);
  });

  test('loses an endpoint that is deleted, and with the last one goes to nobody', async () => {
    const [one, two] = [await endpoint({ events: ['*'] }), await endpoint()];
    await answer(put('file.stored', one, two), 201);
    const left = async () => (await answer<Route>(stage.api.get('/v1/routes/file.stored'), 200)).endpoint_ids;
    await answer(stage.api.delete(`/v1/endpoints/${two}`), 204);
    expect(await left()).toEqual([one]);
    expect(await reasons('/v1/messages', { event_type: 'file.stored' }, one)).toEqual(['route']);
    await answer(stage.api.delete(`/v1/endpoints/${one}`), 204);
    expect(await left()).toEqual([]);
    const bystander = await endpoint({ events: ['*'] });
    expect(await reasons('/v1/messages', { event_type: 'file.stored' }, bystander)).toEqual(['not_in_route']);
  });

  test('is refused where it names what cannot be, and nothing is left of it', () =>
    leavingNothing(stage.api, async () => {
      const bad: [string, unknown, string][] = [
        ['a', { endpoint_ids: [] }, '/endpoint_ids'],
        ['a', { endpoint_ids: ['nobody'] }, '/endpoint_ids/0'],
        ['a', { endpoint_ids: ['ep_00000000000000000000000000'] }, '/endpoint_ids/0'],
        ['a', { endpoint_ids: ['x', 'x'] }, '/endpoint_ids'],
        ['a', { endpoint_ids: Array.from({ length: 101 }, (_, n) => `ep_${n}`) }, '/endpoint_ids'],
        ['a', {}, '/endpoint_ids'],
        ['a', { endpoint_ids: ['x'], name: 'a' }, '/name'],
        ['a..b', { endpoint_ids: ['x'] }, 'event_type'],
        ['%00', { endpoint_ids: ['x'] }, 'event_type'],
      ];
      for (const [type, body, path] of bad) {
        const { errors } = await refusal(stage.api.put(`/v1/routes/${type}`, body), 'validation_failed');
        expect(errors?.[0]?.path, `${type} ${JSON.stringify(body)}`).toBe(path);
      }
    }));
});
