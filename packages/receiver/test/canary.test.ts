import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startCanary } from '../src/index.ts';

it('a canary counts every connection, even one that says nothing', async () => {
  const canary = await startCanary();
  onTestFinished(() => canary.close());
  expect(canary.connections).toBe(0);
  for (let n = 1; n <= 2; n += 1) {
    await new Promise((resolve) =>
      connect(canary.port, '127.0.0.1')
        .on('error', () => {})
        .once('close', resolve)
        .resume(),
    );
    expect(canary.connections).toBe(n);
  }
});
