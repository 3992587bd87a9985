import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** Says yes to whatever a publisher asks of Redis, and notes it. No Redis: what matters is what is made of the answers. */
export async function startQuietRedis() {
  const sockets = new Set<Socket>();
  const commands: string[][] = [];
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    let rest = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      rest += chunk;
      for (let read = readCommand(rest); read; read = readCommand(rest)) {
        rest = rest.slice(read.length);
        commands.push(read.command);
        socket.write(/^EVAL/.test(read.command[0] ?? '') ? ':1\r\n' : '+OK\r\n');
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
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
