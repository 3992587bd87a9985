import { parentPort, workerData } from 'node:worker_threads';
import { openEngine } from './engine.ts';

/** The thread that runs the engine: protocol bytes in, protocol bytes out; 'close' shuts it down cleanly. */
const port = parentPort;
if (!port) throw new Error('this file runs as a worker thread');
const engine = await openEngine((workerData as { folder: string }).folder);

let last: Promise<void> = Promise.resolve();
port.on('message', (message: Uint8Array | 'close') => {
  last = last.then(async () => {
    if (message === 'close') {
      await engine.close();
      port.close();
      return;
    }
    const answer = await engine.run(message);
    port.postMessage(answer, [answer.buffer]);
  });
});
port.postMessage('ready');
