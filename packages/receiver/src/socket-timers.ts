import type { EventEmitter } from 'node:events';

/** A socket or a response: all that a timer needs to know is that it ends with `close`. */
type Closing = Pick<EventEmitter, 'once' | 'off'>;

// Every timer here is bound to a socket or a response and dies with it, so closing the sockets closes the receiver.

export function after(owner: Closing, ms: number, act: () => void): void {
  const cancel = () => clearTimeout(timer);
  const timer = setTimeout(() => {
    owner.off('close', cancel);
    act();
  }, ms);
  owner.once('close', cancel);
}

export function every(owner: Closing, ms: number, act: () => void): void {
  const timer = setInterval(act, ms);
  owner.once('close', () => clearInterval(timer));
}
