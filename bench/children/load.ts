import { Agent, request } from 'undici';
import { answer } from './answer.ts';
import { inParallel } from './parallel.ts';

/** The producer: publishes messages, so many calls at a time, and counts what was accepted. */
answer({
  async publish({ url, key, body, count, connections }: Publish) {
    const dispatcher = new Agent({ connections });
    let accepted = 0;
    const startedAt = Date.now();
    await inParallel(count, connections, async () => {
      const response = await request(`${url}/v1/messages`, {
        method: 'POST',
        dispatcher,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body,
      });
      await response.body.dump();
      if (response.statusCode === 202) accepted++;
    });
    await dispatcher.close();
    return { startedAt, acceptedAt: Date.now(), accepted };
  },
});

interface Publish {
  url: string;
  key: string;
  body: string;
  count: number;
  connections: number;
}
