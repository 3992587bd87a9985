import type { IncomingMessage } from 'node:http';

/**
 * Calls back once with the whole body, or with undefined if it was longer than `limit` bytes (the rest is thrown away as
 * it comes). Never calls back for a request that was cut off. A callback and not a promise: the bench counts on it.
 */
export function readBody(request: IncomingMessage, limit: number, done: (body: Buffer | undefined) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= limit) chunks.push(chunk);
    else chunks.length = 0;
  });
  request.on('end', () => {
    if (length > limit) return done(undefined);
    const [first] = chunks;
    done(chunks.length === 1 && first ? first : Buffer.concat(chunks));
  });
  request.on('error', () => {}); // The sender hung up: nothing was received.
}
