import { connect, createServer, type Socket } from 'node:net';
import { createEgressClient, type EgressClientOptions } from '../../src/egress/client.ts';
import type { Dial } from '../../src/egress/dial.ts';
import type { EgressRequest, Exchange } from '../../src/egress/exchange.ts';
import { type Exemption, parseExemptions } from '../../src/egress/exemptions.ts';
import type { EgressPolicy } from '../../src/egress/policy.ts';
import type { ResolvedAddress } from '../../src/egress/resolve.ts';

/** As in production: https at 443 and 8443, nothing exempt. */
export const STRICT: EgressPolicy = { allowHttp: false, ports: new Set([443, 8443]), exempt: [], own: [] };

/** Strict about addresses and names, lax about scheme and port: what most tables look at. */
export const LAX: EgressPolicy = { allowHttp: true, ports: 'any', exempt: [], own: [] };

/** For receivers on loopback. */
export const LOCAL: EgressPolicy = { ...LAX, exempt: exempting('127.0.0.0/8, ::1') };

export function exempting(text: string): Exemption[] {
  const parsed = parseExemptions(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.exemptions;
}

/** A client that is closed, and then must hold nothing, at the end of the block. */
export function client(options: Partial<EgressClientOptions> = {}) {
  const egress = createEgressClient({ policy: LOCAL, ...options });
  return {
    egress,
    send: (url: string, more: Partial<EgressRequest> = {}): Promise<Exchange> =>
      egress.send({ url, headers: { 'content-type': 'application/json' }, body: '{}', deadlineMs: 5_000, ...more }),
    async [Symbol.asyncDispose]() {
      await egress.close();
      const left = egress.size;
      if (left.origins + left.idle + left.active > 0) throw new Error(`egress leaks ${JSON.stringify(left)}`);
    },
  };
}

/** Takes every address for `port` on loopback; the socket says it is connected to the address asked for. */
export function stageDial(port: number, dialled: string[] = []): Dial {
  return ({ address }: ResolvedAddress) => {
    dialled.push(address);
    const socket = connect({ host: '127.0.0.1', port });
    Object.defineProperty(socket, 'remoteAddress', { get: () => address });
    return socket;
  };
}

export function resolving(...addresses: string[]): () => Promise<ResolvedAddress[]> {
  return async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
}

/** A raw listener on loopback; `sockets` counts the connections. */
export async function listener(onSocket: (socket: Socket, nth: number) => void) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    onSocket(socket, sockets.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}/`,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
