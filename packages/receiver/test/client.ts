import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { decodeSecret, sign } from '@postrider/webhook';

export interface Received {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Posting extends Omit<RequestOptions, 'headers'> {
  body?: string;
  headers?: Record<string, string>;
  ca?: string;
  servername?: string;
}

/** One request of Node's own client; rejects with its error. */
export function post(url: string, { body = '', headers = {}, ...options }: Posting = {}): Promise<Received> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = { ...headers, 'content-length': String(Buffer.byteLength(body)) };
    const request = send(url, { method: 'POST', agent: false, ...options, headers: sent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const received = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: received });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

export function signed(secret: string, id: string, body: string): Record<string, string> {
  const timestamp = Math.floor(Date.now() / 1000);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': sign(decodeSecret(secret), id, timestamp, body),
  };
}

/** A bare socket that has sent one POST: sees what no HTTP client would let through. */
export class RawClient {
  readonly socket: Socket;
  /** The error code it ended with, or `end` if it ended in order. */
  readonly ended: Promise<string>;
  #received = '';

  constructor(url: string) {
    const { hostname, port, pathname } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.setEncoding('latin1');
    this.socket.on('data', (chunk: string) => {
      this.#received += chunk;
    });
    this.ended = new Promise((resolve) => {
      this.socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      this.socket.once('close', () => resolve('end'));
    });
    this.send(pathname);
  }

  send(path: string): void {
    this.socket.write(`POST ${path} HTTP/1.1\r\nhost: test\r\nwebhook-id: msg_raw\r\ncontent-length: 2\r\n\r\n{}`);
  }

  get received(): string {
    return this.#received;
  }

  /** Resolves as soon as what was received matches; rejects if the socket closes before. */
  until(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!pattern.test(this.#received)) return;
        this.socket.off('data', look);
        resolve(this.#received);
      };
      this.socket.on('data', look);
      this.socket.once('close', () => reject(new Error(`closed before ${pattern}`)));
      look();
    });
  }

  close(): void {
    this.socket.destroy();
  }
}
