import type { BrokerType } from '../core/broker/all.ts';
import type { BrokerConfig } from '../core/broker/form.ts';
import { within } from '../within.ts';
import { type BrokerFailure, failureOf } from './failure.ts';
import type { Outside, Purpose } from './open.ts';

/** Longer than an adapter gives a broker, so that its own words are heard. */
const CHECK_MS = 9_000;

/**
 * Asks the broker itself, within 10 s: whether host, port, credentials and queue are right for what they are wanted for.
 * Nothing is published or received.
 *
 * @returns what stands against it, or null.
 */
export async function checkBroker(
  type: BrokerType,
  config: BrokerConfig,
  outside: Outside,
  purpose: Purpose = { use: 'publishing' },
): Promise<BrokerFailure | null> {
  const asking = asked(type, config, outside, purpose).catch(failureOf);
  return within(CHECK_MS, asking, () => ({ code: 'unreachable', message: 'no answer in time' }));
}

async function asked(
  type: BrokerType,
  config: BrokerConfig,
  outside: Outside,
  purpose: Purpose,
): Promise<BrokerFailure | null> {
  const { open } = await import('./open.ts');
  const queue = open(type, config, outside, purpose);
  try {
    const health = await queue.health(purpose.use);
    if (health.ok) return null;
    const { refusal } = queue;
    if (refusal && health.code === 'unreachable') return failureOf(refusal);
    return { code: health.code, message: health.reason };
  } finally {
    void queue.close().catch(() => {});
  }
}
