import { randomBytes } from 'node:crypto';
import { type Hostility, head } from './hostility.ts';

/** Two content-lengths that disagree: request smuggling's favourite. */
export const twoLengths: Hostility = (socket) => {
  socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\nok');
};

/** A kilobyte that is not HTTP. */
export const garbage: Hostility = (socket) => {
  // A first byte that no HTTP answer has, whatever the rest happens to be.
  socket.end(Buffer.concat([Buffer.of(0), randomBytes(1023)]));
};

/** Promises 1,000 bytes, sends 10 and ends the connection in order. */
export const closeMidBody: Hostility = (socket) => {
  socket.end(`${head('200 OK', { 'content-length': 1000 })}0123456789`);
};
