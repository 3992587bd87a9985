import { connect, createServer, type Socket } from 'node:net';
import { newDeliveryId, newId, publicId } from '../../apps/server/src/core/ids.ts';
import { decodeSecret, sign } from '../../packages/webhook/src/index.ts';
import { SECRET } from '../workload.ts';
import { answer } from './answer.ts';
import { openLeastStore } from './least-store.ts';

/**
 * The floor under any engine of this kind: as children/prototype.ts, and without HTTP libraries as well. It writes requests
 * and answers by hand on bare sockets and reads of them what it must, trusting everybody: for measuring, and for nothing else.
 */
const key = decodeSecret(SECRET);
/** Requests that are out at once. */
const WIRE = 512;

answer({
  /** @returns where POST /v1/messages is served. */
  async start({ databaseUrl, targets }: { databaseUrl: string; targets: readonly string[] }) {
    const { accepts, sent } = await openLeastStore(databaseUrl);
    const places = targets.map((target) => new URL(target));
    const [first] = places;
    if (!first) throw new Error('nowhere to send to');
    const wire = new Wire(first);

    const server = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => socket.destroy());
      onMessage(socket, async (_head, body) => {
        const { payload } = JSON.parse(body) as { payload: unknown };
        const id = newId();
        const message = { id, payload: JSON.stringify(payload), deliveries: places.map(() => newDeliveryId(id)) };
        await accepts.submit(message);
        const webhookId = publicId('msg', id);
        const text = `{"id":"${webhookId}"}`;
        socket.write(
          `HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
        );
        const timestamp = Math.floor(Date.now() / 1000);
        for (const [n, { pathname, host }] of places.entries()) {
          const signature = sign(key, webhookId, timestamp, message.payload);
          wire.send(
            `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\nuser-agent: Postrider/1.0\r\n` +
              `webhook-id: ${webhookId}\r\nwebhook-timestamp: ${timestamp}\r\nwebhook-signature: ${signature}\r\n` +
              `content-length: ${Buffer.byteLength(message.payload)}\r\n\r\n${message.payload}`,
            () => void sent.submit(message.deliveries[n] ?? id),
          );
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  },
});

/** Requests and whoever is to be told of a 200; one at a time on each of the sockets. */
class Wire {
  readonly #place: URL;
  readonly #free: Socket[] = [];
  readonly #waiting: { request: string; onSent: () => void }[] = [];
  readonly #onSent = new WeakMap<Socket, () => void>();
  #open = 0;

  constructor(place: URL) {
    this.#place = place;
  }

  send(request: string, onSent: () => void): void {
    const socket = this.#free.pop() ?? (this.#open < WIRE ? this.#dial() : undefined);
    if (!socket) return void this.#waiting.push({ request, onSent });
    this.#onSent.set(socket, onSent);
    socket.write(request);
  }

  #dial(): Socket {
    this.#open++;
    const socket = connect({ port: Number(this.#place.port), host: this.#place.hostname, noDelay: true });
    onMessage(socket, (head) => {
      if (head.startsWith('HTTP/1.1 200')) this.#onSent.get(socket)?.();
      this.#free.push(socket);
      const next = this.#waiting.shift();
      if (next) this.send(next.request, next.onSent);
    });
    return socket;
  }
}

const LENGTH = /\r\ncontent-length: *(\d+)/i;

/** Calls back for each whole message with a content-length, or none, that comes. */
function onMessage(socket: Socket, receive: (head: string, body: string) => void): void {
  let rest: Buffer | null = null;
  socket.on('data', (chunk: Buffer) => {
    let bytes = rest ? Buffer.concat([rest, chunk]) : chunk;
    for (;;) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) break;
      const head = bytes.toString('latin1', 0, end);
      const from = end + 4;
      const to = from + Number(LENGTH.exec(head)?.[1] ?? 0);
      if (bytes.length < to) break;
      receive(head, bytes.toString('utf8', from, to));
      bytes = bytes.subarray(to);
    }
    rest = bytes.length > 0 ? bytes : null;
  });
}
