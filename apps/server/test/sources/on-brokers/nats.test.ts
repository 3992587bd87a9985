import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers as noHeaders } from '@nats-io/transport-node';
import { missing, openNats } from '../../kit/brokers/nats.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('nats', open, missing);
crashes('nats', open, missing);

async function open(): Promise<SourceStage> {
  const { stage, asAdmin } = await openNats({ retention: 'workqueue' });
  return {
    ...stage,
    publish: (queue, messages) =>
      asAdmin(async (admin) => {
        const js = jetstream(admin);
        await Promise.all(
          messages.map(({ body, headers = {}, group }) => {
            const native = noHeaders();
            for (const [name, value] of Object.entries(headers)) native.set(name, value);
            if (group !== undefined) native.set('postrider-group', group);
            return js.publish(queue, body, { headers: native });
          }),
        );
      }),
    waiting: (queue) =>
      asAdmin(async (admin) => (await (await jetstreamManager(admin)).streams.info(queue)).state.messages),
  };
}
