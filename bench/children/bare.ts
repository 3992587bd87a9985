import { decodeSecret, sign } from '../../packages/webhook/src/index.ts';
import { machineMs } from '../clock.ts';
import { answer } from './answer.ts';
import { closedLoop } from './closed-loop.ts';

/** The yardstick: signed POSTs of the same bytes to the same receiver over as many connections, and nothing else. */
answer({
  async run({ url, path, secret, body, count, connections }: Run) {
    const key = decodeSecret(secret);
    const startedAt = machineMs();
    const sent = await closedLoop({ url, count, connections, status: 200 }, (n) => {
      const id = `msg_bare${n}`;
      const timestamp = Math.floor(Date.now() / 1000);
      return {
        path,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Postrider/1.0',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': sign(key, id, timestamp, body),
        },
        body,
      };
    });
    return { startedAt, sent };
  },
});

interface Run {
  url: string;
  path: string;
  secret: string;
  body: string;
  count: number;
  connections: number;
}
