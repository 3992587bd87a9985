import type { Socket } from 'node:net';
import type { Arrival } from '../recorder.ts';

// Far above any webhook; a bound, so that a hostile client cannot fill a hostile server.
const MAX_BYTES = 8 * 1024 * 1024;

function parseHead(text: string): Omit<Arrival, 'body'> {
  const [requestLine = '', ...lines] = text.split('\r\n');
  const [method = '', target = ''] = requestLine.split(' ');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const mark = target.indexOf('?');
  return {
    method,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark),
    headers,
  };
}

/**
 * Reads the first request of a socket and calls back once. Just enough HTTP for a webhook sender: a body is taken by its
 * content-length; a chunked one is left unread and recorded as empty.
 */
export function readRawRequest(socket: Socket, done: (arrival: Arrival) => void): void {
  let received: Buffer = Buffer.alloc(0);
  const read = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const end = received.indexOf('\r\n\r\n');
    if (received.length > MAX_BYTES) socket.destroy();
    if (end < 0 || socket.destroyed) return;
    const head = parseHead(received.toString('latin1', 0, end));
    const bodyEnd = end + 4 + (Number(head.headers['content-length'] ?? 0) || 0);
    if (received.length < bodyEnd) return;
    socket.off('data', read);
    done({ ...head, body: received.subarray(end + 4, bodyEnd) });
    socket.resume(); // Nobody may be listening now, and a socket that is not read from does not notice that it closed.
  };
  socket.on('data', read);
}
