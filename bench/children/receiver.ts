import { startReceiver } from '../../packages/receiver/src/index.ts';
import { machineMs } from '../clock.ts';
import { answer } from './answer.ts';

/** The customers' side: answers 200 and counts. */
const receiver = await startReceiver({ record: 'none' });

/** Nothing for so long, and no more is expected. */
const STALLED_MS = 30_000;

answer({
  url: async () => receiver.url,
  count: async () => receiver.counts.total,
  /** Resolves to the machine's time at which the count was first seen at `total`; rejects where it stands still. */
  until: ({ total }: { total: number }) =>
    new Promise((resolve, reject) => {
      let seen = receiver.counts.total;
      let seenAt = machineMs();
      const look = () => {
        const now = machineMs();
        const count = receiver.counts.total;
        if (count >= total) return resolve(now);
        if (count > seen) seenAt = now;
        else if (now - seenAt > STALLED_MS) return reject(new Error(`only ${count} of ${total} requests came`));
        seen = count;
        setTimeout(look, 2);
      };
      look();
    }),
});
