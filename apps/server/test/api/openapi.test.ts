import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../kit/database.ts';
import { type Operation, readDocument } from '../kit/document.ts';
import { startTestPostrider, type TestPostrider } from '../kit/postrider.ts';

/** Anybody may ask these. Whatever else has no `security` was forgotten. */
const PUBLIC = ['health', 'ready'];
/** These have two successes: a dry run's and that of the real thing, or made and changed. */
const HAS_TWO_SUCCESSES = /^(replay|putRoute)/;

let database: TestDatabase;
let postrider: TestPostrider;
let document: Readonly<Record<string, unknown>>;
let operations: Operation[];
let ofSessions: Operation[];

beforeAll(async () => {
  database = await createTestDatabase('embedded');
  postrider = await startTestPostrider(database);
  ({ document, operations, ofSessions } = await readDocument(postrider.api));
});
afterAll(async () => {
  await postrider.stop();
  await database.drop();
});

test('the document is valid OpenAPI 3.1, by the published schema', async () => {
  const validator = new Validator();
  expect(await validator.validate({ ...document })).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
});

test('the document is served to anybody', async () => {
  const response = await fetch(`${postrider.url}/openapi.json`);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  expect(await response.json()).toEqual(document);
});

test('every operation has an operationId of its own, a summary and a tag', () => {
  expect(operations.length).toBeGreaterThan(40);
  expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
  for (const { id, summary, tags } of operations) {
    expect({ id, summary, tags }).toEqual({
      id: expect.stringMatching(/^[a-z][A-Za-z]+$/),
      summary: expect.stringMatching(/^.{5,}/),
      tags: [expect.stringMatching(/^.{3,}/)],
    });
  }
});

test('every operation asks for a key, but for those that are public on purpose', () => {
  expect(operations.filter(({ isPublic }) => isPublic).map(({ id }) => id)).toEqual(PUBLIC);
});

test('every operation describes its success, and its problems', () => {
  for (const { id, responses } of operations) {
    const successes = [...responses.keys()].filter((status) => status.startsWith('2'));
    expect(successes, id).toHaveLength(HAS_TWO_SUCCESSES.test(id) ? 2 : 1);
    for (const status of successes) {
      if (status !== '204')
        expect(responses.get(status), id).toMatchObject({ type: expect.stringMatching(/^(object|array)$/) });
    }
    expect(responses.get('default'), id).toMatchObject({ required: expect.arrayContaining(['code', 'request_id']) });
  }
});

test('every parameter of a path is described', () => {
  const paths = document.paths as Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>;
  for (const { id, path, method, parameters } of operations) {
    const described = paths[path]?.[method.toLowerCase()]?.parameters?.filter((each) => each.in === 'path') ?? [];
    expect(described.map(({ name }) => name).sort(), id).toEqual([...parameters].sort());
  }
});

test('every POST that is made with an API key may have an idempotency key, and no other call', () => {
  for (const { id, method, isPublic, headers } of operations) {
    const key = { name: 'idempotency-key', required: false, schema: { minLength: 1, maxLength: 255 } };
    if (method === 'POST' && !isPublic) expect(headers, id).toMatchObject([key]);
    else expect(headers, id).toEqual([]);
  }
  expect(ofSessions.flatMap(({ headers }) => headers)).toEqual([]);
});

test('every answer tells of its headers', () => {
  const limit = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'];
  for (const { id, method, isPublic, answerHeaders } of operations) {
    for (const [status, names] of answerHeaders) {
      const own = status === 'default' ? ['retry-after'] : method === 'POST' ? ['idempotent-replayed'] : [];
      const expected = ['x-request-id', ...(isPublic ? [] : limit), ...own];
      expect(names.toSorted(), `${id} ${status}`).toEqual(expected.toSorted());
    }
  }
});
