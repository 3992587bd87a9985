import { startReceiver } from '../../packages/receiver/src/index.ts';
import { answer } from './answer.ts';

/** The customers' side: answers 200 and counts. Asked `await`, it says when so many requests had come. */
const receiver = await startReceiver({ record: 'none' });

answer({
  url: async () => receiver.url,
  hostile: async () => receiver.hostile,
  count: async () => receiver.counts.total,
  /** Resolves to the time (ms since 1970) at which the count was first seen at `total`. */
  until: ({ total }: { total: number }) =>
    new Promise((resolve) => {
      const look = () => (receiver.counts.total >= total ? resolve(Date.now()) : setTimeout(look, 2));
      look();
    }),
});
