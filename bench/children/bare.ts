import { Agent, request } from 'undici';
import { decodeSecret, sign } from '../../packages/webhook/src/index.ts';
import { answer } from './answer.ts';
import { inParallel } from './parallel.ts';

/** The yardstick: signed POSTs of the same bytes to the same receiver over as many connections, and nothing else. */
answer({
  async run({ url, secret, body, count, connections }: Run) {
    const key = decodeSecret(secret);
    const dispatcher = new Agent({ connections });
    const startedAt = Date.now();
    await inParallel(count, connections, async (n) => {
      const id = `msg_bare${n}`;
      const timestamp = Math.floor(Date.now() / 1000);
      const response = await request(url, {
        method: 'POST',
        dispatcher,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Postrider/1.0',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': sign(key, id, timestamp, body),
        },
        body,
      });
      if (response.statusCode !== 200) throw new Error(`the receiver answered ${response.statusCode}`);
      await response.body.dump();
    });
    await dispatcher.close();
    return { startedAt };
  },
});

interface Run {
  url: string;
  secret: string;
  body: string;
  count: number;
  connections: number;
}
