import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll } from 'vitest';

/** Of those that have one: it must not be seen again. */
export const PASSWORD = 'correct-horse-battery';

/**
 * Says yes to whatever a publisher asks of Redis, has nothing for receivers but an entry that is no event for each of a stream
 * `bad`, and notes it all. No Redis: what matters is what is made of the answers.
 */
export async function startQuietRedis() {
  const sockets = new Set<Socket>();
  const commands: string[][] = [];
  const served = new Set<string>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}).unref());
    let rest = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      rest += chunk;
      for (let read = readCommand(rest); read; read = readCommand(rest)) {
        rest = rest.slice(read.length);
        commands.push(read.command);
        if (read.command[0] === 'XREADGROUP') {
          const receiver = read.command[3] ?? '';
          // Who waits for entries waits on.
          if (!read.command.includes('bad') || served.has(receiver)) continue;
          served.add(receiver);
          socket.write(BAD_ENTRY);
          continue;
        }
        socket.write(/^EVAL/.test(read.command[0] ?? '') ? ':1\r\n' : '+OK\r\n');
      }
    });
  });
  await once(server.listen(0, '127.0.0.1').unref(), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return {
    url: `redis://127.0.0.1:${address.port}`,
    commands,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** One for all tests of the block, and configs that lead there. */
export function quietRedisOn(stream: string) {
  let up: Awaited<ReturnType<typeof startQuietRedis>>;
  beforeAll(async () => {
    up = await startQuietRedis();
  });
  afterAll(() => up?.close());
  return {
    get url() {
      return up.url;
    },
    get commands() {
      return up.commands;
    },
    config: (more: object = {}) => ({ url: up.url, stream, username: 'me', password: PASSWORD, ...more }),
  };
}

const BAD_ENTRY = '*1\r\n*2\r\n$3\r\nbad\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$4\r\nbody\r\n$8\r\nno event\r\n';

/** The first of what came, if it is there whole. */
function readCommand(text: string): { command: string[]; length: number } | null {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (!head) return null;
  const command: string[] = [];
  let at = head[0].length;
  while (command.length < Number(head[1])) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at, at + 20));
    if (!size) return null;
    const start = at + size[0].length;
    at = start + Number(size[1]) + 2;
    if (text.length < at) return null;
    command.push(text.slice(start, at - 2));
  }
  return { command, length: at };
}
