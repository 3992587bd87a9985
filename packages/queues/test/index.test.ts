import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

test('a process that only knows of the brokers loads none of their clients', async () => {
  const index = fileURLToPath(new URL('../src/index.ts', import.meta.url));
  const script = `
    await import(${JSON.stringify(index)});
    const { createRequire } = await import('node:module');
    console.log(JSON.stringify(Object.keys(createRequire(${JSON.stringify(index)}).cache)));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
  const loaded: string[] = JSON.parse(stdout);
  const client =
    /node_modules\/(@redis|@nats-io|@platformatic|@aws-sdk|@azure|rhea|amqplib|@google-cloud|google-gax|@grpc)/;
  expect(loaded.filter((path) => client.test(path))).toEqual([]);
});
