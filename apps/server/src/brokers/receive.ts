import type { BrokerType } from '../core/broker/all.ts';
import type { BrokerConfig } from '../core/broker/form.ts';
import type { GuardedQueue } from './guarded-queue.ts';
import type { Outside } from './open.ts';

/** A customer's queue to receive from. The adapters are loaded by the first. @throws QueueError `misconfigured` */
export async function openToReceive(
  type: BrokerType,
  config: BrokerConfig,
  outside: Outside,
  receiver: string,
): Promise<GuardedQueue> {
  const { open } = await import('./open.ts');
  return open(type, config, outside, { use: 'receiving', receiver });
}
