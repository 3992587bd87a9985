import { randomUUID } from 'node:crypto';
import { openServiceBus } from '../../kit/brokers/azure.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('azure', open, null);
crashes('azure', open, null);

async function open(): Promise<SourceStage> {
  const settings = { requiresSession: true, lockMs: 30_000 };
  const { stage, clientOf } = await openServiceBus('Listen', { sessions: true }, settings);
  return {
    ...stage,
    async publish(queue, messages) {
      const client = clientOf(queue);
      const sender = client.createSender(queue);
      for (const { body, headers = {}, group } of messages) {
        await sender.sendMessages({
          body: Buffer.from(body),
          applicationProperties: { ...headers },
          sessionId: group ?? randomUUID(),
        });
      }
      await client.close();
    },
    waiting: null,
    takesNoLarger: true,
    // To one who may only listen, the service answers late.
    saidOfMissing: /^\/config: (no_such_queue|unreachable): /,
  };
}
