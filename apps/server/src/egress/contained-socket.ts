import type { Socket } from 'node:net';

/** Looks at what a socket received before its listeners do; throws where they must not see it. */
export type Inspect = (chunk: Buffer) => void;

/** Longer than any broker lets one wait for a first word: SQS, 20 s where nothing is queued. */
const SILENT_MS = 30_000;

const contained = new WeakSet<Socket>();

/**
 * Keeps what goes wrong with a socket to that socket: what a listener of it throws destroys it. Nobody else would catch
 * that, and the process would end, for bytes that a stranger chose. A client that throws in the middle of what it reads
 * is not asked to go on either. And a server that never says anything is left: the client of NATS forgets the socket that
 * it gave up on, and does not close it.
 *
 * @param inspect of a new connection; the one before, of a socket that is connected again, counts no more.
 */
export function contain(socket: Socket, inspect: Inspect | null, onClose: () => void): void {
  if (contained.has(socket)) Reflect.deleteProperty(socket, 'emit');
  contained.add(socket);
  const { emit } = socket;
  let silence: NodeJS.Timeout | undefined;
  const value = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'connect') silence = setTimeout(leaveSilent, SILENT_MS, socket).unref();
    if (event === 'close') {
      clearTimeout(silence);
      onClose();
    }
    try {
      const [chunk] = args;
      if (event === 'data' && Buffer.isBuffer(chunk)) inspect?.(chunk);
      return Reflect.apply(emit, socket, [event, ...args]);
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)));
      return true;
    }
  };
  Object.defineProperty(socket, 'emit', { value, writable: true, configurable: true });
}

function leaveSilent(socket: Socket): void {
  if (socket.bytesRead === 0) socket.destroy(new Error(`the server said nothing for ${SILENT_MS / 1_000} s`));
}

export function isContained(socket: Socket): boolean {
  return contained.has(socket);
}
