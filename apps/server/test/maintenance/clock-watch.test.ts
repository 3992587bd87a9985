import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Uuid } from '../../src/core/ids.ts';
import { claim } from '../../src/delivery/claim.ts';
import { createLog } from '../../src/log.ts';
import { createClockWatch } from '../../src/maintenance/clock-watch.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import { openCircuit } from '../../src/store/circuit.ts';
import { openDatabase, type Queryable } from '../../src/store/database.ts';
import type { EndpointSettings } from '../../src/store/endpoint.ts';
import { letLaneGo, pauseLane } from '../../src/store/lane.ts';
import { putLanesRight } from '../../src/store/lane-clock.ts';
import { createEndpoint, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { eventually, message, openStage, roomFor, type Stage } from '../store/stage.ts';

onBothDatabases('a Postrider', (kind) => {
  const stage = stageOn(kind);

  // Found: what had its turn while the clock was an hour ahead stood still for an hour, and nobody could help.
  test('sends at once what a clock served that was ahead, and was set right while nothing ran', async () => {
    const { id } = await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok/ahead`, rate_limit: 50 });
    await settled(stage.api, await sendTo(stage.api, id));
    await stage.restartAfter(async ({ target }) => {
      const db = await openDatabase(target, () => {});
      await db.script("update lane set served_at = now() + interval '1 hour' where served_at is not null");
      await db.close();
    });
    expect(await settled(stage.api, await sendTo(stage.api, id))).toMatchObject({ status: 'SENT' });
  });
});

onBothDatabases('a clock that is set back', (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(() => stage.clear());
  afterAll(() => stage.close());

  const claimed = async () => (await claim(stage.db, roomFor(100))).deliveries.length;
  const accept = (endpointId: Uuid, count = 1) =>
    insertMessages(
      stage.db,
      Array.from({ length: count }, () => message(stage, [{ endpointId }])),
    );
  /** Every time that was written to lanes until now, was by a clock that was ahead by an hour. */
  const wasAhead = () =>
    stage.sql(
      `update lane set ${['served_at', 'tokens_at', 'resumed_at', 'opened_at', 'held_until']
        .map((column) => `${column} = ${column} + interval '1 hour'`)
        .join(', ')}`,
    );
  const times = () => stage.sql('select l.*, xmin from lane l order by endpoint_id');

  const LANES: Readonly<Record<string, [Partial<EndpointSettings>, (id: Uuid) => Promise<unknown>]>> = {
    'had a turn': [{}, () => claimed()],
    'is over its rate': [{ rate_limit: 1 }, () => claimed()],
    'is drained slowly': [{}, (id) => letLaneGo(stage.db, id).then(claimed)],
    'has an open circuit': [{}, (id) => openCircuit(stage.db, id, 60_000)],
  };

  test.for(Object.entries(LANES))('holds up no lane that %s', async ([, [settings, happens]]) => {
    const { id } = await stage.addEndpoint(settings);
    await accept(id, 2);
    await happens(id);
    await wasAhead();
    await accept(id, 2);
    expect(await claimed()).toBe(0);
    expect(await putLanesRight(stage.db, 10)).toBe(1);
    // What is over its rate has spent what it had, and gets the next in a second.
    await eventually(claimed).toBeGreaterThan(0);
    expect(await putLanesRight(stage.db, 10)).toBe(0);
  });

  test('resumes nothing that is paused, and touches no lane that is not ahead', async () => {
    const [paused, quiet, waiting] = [
      await stage.addEndpoint(),
      await stage.addEndpoint(),
      await stage.addEndpoint({ rate_limit: 0.001 }),
    ];
    for (const { id } of [paused, quiet, waiting]) await accept(id, 2);
    await claimed();
    const before = await times();
    expect(await putLanesRight(stage.db, 10)).toBe(0);
    expect(await times()).toEqual(before);
    await pauseLane(stage.db, paused.id);
    await wasAhead();
    await accept(paused.id);
    expect(await putLanesRight(stage.db, 10)).toBe(3);
    const held = "select endpoint_id from lane where held_until = 'infinity' and ready_at = 'infinity'";
    expect(await stage.sql(held)).toEqual([{ endpoint_id: paused.id }]);
  });

  test('holds up none of many', async () => {
    await stage.sql(
      `insert into lane (endpoint_id, next_at, served_at)
       select gen_random_uuid(), now(), now() + interval '1 hour' from generate_series(1, 25)`,
    );
    expect(await putLanesRight(stage.db, 10)).toBe(25);
    expect(await stage.sql('select count(*)::integer from lane where ready_at > statement_timestamp()')).toEqual([
      { count: 0 },
    ]);
  });

  test('is noticed while we run, and one that goes on is not', async () => {
    let [clock, looks, reads] = [Date.now() - performance.now(), 0, 0];
    const db: Queryable = {
      query: async (each, values) => {
        if (each.name === 'lane_put_right') looks++;
        if (each.name !== 'clock_read') return stage.db.query(each, values);
        reads++;
        return [{ now: performance.now() + clock }] as never;
      },
    };
    const readMore = async () => {
      const before = reads;
      await eventually(() => reads - before).toBeGreaterThan(2);
    };
    const watch = createClockWatch({ db, log: createLog('silent'), intervalMs: 10 });
    watch.start();
    await readMore();
    expect(looks).toBe(1);
    clock += 3_600_000;
    await readMore();
    expect(looks).toBe(1);
    const { id } = await stage.addEndpoint();
    await accept(id);
    await stage.sql("update lane set served_at = now() + interval '1 hour'");
    clock -= 3_600_000;
    await eventually(claimed).toBe(1);
    await readMore();
    expect(looks).toBe(2);
    await watch.stop();
  });
});
