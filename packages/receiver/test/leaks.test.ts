import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';

// A process of its own: it can only end by itself if not one socket, timer or server is left.
const SCRIPT = `
  import { connect } from 'node:net';
  import { startCanary, startReceiver } from '${new URL('../src/index.ts', import.meta.url)}';
  const receiver = await startReceiver();
  const canary = await startCanary();
  await receiver.tls();
  const urls = [...Object.values(receiver.hostile), ...['/hang', '/slow/600000', '/ok'].map((path) => receiver.url + path)];
  const ended = urls.map((url) => new Promise((resolve) => {
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(port, hostname).on('error', () => {}).on('close', resolve).resume();
    socket.write('POST ' + pathname + ' HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 0\\r\\n\\r\\n');
  }));
  receiver.waitFor(1_000_000, 600_000).catch(() => {});
  await receiver.waitFor(urls.length - 2);
  await Promise.all([receiver.close(), canary.close(), ...ended]);
  console.log('closed');
`;

it('nothing is left running once a receiver is closed in the middle of everything', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', SCRIPT], { timeout: 20_000 });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code, signal] = await once(child, 'close');
  expect({ output, code, signal }).toEqual({ output: 'closed\n', code: 0, signal: null });
});
