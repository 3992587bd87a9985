import type { Socket } from 'node:net';

/** Writes chunks as fast as the client reads them and no faster, until there are no more or the socket is gone. */
export function pump(socket: Socket, chunks: Iterator<Uint8Array>): void {
  const write = () => {
    while (!socket.destroyed) {
      const { value, done } = chunks.next();
      if (done) {
        socket.end();
        return;
      }
      if (!socket.write(value)) {
        socket.once('drain', write);
        return;
      }
    }
  };
  write();
}
