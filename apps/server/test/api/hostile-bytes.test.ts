import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { flawOf, refusalFlawOf } from '../kit/described.ts';
import { type Operation, readDocument } from '../kit/document.ts';
import { flawsOf } from '../kit/problem.ts';
import { exchangeBytes, parseReply } from '../kit/raw-http.ts';
import { stageOn } from '../kit/stage.ts';
import { validCall } from './samples.ts';
import { SEED } from './seed.ts';
import { settle, type Tenant } from './tenant.ts';

/** Requests for each operation, on each database. */
const RUNS = 12;

/** A valid request, and what is done to its bytes. */
interface Mangled {
  /** Added to what content-length says. */
  readonly lengthOff: number;
  readonly headers: readonly string[];
  /** Where it is cut off, from 0 to 1; 1 is not at all. */
  readonly cutAt: number;
}

const mangled: fc.Arbitrary<Mangled> = fc.record({
  lengthOff: fc.oneof(
    { arbitrary: fc.constant(0), weight: 2 },
    fc.integer({ min: -40, max: 40 }),
    fc.constantFrom(-1_000_000, 3_000_000, 1e21),
  ),
  headers: fc.subarray(
    [
      'content-length: 3',
      'content-type: text/plain',
      'transfer-encoding: chunked',
      'transfer-encoding: gzip, chunked',
      'content-encoding: br',
      'expect: 100-continue',
      'expect: something',
      'connection: close, content-length, authorization',
      'upgrade: h2c',
      'host: b',
      'idempotency-key: one\r\nidempotency-key: two',
      'authorization: Bearer pr_test_another',
      `x: ${'y'.repeat(5_000)}`,
      'x-\xff: \xff\xfe',
    ],
    { maxLength: 2 },
  ),
  cutAt: fc.oneof(
    { arbitrary: fc.constant(1), weight: 3 },
    { arbitrary: fc.double({ min: 0, max: 1, noNaN: true }), weight: 1 },
  ),
});

/** The server waits for the rest; a caller that hangs up early is not answered (Node drops the call). */
function isUnfinished({ lengthOff, headers, cutAt }: Mangled): boolean {
  return lengthOff > 0 || cutAt < 1 || headers.some((header) => /chunked|content-length: 3/.test(header));
}

onBothDatabases(`requests whose bytes are wrong (seed ${SEED})`, (kind) => {
  const stage = stageOn(kind);
  let operations: Operation[];
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await settle(stage.postrider.url, stage.api, `${stage.receiver.url}/status/400`);
    ({ operations } = await readDocument(stage.api));
  });

  test("are answered in the contract's form or not at all, for every operation", async () => {
    const port = Number(new URL(stage.postrider.url).port);
    let answered = 0;
    for (const operation of operations) {
      const property = fc.asyncProperty(mangled, async (how) => {
        const { path, body } = await validCall(operation, tenant);
        const bytes = requestOf(operation.method, path, body, how);
        const text = await exchangeBytes(port, bytes, { endsAfter: isUnfinished(how) });
        if (text === '') return;
        answered++;
        const reply = parseReply(text);
        const isSuccess = reply.status < 300;
        expect(isSuccess ? [] : flawsOf(reply), text.slice(0, 600)).toEqual([]);
        const flaw = isSuccess ? flawOf : refusalFlawOf;
        expect(flaw(operation, reply.status, reply.text), text.slice(0, 600)).toBeNull();
      });
      await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true });
    }
    console.log(`wrong bytes (${kind}): seed ${SEED}, ${operations.length * RUNS} requests, ${answered} answered`);
    expect(answered).toBeGreaterThan(operations.length * RUNS * 0.3);
  }, 60_000);

  function requestOf(method: string, path: string, body: object | undefined, how: Mangled): Buffer {
    const payload = Buffer.from(body ? JSON.stringify(body) : '');
    const length = body || how.lengthOff > 0 ? [`content-length: ${Math.max(0, payload.length + how.lengthOff)}`] : [];
    const head = [
      `${method} ${path} HTTP/1.1`,
      'host: a',
      `authorization: Bearer ${stage.postrider.key}`,
      ...(body ? ['content-type: application/json'] : []),
      ...length,
      ...how.headers,
    ].join('\r\n');
    const whole = Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), payload]);
    return whole.subarray(0, Math.floor(whole.length * how.cutAt));
  }
});
