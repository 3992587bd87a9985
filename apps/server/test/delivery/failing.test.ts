import { expect, test } from 'vitest';
import { openDatabase, statement } from '../../src/store/database.ts';
import { answer, createEndpoint, type Endpoint, type Stats, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases, type TestDatabase } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';

onBothDatabases('an endpoint that does nothing but fail', (kind) => {
  const stage = stageOn(kind);
  const read = (id: string) => answer<Endpoint>(stage.api.get(`/v1/endpoints/${id}`), 200);
  const stats = (id: string) => answer<Stats>(stage.api.get(`/v1/endpoints/${id}/stats`), 200);

  /** An endpoint with so many failed attempts, counted. Refusals: they fail, and open no circuit. */
  async function failing(attempts: number, path = '/status/400/failing'): Promise<string> {
    const { id } = await createEndpoint(stage.api, { url: stage.receiver.url + path, retry_policy: [] });
    const sent = await Promise.all(Array.from({ length: attempts }, () => sendTo(stage.api, id)));
    for (const delivery of sent) expect((await settled(stage.api, delivery)).status).toBe('FAILED');
    await until(
      () => stats(id),
      (each) => each.attempts.total === attempts,
    );
    return id;
  }

  /** Stops Postrider for as long as its database thinks; what runs then began `since` earlier and last failed `last`. */
  const restartAfter = (since: string, last: string) =>
    stage.restartAfter(async (database: TestDatabase) => {
      const db = await openDatabase(database.target, () => {});
      const text = 'update failing_endpoint set since = since - $1::interval, last_at = last_at - $2::interval';
      await db.query(statement('', text), [since, last]);
      await db.close();
    });

  test('is disabled after five days, over a restart, and lives on once enabled', async () => {
    const id = await failing(10);
    const few = await failing(9);
    expect(await stats(id)).toMatchObject({ status: 'active', failing_since: expect.any(String) });
    await restartAfter('5 days', '0');
    const off = await until(
      () => read(id),
      ({ status }) => status === 'disabled',
    );
    expect(off.disabled_reason).toBe('failing');
    expect(await stats(id)).toMatchObject({ status: 'disabled', disabled_reason: 'failing', failing_since: null });
    // The same round of looking has passed this one by.
    expect((await read(few)).status).toBe('active');

    await answer(stage.api.patch(`/v1/endpoints/${id}`, { url: `${stage.receiver.url}/status/400/again` }), 200);
    const enabled = await answer<Endpoint>(stage.api.post(`/v1/endpoints/${id}/enable`), 200);
    expect(enabled).toMatchObject({ status: 'active', disabled_reason: null });
    await settled(stage.api, await sendTo(stage.api, id));
    // It fails still, and has its five days again.
    const now = await until(
      () => stats(id),
      ({ failing_since }) => failing_since !== null,
    );
    expect(Date.parse(now.failing_since ?? '')).toBeGreaterThan(Date.now() - 60_000);
    await stage.restart();
    expect((await read(id)).status).toBe('active');
  });

  test('and then was left alone is not disabled by its next failure', async () => {
    const quiet = await failing(10, '/status/400/quiet');
    const dead = await failing(10, '/status/400/dead');
    await stage.restartAfter(async (database: TestDatabase) => {
      const db = await openDatabase(database.target, () => {});
      // All failed six days ago; one of them has gone on until now.
      await db.script(`update failing_endpoint set since = since - interval '6 days', last_at = last_at - interval '6 days';
        update failing_endpoint set last_at = now() where endpoint_id in (select id from endpoint where url like '%dead')`);
      await db.close();
    });
    await until(
      () => read(dead),
      ({ status }) => status === 'disabled',
    );
    await settled(stage.api, await sendTo(stage.api, quiet));
    await until(
      () => stats(quiet),
      (each) => each.attempts.total === 11,
    );
    await stage.restart();
    expect(await read(quiet)).toMatchObject({ status: 'active', disabled_reason: null });
  });

  test('but for one success is not disabled', async () => {
    const dead = await failing(10, '/status/400/dead-too');
    const url = `${stage.receiver.url}/fail-times/10/nearly?status=400`;
    const { id } = await createEndpoint(stage.api, { url, retry_policy: Array(9).fill(0) });
    const delivery = await settled(stage.api, await sendTo(stage.api, id));
    expect(delivery).toMatchObject({ status: 'FAILED', attempt_count: 10 });
    await until(
      () => stats(id),
      ({ failing_since }) => failing_since !== null,
    );
    await answer(stage.api.post(`/v1/deliveries/${delivery.id}/retry`), 202);
    await until(
      () => stats(id),
      (each) => each.sent === 1,
    );
    expect((await stats(id)).failing_since).toBeNull();
    await restartAfter('5 days', '0');
    await until(
      () => read(dead),
      ({ status }) => status === 'disabled',
    );
    expect((await read(id)).status).toBe('active');
  });
});
