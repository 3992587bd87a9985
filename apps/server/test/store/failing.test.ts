import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { FAILING_RULE } from '../../src/core/failing.ts';
import { disableEndpoint, type EndpointRow } from '../../src/store/endpoint.ts';
import { expireFailing, failingFor, forgetFailing, noteFailing, readFailing } from '../../src/store/failing.ts';
import { onBothDatabases } from '../kit/database.ts';
import { openStage, type Stage } from './stage.ts';

onBothDatabases('an endpoint that fails', (kind) => {
  let stage: Stage;
  let endpoint: EndpointRow;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(async () => {
    await stage.sql('delete from failing_endpoint');
    endpoint = await stage.addEndpoint();
  });
  afterAll(() => stage.close());

  const fail = (failures: number) => {
    const { id, environment_id: environmentId, application_id: applicationId } = endpoint;
    return noteFailing(stage.db, [{ id, environmentId, applicationId, failures }], FAILING_RULE);
  };
  /** As if so much time had gone by. */
  const wait = (interval: string) =>
    stage.sql('update failing_endpoint set since = since - $1::interval, last_at = last_at - $1::interval', [interval]);
  const due = async () => (await failingFor(stage.db, FAILING_RULE, 10)).map(({ id }) => id);
  const run = () => readFailing(stage.db, stage.environment, endpoint.id);
  /** Once a day for so many days: the last of it now. */
  const failDaily = async (days: number, each: number) => {
    for (let day = 0; day < days; day++) {
      await fail(each);
      await wait('1 day');
    }
    await fail(each);
  };

  test('for five days is due, with at least ten attempts', async () => {
    await failDaily(5, 1);
    expect(await due()).toEqual([]);
    await fail(4);
    expect(await due()).toEqual([endpoint.id]);
    expect(await run()).toMatchObject({ failures: 10, since: expect.any(Date) });
  });

  test('for four days is not, however often', async () => {
    await failDaily(4, 1_000);
    expect(await due()).toEqual([]);
  });

  test('a lot and was then left alone is not: silence is no failure', async () => {
    await fail(100);
    await wait('6 days');
    expect(await due()).toEqual([]);
    // The first failure after it begins a new run.
    await fail(1);
    expect(await run()).toMatchObject({ failures: 1 });
    await wait('1 day');
    await fail(20);
    expect(await due()).toEqual([]);
  });

  test('goes on failing through the longest wait of a named policy', async () => {
    await fail(1);
    await wait('29 hours');
    await fail(1);
    expect(await run()).toMatchObject({ failures: 2 });
  });

  test('begins anew once something was sent', async () => {
    await failDaily(4, 10);
    await forgetFailing(stage.db, [endpoint.id]);
    expect(await run()).toBeUndefined();
    await failDaily(3, 10);
    expect(await due()).toEqual([]);
  });

  test('and is paused, disabled or gone is not due', async () => {
    await failDaily(5, 10);
    await stage.sql(`update endpoint set status = 'paused' where id = $1`, [endpoint.id]);
    expect(await due()).toEqual([]);
    await disableEndpoint(stage.db, stage.environment, endpoint.id, 'by_request');
    expect(await due()).toEqual([]);
    await stage.sql('delete from endpoint where id = $1', [endpoint.id]);
    expect(await due()).toEqual([]);
  });

  test('no more is forgotten in time; one that still does is not', async () => {
    await failDaily(6, 1);
    await expireFailing(stage.db, FAILING_RULE);
    expect(await run()).toMatchObject({ failures: 7 });
    await wait('3 days');
    await expireFailing(stage.db, FAILING_RULE);
    expect(await run()).toBeUndefined();
  });

  test('in another environment looks like nothing', async () => {
    await fail(1);
    const other = await stage.addEnvironment();
    expect(await readFailing(stage.db, other, endpoint.id)).toBeUndefined();
  });
});
