import { beforeAll, expect, test } from 'vitest';
import { SCOPES, scopeAllows } from '../../src/core/scope.ts';
import type { ProblemCode } from '../../src/errors.ts';
import { Api, type Reply } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { type Operation, readDocument } from '../kit/document.ts';
import { newKey } from '../kit/postrider.ts';
import { flawsOf } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { sampleOf, validCall } from './samples.ts';
import { settle, type Tenant } from './tenant.ts';

onBothDatabases('every operation', (kind) => {
  const stage = stageOn(kind);
  let operations: Operation[];
  let tenant: Tenant;

  beforeAll(async () => {
    operations = (await readDocument(stage.api)).operations.filter(({ isPublic }) => !isPublic);
    tenant = await settle(stage.postrider.url, stage.api, `${stage.receiver.url}/status/400`);
  });

  /** Makes a valid call of each operation in another's name; the operations that did not refuse it as they should. */
  async function unrefused(
    code: ProblemCode,
    call: (operation: Operation, path: string, body?: object) => Promise<Reply[]>,
  ) {
    const wrong: Record<string, unknown> = {};
    for (const operation of operations) {
      const { path, body } = await validCall(operation, tenant);
      for (const reply of await call(operation, path, body)) {
        const flaws = flawsOf(reply);
        if (reply.body.code !== code || flaws.length > 0) wrong[operation.id] = { text: reply.text, flaws };
      }
    }
    return wrong;
  }

  const strangers: Record<string, () => string> = {
    'without a key': () => '',
    'with something else than a key': () => 'Bearer let-me-in',
    'with another scheme': () => 'Basic YTpi',
    'with two words': () => `Bearer ${newKey()} ${newKey()}`,
    'with a key of the right form that nobody made': () => `Bearer ${newKey()}`,
    'with a key that is a scheme short': () => newKey(),
    'with a known key and one more letter': () => `Bearer ${stage.postrider.key}x`,
  };
  for (const [how, authorization] of Object.entries(strangers)) {
    test(`is refused with 401 ${how}, whatever the body`, async () => {
      const header: Record<string, string> = { authorization: authorization() };
      const wrong = await unrefused('unauthenticated', async ({ method }, path, body) => [
        await stage.api.call(method, path, body, header),
        ...(body ? [await stage.api.call(method, path, '{', header)] : []),
      ]);
      expect(wrong).toEqual({});
    });
  }

  test('is refused with 403 to every key of too small a scope, whatever the body', async () => {
    const wrong = await unrefused('insufficient_scope', async (operation, path, body) => {
      const tooSmall = SCOPES.filter((scope) => !scopeAllows(scope, sampleOf(operation).scope));
      const replies: Reply[] = [];
      for (const scope of tooSmall) {
        replies.push(await tenant.as[scope].call(operation.method, path, body));
        if (body) replies.push(await tenant.as[scope].call(operation.method, path, '{'));
      }
      return replies;
    });
    expect(wrong).toEqual({});
  });

  test('is refused with 401 to a key that was revoked', async () => {
    const { id, key } = await tenant.newKey('admin');
    const api = new Api(stage.postrider.url, key);
    expect((await api.get('/v1/endpoints')).status).toBe(200);
    expect((await stage.api.delete(`/v1/api-keys/${id}`)).status).toBe(204);
    const wrong = await unrefused('unauthenticated', async ({ method }, path, body) => [
      await api.call(method, path, body),
    ]);
    expect(wrong).toEqual({});
  });
});
