import { connect } from 'node:net';
import type { Reply } from './api.ts';

/**
 * Writes bytes to a port and reads what comes back until the other side closes or has answered whole: for what no HTTP
 * client would send. With `endsAfter` ours says that nothing more will come.
 */
export async function exchangeBytes(
  port: number,
  bytes: string | Uint8Array,
  options: { endsAfter?: boolean } = {},
): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  let text = '';
  return new Promise((resolve) => {
    const done = () => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(3_000, done);
    socket.on('error', done);
    socket.on('close', done);
    socket.on('end', done);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (isWhole(text)) done();
    });
    if (options.endsAfter) socket.end(bytes);
    else socket.write(bytes);
  });
}

/** "Go on", which comes before the response itself. */
const CONTINUE = /^HTTP\/1\.1 100 Continue\r\n\r\n/;

function isWhole(all: string): boolean {
  const text = all.replace(CONTINUE, '');
  if (/^HTTP\/1\.1 204 .*\r\n\r\n/s.test(text)) return true;
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1];
  return length !== undefined && text.length >= end + 4 + Number(length);
}

/** A response as text, read as what `Api` gives. */
export function parseReply(bytes: string): Reply {
  const text = bytes.replace(CONTINUE, '');
  const end = text.indexOf('\r\n\r\n');
  const head = end === -1 ? text : text.slice(0, end);
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Headers(
    lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
  // Another response may follow on the same connection.
  const length = Number(headers.get('content-length') ?? text.length);
  const body = end === -1 ? '' : text.slice(end + 4, end + 4 + length);
  const isJson = headers.get('content-type')?.includes('json') && body !== '';
  return { status: Number(statusLine.split(' ')[1]), headers, body: isJson ? JSON.parse(body) : {}, text: body };
}
