import type { Svix } from 'svix';
import { beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { refused, svixClient } from './client.ts';

onBothDatabases('an application of the Svix client', (kind) => {
  const stage = stageOn(kind);
  let svix: Svix;
  beforeAll(() => {
    svix = svixClient(stage.postrider);
  });

  test('is what was asked for, by its id and by its uid', async () => {
    const made = await svix.application.create({ name: 'Acme', uid: 'acme', metadata: { plan: 'gold' } });
    expect(made).toEqual({
      id: expect.stringMatching(/^app_/),
      uid: 'acme',
      name: 'Acme',
      throttleRate: null,
      metadata: { plan: 'gold' },
      createdAt: expect.any(Date),
      updatedAt: made.createdAt,
    });
    expect(made.createdAt.getTime()).toBeGreaterThan(0);
    expect(await svix.application.get(made.id)).toEqual(made);
    expect(await svix.application.get('acme')).toEqual(made);
    expect(await svix.application.create({ name: 'No uid' })).toMatchObject({ uid: null, metadata: {} });
  });

  test('is got where it exists, and made where it does not', async () => {
    const made = await svix.application.getOrCreate({ name: 'First', uid: 'got' });
    expect(await svix.application.getOrCreate({ name: 'Second', uid: 'got' })).toEqual(made);
    expect(await refused(svix.application.create({ name: 'Second', uid: 'got' }), 409)).toEqual({
      code: 'conflict',
      detail: expect.stringContaining('got'),
    });
    const many = await Promise.all(
      Array.from({ length: 8 }, () => svix.application.getOrCreate({ name: 'race', uid: 'race' })),
    );
    expect(new Set(many.map(({ id }) => id)).size).toBe(1);
  });

  test('is patched: what is left out stays, and null is not the same', async () => {
    const { id } = await svix.application.create({ name: 'Before', uid: 'patched', metadata: { a: 'b' } });
    expect(await svix.application.patch('patched', { name: 'After' })).toMatchObject({
      name: 'After',
      uid: 'patched',
      metadata: { a: 'b' },
    });
    expect(await svix.application.patch(id, { uid: null })).toMatchObject({ uid: null, name: 'After' });
    await refused(svix.application.get('patched'), 404);
  });

  test('is put: what is left out goes; one that is not there is made under its name', async () => {
    await svix.application.create({ name: 'Before', uid: 'put', metadata: { a: 'b' } });
    expect(await svix.application.upsert('put', { name: 'After', uid: 'put' })).toMatchObject({
      name: 'After',
      metadata: {},
    });
    expect(await svix.application.upsert('new-by-put', { name: 'New' })).toMatchObject({ uid: 'new-by-put' });
    expect(await refused(svix.application.upsert('new-too', { name: 'New', uid: 'other' }), 422)).toMatchObject({
      detail: [{ loc: ['body', 'uid'] }],
    });
    await refused(svix.application.upsert('app_01JX9Z5T4QK8W0V3N7M2B6C1DF', { name: 'New' }), 404);
  });

  test('is deleted', async () => {
    const { id } = await svix.application.create({ name: 'Leaving', uid: 'leaving' });
    await svix.application.delete('leaving');
    expect(await refused(svix.application.get(id), 404)).toEqual({ code: 'not_found', detail: 'no such application' });
    await refused(svix.application.delete(id), 404);
  });

  test('is made once by calls with one idempotency key', async () => {
    const options = { idempotencyKey: 'one' };
    const made = await svix.application.create({ name: 'Once' }, options);
    expect(await svix.application.create({ name: 'Once' }, options)).toEqual(made);
    expect(await refused(svix.application.create({ name: 'Twice' }, options), 409)).toMatchObject({
      code: 'idempotency_mismatch',
    });
  });
});
