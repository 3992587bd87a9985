import { missing, openRabbit } from '../../kit/brokers/amqp.ts';
import type { DestinationStage, Found } from './stage.ts';
import { destinations } from './suite.ts';

destinations('amqp', open, missing);

async function open(): Promise<DestinationStage> {
  // As docs/brokers/amqp.md names them, for those who only publish.
  const { stage, asAdmin } = await openRabbit('^$', '^amq\\.default$', '^$');
  return {
    ...stage,
    deleteQueue: (queue) =>
      asAdmin(async (connection) => void (await (await connection.createChannel()).deleteQueue(queue))),
    // What is not acked goes back when the connection ends.
    read: (queue) =>
      asAdmin(async (connection) => {
        const channel = await connection.createChannel();
        const found: Found[] = [];
        for (let message = await channel.get(queue); message; message = await channel.get(queue)) {
          const headers = Object.entries(message.properties.headers ?? {}).map(([name, value]) => [
            name,
            String(value),
          ]);
          found.push({ body: message.content.toString(), headers: Object.fromEntries(headers) });
        }
        return found;
      }),
    tooLarge: null,
  };
}
