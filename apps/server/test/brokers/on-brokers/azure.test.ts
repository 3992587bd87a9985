import { openServiceBus } from '../../kit/brokers/azure.ts';
import type { DestinationStage, Found } from './stage.ts';
import { destinations } from './suite.ts';

destinations('azure', open, null);

async function open(): Promise<DestinationStage> {
  const { stage, server, clientOf } = await openServiceBus('Send');
  const found = new Map<string, Found[]>();
  return {
    ...stage,
    deleteQueue: (queue) => server.removeQueue(queue),
    async read(queue) {
      const all = found.get(queue) ?? [];
      found.set(queue, all);
      const client = clientOf(queue);
      const receiver = client.createReceiver(queue, { receiveMode: 'receiveAndDelete', skipParsingBodyAsJson: true });
      for (;;) {
        const messages = await receiver.receiveMessages(100, { maxWaitTimeInMs: 500 });
        if (messages.length === 0) break;
        for (const { body, applicationProperties = {} } of messages) {
          const headers = Object.entries(applicationProperties).map(([name, value]) => [name, String(value)]);
          all.push({ body: Buffer.from(body).toString(), headers: Object.fromEntries(headers) });
        }
      }
      await client.close();
      return all;
    },
    tooLarge: null,
  };
}
