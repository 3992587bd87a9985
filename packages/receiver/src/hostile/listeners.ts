import { createServer, type Socket } from 'node:net';
import { type Listening, listen, originOf } from '../listening.ts';
import type { Recorder } from '../recorder.ts';
import { head } from './hostility.ts';
import { readRawRequest } from './raw-request.ts';
import { HOSTILITIES, type HostileName } from './table.ts';

export interface HostileListeners {
  readonly urls: Readonly<Record<HostileName, string>>;
  /** Accepts connections and leaves them be: as `https:`, a TLS handshake that stalls. */
  readonly silentPort: number;
  close(): Promise<void>;
}

function isName(name: string): name is keyof typeof HOSTILITIES {
  return Object.hasOwn(HOSTILITIES, name);
}

function serve(recorder: Recorder): (socket: Socket) => void {
  return (socket) => {
    readRawRequest(socket, (arrival) => {
      if (recorder.mode === 'none') recorder.tick();
      else recorder.record(arrival);
      const name = arrival.path.split('/')[1] ?? '';
      if (isName(name)) HOSTILITIES[name](socket);
      else socket.end(head('404 Not Found', { 'content-length': 0, connection: 'close' }));
    });
  };
}

async function listenRaw(host: string, port: number, act: (socket: Socket) => void): Promise<Listening> {
  const server = createServer((socket) => {
    socket.on('error', () => {}); // Clients give up on us by resetting: that is the point, and no failure of ours.
    act(socket);
  });
  return listen(server, host, port);
}

/** The three raw ports: one that reads a request and acts by its path, one that hangs up, one that does nothing at all. */
export async function startHostile(host: string, port: number, recorder: Recorder): Promise<HostileListeners> {
  const byPath = await listenRaw(host, port, serve(recorder));
  const closing = await listenRaw(host, 0, (socket) => socket.destroy());
  const silent = await listenRaw(host, 0, (socket) => socket.pause());

  const origin = originOf('http', host, byPath.port);
  const urls = {
    ...Object.fromEntries(Object.keys(HOSTILITIES).map((name) => [name, `${origin}/${name}`])),
    'accept-close': `${originOf('http', host, closing.port)}/accept-close`,
    silent: `${originOf('http', host, silent.port)}/silent`,
  } as Record<HostileName, string>;
  const close = async () => {
    await Promise.all([byPath.close(), closing.close(), silent.close()]);
  };
  return { urls, silentPort: silent.port, close };
}
