import { machineMs } from '../clock.ts';
import { answer } from './answer.ts';
import { closedLoop } from './closed-loop.ts';

/** The producer: publishes messages, so many calls at a time, and counts what was accepted. */
answer({
  async publish({ url, key, body, count, connections }: Publish) {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const startedAt = machineMs();
    const accepted = await closedLoop({ url, count, connections, status: 202 }, () => ({
      path: '/v1/messages',
      headers,
      body,
    }));
    return { startedAt, accepted };
  },
});

interface Publish {
  url: string;
  key: string;
  body: string;
  count: number;
  connections: number;
}
