import { connect, type Socket } from 'node:net';
import type { ResolvedAddress } from './resolve.ts';

/** Opens a TCP connection to a checked address: returns at once, with `connect` or `error` to follow. */
export type Dial = (address: ResolvedAddress, port: number) => Socket;

export const dialTcp: Dial = ({ address, family }, port) =>
  connect({ host: address, port, family, noDelay: true, autoSelectFamily: false });

/** RFC 8305: how long one address has the field to itself. */
const STAGGER_MS = 250;

/** A name may carry hundreds of addresses; past these it is a dead receiver, or a way to make us scan a network. */
const MAX_ADDRESSES = 8;

/**
 * Dials the addresses in their order, the next one when the last failed or has not answered within 250 ms, and takes
 * the first that connects. All others are closed. Rejects with the last failure, or when `signal` fires.
 */
export function dialFirst(
  dial: Dial,
  addresses: readonly ResolvedAddress[],
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const candidates = addresses.slice(0, MAX_ADDRESSES);
    const open = new Set<Socket>();
    let timer: NodeJS.Timeout | undefined;
    let done = false;

    const finish = (winner: Socket | null, reason?: unknown) => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      if (winner !== null) open.delete(winner);
      for (const socket of open) socket.destroy();
      if (winner === null) reject(reason);
      else resolve(winner);
    };
    const onAbort = () => finish(null, signal.reason);

    const next = () => {
      clearTimeout(timer);
      const address = candidates.shift();
      if (address === undefined || done) return;
      const socket = dial(address, port);
      open.add(socket);
      socket.once('connect', () => finish(socket));
      // Kept for the socket's life: between here and undici's own listener an error would end the process.
      socket.on('error', (error) => {
        open.delete(socket);
        if (candidates.length > 0) next();
        else if (open.size === 0) finish(null, error);
      });
      if (candidates.length > 0) timer = setTimeout(next, STAGGER_MS);
    };

    if (signal.aborted) return finish(null, signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    next();
  });
}
