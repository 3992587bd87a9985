import type { Child } from './processes.ts';
import { CONNECTIONS, PAYLOAD, SECRET } from './workload.ts';

/** The yardstick: signed POSTs to our receiver and nothing else. */
export class BareLoop {
  readonly #sender: Child;
  readonly #receiver: Child;
  readonly #rounds: number[];

  private constructor(sender: Child, receiver: Child, rounds: number[]) {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#rounds = rounds;
  }

  /**
   * Warms both sides up first: the first 20,000 of a process are compiled on the way.
   *
   * @param rounds where each round's deliveries per second is added.
   */
  static async warm(sender: Child, receiver: Child, rounds: number[]): Promise<BareLoop> {
    const loop = new BareLoop(sender, receiver, rounds);
    await loop.#run(20_000);
    return loop;
  }

  /** One round, deliveries per second. */
  async round(count: number): Promise<number> {
    const perSecond = await this.#run(count);
    this.#rounds.push(perSecond);
    return perSecond;
  }

  /** Milliseconds of each of so many, one after the other. */
  async oneByOne(count: number): Promise<number[]> {
    return this.#sender.ask('time', { ...(await this.#what()), count });
  }

  async #run(count: number): Promise<number> {
    const what = await this.#what();
    const before = await this.#receiver.ask<number>('count');
    const [doneAt, { startedAt, sent }] = await Promise.all([
      this.#receiver.ask<number>('until', { total: before + count }),
      this.#sender.ask<{ startedAt: number; sent: number }>('run', { ...what, count, connections: CONNECTIONS }),
    ]);
    if (sent !== count) throw new Error(`the bare loop got ${sent} answers of 200 to ${count} requests`);
    return (count * 1000) / (doneAt - startedAt);
  }

  async #what() {
    return {
      url: await this.#receiver.ask<string>('url'),
      path: '/ok/0',
      secret: SECRET,
      body: JSON.stringify(PAYLOAD),
    };
  }
}
