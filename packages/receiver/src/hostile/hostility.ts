import type { Socket } from 'node:net';

/** Does its harm on a socket whose request has been read; must stop when the socket closes. */
export type Hostility = (socket: Socket) => void;

/** The head of an answer, in the bytes that go out. */
export function head(status: string, headers: Readonly<Record<string, string | number>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status}\r\n${lines.join('')}\r\n`;
}
