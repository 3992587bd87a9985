import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../src/core/ids.ts';
import { newPortalToken, portalDigest } from '../../src/crypto/portal-token.ts';
import {
  endPortalSessions,
  expirePortal,
  findPortalSession,
  insertPortalLink,
  insertPortalSession,
  takePortalLink,
} from '../../src/store/portal.ts';
import { onBothDatabases } from '../kit/database.ts';
import { openStage, type Stage } from './stage.ts';

onBothDatabases('links and sessions of the portal', (kind) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(kind);
  });
  afterAll(async () => {
    await stage.close();
  });

  const link = async (seconds: number) => {
    const digest = portalDigest(newPortalToken('link'));
    await insertPortalLink(stage.db, {
      ...{ id: newId(), environmentId: stage.environment, applicationId: stage.application, digest, seconds },
      ...{ capabilities: ['view'], theme: null, returnUrl: null, label: null, sessionSeconds: 60 },
    });
    return digest;
  };
  const session = async (seconds: number, label: string | null = null) => {
    const digest = portalDigest(newPortalToken('session'));
    await insertPortalSession(stage.db, {
      ...{ id: newId(), environmentId: stage.environment, applicationId: stage.application, digest, seconds },
      ...{ capabilities: ['view'], label },
    });
    return digest;
  };

  test('are not there any more once their time is over, and then are dropped', async () => {
    const [over, alive] = [await session(0), await session(60)];
    await link(0);
    const usable = await link(60);
    expect(await findPortalSession(stage.db, over)).toBeUndefined();
    expect(await findPortalSession(stage.db, alive)).toMatchObject({ applicationId: stage.application });
    expect(await takePortalLink(stage.db, await link(0))).toBeUndefined();
    expect(await expirePortal(stage.db, 100)).toBe(2);
    expect(await expirePortal(stage.db, 100)).toBe(0);
    expect(await takePortalLink(stage.db, usable)).toMatchObject({ application_id: stage.application });
    expect(await takePortalLink(stage.db, usable)).toBeUndefined();
    expect(await findPortalSession(stage.db, alive)).toBeDefined();
  });

  test('are ended by their name, of their environment alone, and never later than they would', async () => {
    const [one, two] = [await session(60, 'one'), await session(60, 'two')];
    await endPortalSessions(stage.db, newId(), stage.application);
    expect(await findPortalSession(stage.db, one)).toBeDefined();
    await endPortalSessions(stage.db, stage.environment, stage.application, 0, ['one', 'other']);
    expect(await findPortalSession(stage.db, one)).toBeUndefined();
    expect(await findPortalSession(stage.db, two)).toBeDefined();
    const over = await session(0);
    await endPortalSessions(stage.db, stage.environment, stage.application, 3_600);
    expect(await findPortalSession(stage.db, over)).toBeUndefined();
    expect(await findPortalSession(stage.db, two)).toBeDefined();
    await endPortalSessions(stage.db, stage.environment, stage.application);
    expect(await findPortalSession(stage.db, two)).toBeUndefined();
  });
});
