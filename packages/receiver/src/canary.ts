import { createServer } from 'node:net';
import { listen } from './listening.ts';

export interface Canary {
  readonly port: number;
  /** Every TCP connection so far, whatever came over it. */
  readonly connections: number;
  close(): Promise<void>;
}

/** A listener at an address that must never be reached: `connections` is 0 only if no packet went there. */
export async function startCanary(host = '127.0.0.1'): Promise<Canary> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {});
    socket.destroy();
  });
  const { port, close } = await listen(server, host);
  return {
    port,
    close,
    get connections() {
      return connections;
    },
  };
}
