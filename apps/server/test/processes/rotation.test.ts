import type { ReceivedRequest } from '@postrider/receiver';
import { decodeSecret, deriveEd25519Key, ed25519PublicKey, verify, verifyHmacHex } from '@postrider/webhook';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answer } from '../kit/answers.ts';
import { until } from '../kit/until.ts';
import { invite, type Listener } from './audience.ts';
import { settled } from './deliveries.ts';
import { Producer } from './producer.ts';
import { type Place, Stage } from './stage.ts';

type Scheme = 'standard' | 'ed25519' | 'hmac-hex';

/** A secret and when it was the endpoint's, Unix milliseconds. */
interface Held {
  readonly secret: string;
  /** When the rotation was answered that brought it. From 2 s later on every process signs with it. */
  readonly since: number;
  /** Until then it signs, alone or along with the next; for the last one there is no end. */
  until: number;
}

const SCHEMES: readonly Scheme[] = ['standard', 'ed25519', 'hmac-hex'];
const WITHIN_MS = 2_000;
const SECOND_MS = 1_000;
const PER_SECOND = 150;
/** Deliveries to each endpoint between two rotations: the pace is that of the traffic, not of a clock. */
const BETWEEN = 300;

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('secrets rotated under load, on two processes', () => {
  let stage: Stage;
  let one: Place;
  let other: Place;
  let received: Map<Scheme, ReceivedRequest[]>;
  let listeners: Map<Scheme, Listener>;
  let producer: Producer;

  beforeEach(async () => {
    received = new Map(SCHEMES.map((scheme) => [scheme, []]));
    stage = await Stage.set('postgresql', {
      onRequest: (request) => received.get(schemeOf(request.path))?.push(request),
    });
    one = await stage.serve();
    other = await stage.serve();
    const interests = SCHEMES.map((scheme) => ({
      name: scheme,
      events: ['*'],
      hears: () => true,
      settings: { signature: { scheme } },
    }));
    const urlOf = (label: string) => `${stage.receiver.url}/ok/${label}`;
    const audience = await invite(one.api, stage.receiver, 'rotating', interests, { urlOf, timeoutSeconds: 5 });
    listeners = new Map(audience.listeners.map((listener) => [schemeOf(listener.label), listener]));
    const urls = [one.url, other.url];
    const options = { urls, apiKey: stage.apiKey, audiences: [audience], eventTypes: ['order.paid'] };
    producer = new Producer({ ...options, perSecond: PER_SECOND });
  });
  afterEach(() => stage.clear());

  test('every request verifies for who has the old secret and for who has the new one', async () => {
    const held = await firstSecrets();
    producer.start();
    for (let turn = 0; turn < 5; turn++) {
      await more(BETWEEN);
      // Four that outlast the test, and one that ends while requests still come.
      await rotateAll(held, turn, turn === 1 ? 4 / 3600 : 1);
    }
    await more(BETWEEN);
    await until(
      () => Date.now(),
      (now) => now > (held.get('standard')?.[1]?.until ?? 0) + WITHIN_MS,
    );
    await more(BETWEEN);
    await finish();
    for (const scheme of SCHEMES) {
      const verdict = judge(scheme, held.get(scheme) ?? []);
      console.log(`rotation (${scheme}): ${JSON.stringify({ ...verdict, faults: verdict.faults.length })}`);
      expect(verdict.faults.slice(0, 5)).toEqual([]);
      expect(verdict.requests).toBeGreaterThan(BETWEEN * 6);
    }
  });

  test('a secret that was rotated away at once signs nothing any more after 2 s', async () => {
    const held = await firstSecrets();
    producer.start();
    for (let turn = 0; turn < 4; turn++) {
      await more(BETWEEN);
      await rotateAll(held, turn, 0);
    }
    await more(BETWEEN);
    await until(
      () => Date.now(),
      (now) => now > (held.get('hmac-hex')?.at(-1)?.since ?? 0) + WITHIN_MS,
    );
    await more(BETWEEN);
    await finish();
    for (const scheme of SCHEMES) {
      const verdict = judge(scheme, held.get(scheme) ?? []);
      console.log(`rotation at once (${scheme}): ${JSON.stringify({ ...verdict, faults: verdict.faults.length })}`);
      expect(verdict.faults.slice(0, 5)).toEqual([]);
      expect(verdict.requests).toBeGreaterThan(BETWEEN * 5);
    }
  });

  async function firstSecrets(): Promise<Map<Scheme, Held[]>> {
    const held = new Map<Scheme, Held[]>();
    for (const scheme of SCHEMES) {
      const path = `/v1/endpoints/${listeners.get(scheme)?.id}/secret`;
      const { secret } = await answer<{ secret: string }>(one.api.get(path), 200);
      held.set(scheme, [{ secret, since: 0, until: Number.POSITIVE_INFINITY }]);
    }
    return held;
  }

  /** On one process and the other in turn. */
  async function rotateAll(held: ReadonlyMap<Scheme, Held[]>, turn: number, overlap_hours: number): Promise<void> {
    const { api } = turn % 2 === 0 ? other : one;
    for (const scheme of SCHEMES) {
      const path = `/v1/endpoints/${listeners.get(scheme)?.id}/secret/rotate`;
      const { secret, previous_secret_expires_at: expires } = await answer<{
        secret: string;
        previous_secret_expires_at: string;
      }>(api.post(path, { overlap_hours }), 200);
      const secrets = held.get(scheme) ?? [];
      const before = secrets.at(-1);
      if (before) before.until = Date.parse(expires);
      secrets.push({ secret, since: Date.now(), until: Number.POSITIVE_INFINITY });
    }
  }

  async function more(count: number): Promise<void> {
    const wanted = SCHEMES.map((scheme) => (received.get(scheme)?.length ?? 0) + count);
    await until(
      () => SCHEMES.map((scheme) => received.get(scheme)?.length ?? 0),
      (counts) => counts.every((each, n) => each >= (wanted[n] ?? 0)),
      60_000,
    );
  }

  async function finish(): Promise<void> {
    await producer.stop();
    await settled(one.api, 60_000);
    expect(producer.faults).toEqual([]);
    expect(received.get('standard')?.length).toBeGreaterThanOrEqual(producer.accepted.length);
  }

  /** Holds each request against the secrets of its time. */
  function judge(scheme: Scheme, secrets: readonly Held[]) {
    const faults: string[] = [];
    let both = 0;
    let requests = 0;
    for (const request of received.get(scheme) ?? []) {
      requests++;
      const signedAt = timeOf(scheme, request);
      const verified = secrets.map(({ secret }) => isFor(scheme, secret, request));
      const count = verified.filter(Boolean).length;
      if (count === 0) faults.push(`${request.webhookId} at ${signedAt} verifies under no secret there ever was`);
      if (count > 1) both++;
      secrets.forEach(({ since, until }, n) => {
        // By the second: it was signed at some time in [signedAt, signedAt + 1 s).
        const isDue = signedAt >= since + WITHIN_MS && signedAt + SECOND_MS <= until;
        const isGone = signedAt >= Math.max(until, (secrets[n + 1]?.since ?? until) + WITHIN_MS);
        if (isDue && !verified[n]) faults.push(`${request.webhookId} at ${signedAt} is not for secret ${n}`);
        if (isGone && verified[n])
          faults.push(`${request.webhookId} at ${signedAt} is for secret ${n}, which has ended`);
      });
    }
    return { requests, both, faults };
  }
});

function schemeOf(path: string): Scheme {
  return SCHEMES.find((scheme) => path.endsWith(`-${scheme}`)) ?? 'standard';
}

/** When it was signed, Unix milliseconds, by the whole second; the servers' clock is ours. */
function timeOf(scheme: Scheme, { headers }: ReceivedRequest): number {
  return Number(headers[scheme === 'hmac-hex' ? 'x-postrider-timestamp' : 'webhook-timestamp']) * 1000;
}

/** Whether a customer who has this secret, or the public key that belongs to it, could verify the request. */
function isFor(scheme: Scheme, secret: string, { body, headers, receivedAt }: ReceivedRequest): boolean {
  const options = { now: receivedAt / 1000 };
  try {
    if (scheme === 'hmac-hex') verifyHmacHex(body, headers, secret, options);
    else verify(body, headers, scheme === 'ed25519' ? publicKeyOf(secret) : secret, options);
    return true;
  } catch {
    return false;
  }
}

function publicKeyOf(secret: string): string {
  return ed25519PublicKey(deriveEd25519Key(decodeSecret(secret)));
}
