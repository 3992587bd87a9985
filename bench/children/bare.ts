import { Client } from 'undici';
import { decodeSecret, sign } from '../../packages/webhook/src/index.ts';
import { machineMs } from '../clock.ts';
import { answer } from './answer.ts';
import { closedLoop, type Post } from './closed-loop.ts';

/** The yardstick: signed POSTs of the same bytes to the same receiver over as many connections, and nothing else. */
answer({
  async run({ count, connections, url, ...what }: What & { count: number; connections: number }) {
    const post = signedPosts({ url, ...what });
    const startedAt = machineMs();
    const sent = await closedLoop({ url, count, connections, status: 200 }, post);
    return { startedAt, sent };
  },
  /** Milliseconds of each of so many, one after the other over one connection. */
  async time({ count, url, ...what }: What & { count: number }) {
    const post = signedPosts({ url, ...what });
    const client = new Client(url);
    const took: number[] = [];
    while (took.length < count) {
      const from = performance.now();
      const response = await client.request({ method: 'POST', ...post(took.length) });
      await response.body.dump();
      took.push(performance.now() - from);
    }
    await client.close();
    return took;
  },
});

interface What {
  url: string;
  path: string;
  secret: string;
  body: string;
}

/** Each signed afresh, as webhooks are. */
function signedPosts({ path, secret, body }: What): (n: number) => Post {
  const key = decodeSecret(secret);
  return (n) => {
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
  };
}
