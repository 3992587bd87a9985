import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { missing, openNats } from '../../kit/brokers/nats.ts';
import type { DestinationStage, Found } from './stage.ts';
import { destinations } from './suite.ts';

const MAX_BYTES = 100_000;

destinations('nats', open, missing);

async function open(): Promise<DestinationStage> {
  const { stage, asAdmin } = await openNats({ max_msg_size: MAX_BYTES });
  return {
    ...stage,
    deleteQueue: (queue) =>
      asAdmin(async (admin) => void (await (await jetstreamManager(admin)).streams.delete(queue))),
    read: (queue) =>
      asAdmin(async (admin) => {
        const { state } = await (await jetstreamManager(admin)).streams.info(queue);
        const found: Found[] = [];
        const stream = await jetstream(admin).streams.get(queue);
        for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
          const message = await stream.getMessage({ seq });
          const headers = [...(message?.header ?? [])].map(([name, values]) => [name, values[0] ?? '']);
          found.push({ body: message?.string() ?? '', headers: Object.fromEntries(headers) });
        }
        return found;
      }),
    tooLarge: MAX_BYTES,
  };
}
