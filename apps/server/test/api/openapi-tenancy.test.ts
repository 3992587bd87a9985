import { beforeAll, expect, test } from 'vitest';
import { Api } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { type Operation, readDocument } from '../kit/document.ts';
import { newKey, startTestPostrider } from '../kit/postrider.ts';
import { flawsOf, refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { fill, type PathValues, sampleOf, valuesOf } from './samples.ts';
import { nonexistent, settle, type Tenant } from './tenant.ts';

onBothDatabases('somebody else’s', (kind) => {
  const stage = stageOn(kind);
  const liveKey = newKey('live');
  let operations: Operation[];
  let ours: Tenant;
  let theirs: Tenant;

  beforeAll(async () => {
    // A start with a live key lets that key into the other environment of the same database.
    await stage.restartAfter(async (database) => {
      await (await startTestPostrider(database, { env: { POSTRIDER_BOOTSTRAP_API_KEY: liveKey } })).stop();
    });
    const refusing = `${stage.receiver.url}/status/400`;
    const { url } = stage.postrider;
    ours = await settle(url, stage.api, refusing);
    theirs = await settle(url, new Api(url, liveKey), refusing);
    operations = (await readDocument(stage.api)).operations.filter(({ parameters }) => parameters.length > 0);
  });

  /** Calls every operation with these in its path; those that did not say 404. */
  async function found(ids: (operation: Operation) => PathValues[]) {
    const wrong: Record<string, unknown> = {};
    for (const operation of operations) {
      const sample = sampleOf(operation);
      for (const values of ids(operation)) {
        const path = fill(operation.path, values);
        const reply = await stage.api.call(operation.method, path, sample.body?.(ours));
        const flaws = flawsOf(reply);
        if (reply.status !== 404 || flaws.length > 0) {
          wrong[`${operation.id} ${path}`] = { status: reply.status, text: reply.text, flaws };
        }
      }
    }
    return wrong;
  }

  const hasApplication = (operation: Operation) => operation.parameters.includes('app_id');
  /** The path's last name: of an item, or of the application itself. */
  const hasItem = (operation: Operation) => operation.parameters.some((name) => name !== 'app_id');
  /** A free name is not to be looked up there but to be taken. */
  const looksUpItem = (operation: Operation) => hasItem(operation) && !sampleOf(operation).createsItem;
  const looksUp = (operation: Operation) => hasApplication(operation) || looksUpItem(operation);
  const foreignTo = (operation: Operation, theirs: Parameters<typeof valuesOf>[1]) => {
    const [foreign, own] = [valuesOf(sampleOf(operation), theirs), valuesOf(sampleOf(operation), ours)];
    return [
      ...(looksUp(operation) ? [foreign] : []),
      ...(hasApplication(operation) && looksUpItem(operation) ? [{ ...foreign, app_id: ours.appId }] : []),
      ...(hasApplication(operation) && hasItem(operation) ? [{ ...own, app_id: theirs.appId }] : []),
    ];
  };

  test('application or item is 404 in every path, alone or beside one of ours', async () => {
    const before = await everything(theirs.api);
    expect(await found((operation) => foreignTo(operation, theirs))).toEqual({});
    expect(await everything(theirs.api)).toEqual(before);
  });

  test('item under another application of ours is 404 too', async () => {
    const other = await ours.newApplication();
    const wrong = await found((operation) =>
      hasApplication(operation) && looksUpItem(operation)
        ? [{ ...valuesOf(sampleOf(operation), ours), app_id: other }]
        : [],
    );
    expect(wrong).toEqual({});
  });

  test('id cannot be told from one that nobody has', async () => {
    const nobodys = nonexistent();
    expect(await found((operation) => foreignTo(operation, nobodys))).toEqual({});
  });

  test('kind of id, or no id at all, is 404 as well', async () => {
    const malformed = [
      'x',
      'ep_',
      ours.uid,
      ours.appId,
      'msg_01JX9Z5T4QK8W0V3N7M2B6C1DU',
      '%00',
      '%F0%9F%92%A5',
      "'--",
    ];
    const wrong = await found((operation) => {
      const own = valuesOf(sampleOf(operation), ours);
      const names = operation.parameters.filter((name) => name !== 'app_id');
      return [
        ...(looksUpItem(operation)
          ? names.flatMap((name) => malformed.map((value) => ({ ...own, [name]: value })))
          : []),
        // An event makes the application it names, so its path is a name to refuse rather than one to look up.
        ...(hasApplication(operation) && !sampleOf(operation).createsApplication
          ? ['app_x', 'nobody', '%00', '%20', ours.endpointId].map((app_id) => ({ ...own, app_id }))
          : []),
      ];
    });
    expect(wrong).toEqual({});
  });

  test('endpoint cannot be sent to', async () => {
    const { endpointId } = theirs;
    const event = { event_type: 'a', payload: {} };
    await refusal(stage.api.post('/v1/send', { ...event, destination: endpointId }), 'not_found');
    await refusal(stage.api.post('/v1/webhooks/send', { payload: {}, endpoint_id: endpointId }), 'not_found');
    const route = stage.api.put('/v1/routes/a', { endpoint_ids: [endpointId] });
    await refusal(route, 'validation_failed');
    for (const path of ['/v1/messages', `/v1/app/${ours.appId}/messages`, `/v1/app/${ours.uid}/event`]) {
      await refusal(stage.api.post(path, { ...event, endpoint_ids: [endpointId] }), 'validation_failed');
    }
  });

  test('things are in no list of ours', async () => {
    const text = JSON.stringify(await everything(stage.api));
    for (const id of [
      theirs.appId,
      theirs.endpointId,
      theirs.messageId,
      theirs.deliveryId,
      theirs.keyId,
      theirs.eventType,
    ]) {
      expect(text).not.toContain(id);
    }
    const filters = [`message_id=${theirs.messageId}`, `endpoint_id=${theirs.endpointId}`];
    for (const filter of filters) {
      expect((await stage.api.get(`/v1/deliveries?${filter}`)).body).toMatchObject({ data: [], next_cursor: null });
    }
    await refusal(stage.api.get(`/v1/messages?application=${theirs.appId}`), 'not_found');
    await refusal(stage.api.get(`/v1/deliveries?application=${theirs.uid}`), 'not_found');
  });
});

async function everything(api: Api): Promise<unknown[]> {
  const lists = ['app', 'api-keys', 'event-types', 'routes', 'endpoints', 'messages', 'deliveries'];
  const texts = lists.map(async (name) => (await api.get(`/v1/${name}?limit=100`)).text);
  // When a key was last used is written once a minute, whenever that is.
  return (await Promise.all(texts)).map((text) =>
    JSON.parse(text.replace(/"last_used_at":"[^"]*"/g, '"last_used_at":null')),
  );
}
