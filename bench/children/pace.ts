import { Agent, request } from 'undici';
import { answer } from './answer.ts';

const TICK_MS = 10;
/** Calls under way; at a steady pace there are a few, and where the engine stalls the pace must not pile up here. */
const MAX_UNDER_WAY = 500;

let isRunning = false;
let running: Promise<unknown> = Promise.resolve();
const figures = { accepted: 0, refused: 0, failed: 0, late: 0 };

/** The producer at a steady pace, to one application after the other. */
answer({
  async start({ url, key, paths, body, perSecond }: Pace) {
    const dispatcher = new Agent({ connections: 64 });
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    isRunning = true;
    running = (async () => {
      const startedAt = performance.now();
      const underWay = new Set<Promise<void>>();
      for (let made = 0; isRunning; await new Promise((resolve) => setTimeout(resolve, TICK_MS))) {
        const due = ((performance.now() - startedAt) / 1000) * perSecond;
        for (; made < due; made++) {
          if (underWay.size >= MAX_UNDER_WAY) {
            figures.late++;
            continue;
          }
          const call = publish(`${url}${paths[made % paths.length]}`).finally(() => underWay.delete(call));
          underWay.add(call);
        }
      }
      await Promise.all(underWay);
      await dispatcher.close();
    })();

    async function publish(to: string): Promise<void> {
      try {
        const response = await request(to, { method: 'POST', dispatcher, headers, body });
        await response.body.dump();
        if (response.statusCode === 202) figures.accepted++;
        else figures.refused++;
      } catch {
        figures.failed++;
      }
    }
  },
  figures: async () => figures,
  async stop() {
    isRunning = false;
    await running;
    return figures;
  },
});

interface Pace {
  url: string;
  key: string;
  paths: string[];
  body: string;
  perSecond: number;
}
