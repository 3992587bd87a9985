import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { generateSecret } from '@postrider/webhook';
import { expect, it, onTestFinished } from 'vitest';
import { post, signed } from './client.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

interface Program {
  readonly child: ChildProcess;
  readonly exit: Promise<unknown[]>;
  /** All that was printed so far, once it matches. */
  printed(pattern: RegExp): Promise<RegExpMatchArray>;
}

function run(...args: string[]): Program {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  const printed = (pattern: RegExp) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const look = (chunk = '') => {
        output += chunk;
        const match = output.match(pattern);
        if (match) resolve(match);
      };
      child.stdout.setEncoding('utf8').on('data', look);
      child.stderr.setEncoding('utf8').on('data', look);
      child.once('close', () => reject(new Error(`ended without ${pattern}: ${output}`)));
      look();
    });
  return { child, exit: once(child, 'exit'), printed };
}

it('prints its address and a line for each request, and stops when told', async () => {
  const secret = generateSecret();
  const program = run('--port', '0', '--secret', `/ok/acme=${secret}`);
  const [, url] = await program.printed(/receiver {2}(http:\S+)\n[\s\S]*hostile {3}keep-alive-reset\s+http:\S+\n/);
  const line = program.printed(/POST \/ok\/acme msg_1 verified\n/);
  await post(`${url}/ok/acme`, { body: '{}', headers: signed(secret, 'msg_1', '{}') });
  await line;
  program.child.kill('SIGTERM');
  expect(await program.exit).toEqual([0, null]);
});

it('prints the TLS addresses and their authority', async () => {
  const program = run('--port', '0', '--tls');
  await program.printed(/valid\s+https:\S+\n[\s\S]*expired\s+https:\S+\n[\s\S]*-----END CERTIFICATE-----/);
});

it('--help teaches every path and flag', async () => {
  const program = run('--help');
  await program.printed(/\/fail-times\/3[\s\S]*--hostile-port[\s\S]*--help/);
  expect(await program.exit).toEqual([0, null]);
});

it.each([
  [['--port', 'x'], /--port is a whole number/],
  [['--record', 'some'], /--record is full, count or none/],
  [['--secret', 'whsec_c2hvcnQ='], /a webhook secret has 24 to 64 bytes, not 5/],
  [['--nonsense'], /nonsense[\s\S]*See --help/],
])('%j is explained', async (args, explanation) => {
  const program = run(...args);
  await program.printed(explanation);
  expect(await program.exit).toEqual([1, null]);
});

it('a taken port is explained', async () => {
  const first = run('--port', '0');
  const [, port = ''] = await first.printed(/receiver {2}http:\S+:(\d+)\n/);
  await run('--port', port).printed(/EADDRINUSE[\s\S]*--port 0 takes any free one/);
});
