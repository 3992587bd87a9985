import { startReceiver } from '../../packages/receiver/src/index.ts';
import { machineMs } from '../clock.ts';
import { answer } from './answer.ts';

/** Of each message that came to /timed: when its first request was read, by the machine's time. */
const receipts = new Map<string, number>();

/** The customers' side: answers 200 and counts. */
const receiver = await startReceiver({
  record: 'none',
  behaviours: {
    timed({ webhookId = '' }) {
      if (!receipts.has(webhookId)) receipts.set(webhookId, machineMs());
      return { status: 200 };
    },
  },
});

/** Nothing for so long, and no more is expected. */
const STALLED_MS = 30_000;

answer({
  url: async () => receiver.url,
  hostile: async () => receiver.hostile,
  count: async () => receiver.counts.total,
  /** Resolves to the machine's time at which the count was first seen at `total`; rejects where it stands still. */
  until: ({ total }: { total: number }) => reached(() => receiver.counts.total, total),
  /** Resolves to when each message came, once there are so many, and forgets them. */
  async receipts({ total }: { total: number }) {
    await reached(() => receipts.size, total);
    const found = [...receipts];
    receipts.clear();
    return found;
  },
});

function reached(count: () => number, total: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let seen = count();
    let seenAt = machineMs();
    const look = () => {
      const now = machineMs();
      if (count() >= total) return resolve(now);
      if (count() > seen) seenAt = now;
      else if (now - seenAt > STALLED_MS) return reject(new Error(`only ${count()} of ${total} came`));
      seen = count();
      setTimeout(look, 2);
    };
    look();
  });
}
