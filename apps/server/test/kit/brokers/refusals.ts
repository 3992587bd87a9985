import { expect, test } from 'vitest';
import type { Reply } from '../api.ts';
import type { brokerOn, Config } from './stage.ts';

const CHECK_MS = 10_000;

/** What is refused alike as an endpoint and as a source. @param create asks for one. @returns what is said of another. */
export function refusalsOn(on: ReturnType<typeof brokerOn>, create: (config: Config) => Promise<Reply>) {
  const refusalOf = async (config: Config) => {
    const startedAt = performance.now();
    const reply = await create(config);
    expect(performance.now() - startedAt).toBeLessThan(CHECK_MS);
    expect(reply.status, reply.text).toBe(422);
    return String(reply.body.detail);
  };

  test('nobody listens at the port', async () => {
    expect(await refusalOf(on.broker.at(on.broker.host, 1))).toMatch(/^\/config: (unreachable|egress_blocked): /);
  });

  test('the host is inside', async () => {
    expect(await refusalOf(on.broker.at('10.0.0.1', 4_000))).toBe('/config: egress_blocked: private_address 10.0.0.1');
    expect(await refusalOf(on.broker.at('metadata.google.internal', 4_000))).toBe(
      '/config: egress_blocked: reserved_name metadata.google.internal',
    );
  });

  test('the password is wrong', async ({ skip }) => {
    const { wrongPassword } = on.broker;
    if (!wrongPassword) return skip('it asks nobody who he is');
    const refusal = await refusalOf({ ...on.broker.config(await on.queue()), ...wrongPassword });
    expect(refusal).toMatch(/^\/config: unauthorized: /);
    for (const secret of Object.values(wrongPassword)) expect(refusal).not.toContain(secret);
  });

  test('the queue is not there', async ({ skip }) => {
    const { saidOfMissing = /^\/config: no_such_queue: / } = on.broker;
    if (!saidOfMissing) return skip('it is made by the first event');
    expect(await refusalOf(on.broker.config('none'))).toMatch(saidOfMissing);
  });
  return refusalOf;
}
