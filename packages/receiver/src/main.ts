#!/usr/bin/env node
import { HELP, readCommandLine } from './command-line.ts';
import { printable } from './printable.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import type { ReceivedRequest } from './record.ts';

function print(request: ReceivedRequest): void {
  const time = new Date(request.receivedAt).toISOString().slice(11, 23);
  const verdict = request.verified ? 'verified' : request.reason;
  const line = `${request.method} ${request.path}${request.query} ${request.webhookId ?? '-'}`;
  console.log(`${time} ${printable(line)} ${verdict}`);
}

async function introduce(receiver: Receiver, tls: boolean): Promise<void> {
  console.log(`receiver  ${receiver.url}\ninbox     ${receiver.url}/  (in a browser)`);
  for (const [name, url] of Object.entries(receiver.hostile)) console.log(`hostile   ${name.padEnd(20)} ${url}`);
  if (!tls) return;
  const { ca, ...urls } = await receiver.tls();
  for (const [name, url] of Object.entries(urls)) console.log(`tls       ${name.padEnd(20)} ${url}`);
  console.log(`The authority that a client must trust for "valid":\n${ca}`);
}

async function main(): Promise<void> {
  const { help, tls, quiet, ...options } = readCommandLine(process.argv.slice(2));
  if (help) {
    process.stdout.write(HELP);
    return;
  }
  const receiver = await startReceiver({ ...options, ...(!quiet && { onRequest: print }) });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => receiver.close());
  await introduce(receiver, tls);
}

function isTakenPort(error: Error): boolean {
  return 'code' in error && error.code === 'EADDRINUSE';
}

main().catch((error: Error) => {
  const advice = isTakenPort(error) ? ' (--port 0 takes any free one)' : '';
  console.error(`${error.message}${advice}\nSee --help.`);
  process.exitCode = 1;
});
