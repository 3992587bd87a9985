import { randomUUID } from 'node:crypto';
import { missing, openRabbit } from '../../kit/brokers/amqp.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('amqp', open, missing);
crashes('amqp', open, missing);

async function open(): Promise<SourceStage> {
  // As docs/sources.md names them.
  const { stage, server, asAdmin } = await openRabbit('^$', '^$', '.*');
  return {
    ...stage,
    publish: (queue, messages) =>
      asAdmin(async (connection) => {
        const channel = await connection.createConfirmChannel();
        for (const { body, headers = {}, group } of messages) {
          channel.sendToQueue(queue, Buffer.from(body), {
            headers: { ...headers, ...(group !== undefined && { 'postrider-group': group }) },
            messageId: randomUUID(),
            persistent: true,
          });
        }
        await channel.waitForConfirms();
      }),
    // Those that were given out and not acked, too, which is told late; those that were not, at once.
    async waiting(queue) {
      const ready = await asAdmin(async (connection) => {
        const channel = await connection.createChannel();
        return (await channel.checkQueue(queue)).messageCount;
      });
      const listed = await server.control('list_queues', 'name', 'messages');
      const line = listed.split('\n').find((each) => each.startsWith(`${queue}\t`));
      return Math.max(ready, Number(line?.split('\t')[1] ?? 0));
    },
  };
}
