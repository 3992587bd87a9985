import { MemoryBroker, MemoryQueue } from '../../src/index.ts';
import { conformance } from './suite.ts';

conformance('memory', async () => {
  const broker = new MemoryBroker();
  return {
    kind: 'memory',
    version: `Node ${process.versions.node}`,
    open: async (queue) => new MemoryQueue(broker, queue),
    server: {
      async halt() {
        broker.isUp = false;
      },
      async resume() {
        broker.isUp = true;
      },
    },
    users: null,
    close: async () => {},
  };
});
