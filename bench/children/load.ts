import { machineMs } from '../clock.ts';
import { answer } from './answer.ts';
import { timeCalls } from './calls.ts';
import { closedLoop } from './closed-loop.ts';
import { openLoop, type Schedule } from './open-loop.ts';

/** The producer. */
answer({
  /** As fast as answers come, so many calls at a time. Counts what was accepted. */
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
  /** By the clock. */
  schedule: (schedule: Schedule) => openLoop(schedule),
  /** One by one. */
  time: (question: Parameters<typeof timeCalls>[0]) => timeCalls(question),
});

interface Publish {
  url: string;
  key: string;
  body: string;
  count: number;
  connections: number;
}
