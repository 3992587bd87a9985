import { every } from '../socket-timers.ts';
import { type Hostility, head } from './hostility.ts';

// None of these ever lets a socket be idle for longer than 100 ms: only a total deadline ends them.
const DRIP_MS = 100;

/** One header, a byte at a time, for ever. */
export const headerDrip: Hostility = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\nx-drip: ');
  every(socket, DRIP_MS, () => socket.write('a'));
};

/** `100 Continue` for ever; the answer never comes. */
export const endlessContinue: Hostility = (socket) => {
  every(socket, DRIP_MS, () => socket.write(head('100 Continue')));
};

/** `103 Early Hints` for ever; the answer never comes. */
export const endlessHints: Hostility = (socket) => {
  every(socket, DRIP_MS, () => socket.write(head('103 Early Hints', { link: '</style.css>; rel=preload' })));
};

/** A good head, then one byte of body at a time for ever. */
export const bodyDrip: Hostility = (socket) => {
  socket.write(head('200 OK', { 'transfer-encoding': 'chunked' }));
  every(socket, DRIP_MS, () => socket.write('1\r\na\r\n'));
};
