import { Client } from 'undici';

/** One POST: what differs from one to the next. */
export interface Post {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/**
 * POSTs `count` times over so many connections, each of which takes the next as soon as it has its answer. An undici
 * `Client` per connection: with an Agent or a Pool for all, each request looks for a free one (bench/senders.ts).
 *
 * @param next makes number n, counted from 0.
 * @returns how many were answered with `status`.
 */
export async function closedLoop(
  options: { url: string; count: number; connections: number; status: number },
  next: (n: number) => Post,
): Promise<number> {
  let started = 0;
  let asWanted = 0;
  await Promise.all(
    Array.from({ length: options.connections }, async () => {
      const client = new Client(options.url);
      while (started < options.count) {
        const response = await client.request({ method: 'POST', ...next(started++) });
        await response.body.dump();
        if (response.statusCode === options.status) asWanted++;
      }
      await client.close();
    }),
  );
  return asWanted;
}
