import { after } from '../socket-timers.ts';
import { type Hostility, head } from './hostility.ts';

// A reset overtakes what the client has not read yet: this lets the head arrive first, so that the two resets differ.
const HEAD_START_MS = 50;

const KEPT_ALIVE = { connection: 'keep-alive', 'keep-alive': 'timeout=60', 'content-length': 2 };

/** Reads the request and never writes a byte. */
export const neverAnswers: Hostility = () => {};

/** Reads the request and resets the connection (RST). */
export const resetBeforeHeaders: Hostility = (socket) => {
  socket.resetAndDestroy();
};

/** A good head and the start of a body, then a reset. */
export const resetMidBody: Hostility = (socket) => {
  socket.write(`${head('200 OK', { 'content-length': 1000 })}0123456789`);
  after(socket, HEAD_START_MS, () => socket.resetAndDestroy());
};

/** A good answer that offers to keep the connection, which it closes at once. */
export const keepAliveClose: Hostility = (socket) => {
  socket.end(`${head('200 OK', KEPT_ALIVE)}ok`);
};

/**
 * A good answer, and a reset when the next request comes on the same connection. It is what a client sees when the server
 * closes an idle socket just as it is used again, without the luck that the race itself takes.
 */
export const keepAliveReset: Hostility = (socket) => {
  socket.once('data', () => socket.resetAndDestroy());
  socket.write(`${head('200 OK', KEPT_ALIVE)}ok`);
};
