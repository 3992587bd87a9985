import type { Child } from './processes.ts';
import { CONNECTIONS, PAYLOAD, SECRET } from './workload.ts';

/** The yardstick: deliveries per second of signed POSTs to our receiver and nothing else. */
export class BareLoop {
  readonly #sender: Child;
  readonly #receiver: Child;
  readonly rounds: number[] = [];

  private constructor(sender: Child, receiver: Child) {
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** Warms both sides up first: the first 20,000 of a process are compiled on the way. */
  static async warm(sender: Child, receiver: Child): Promise<BareLoop> {
    const loop = new BareLoop(sender, receiver);
    await loop.#run(20_000);
    return loop;
  }

  /** One round, deliveries per second. */
  async round(count: number): Promise<number> {
    const perSecond = await this.#run(count);
    this.rounds.push(perSecond);
    return perSecond;
  }

  async #run(count: number): Promise<number> {
    const before = await this.#receiver.ask<number>('count');
    const done = this.#receiver.ask<number>('until', { total: before + count });
    const { startedAt, sent } = await this.#sender.ask<{ startedAt: number; sent: number }>('run', {
      url: await this.#receiver.ask<string>('url'),
      path: '/ok/0',
      secret: SECRET,
      body: JSON.stringify(PAYLOAD),
      count,
      connections: CONNECTIONS,
    });
    if (sent !== count) throw new Error(`the bare loop got ${sent} answers of 200 to ${count} requests`);
    return (count * 1000) / ((await done) - startedAt);
  }
}
