import { defineConfig } from 'vitest/config';

const server = 'apps/server/test';
/** On real brokers, each started and stopped by its own file. */
const onBrokers = ['packages/queues/test/{conformance,adapters}/**/*.test.ts', `${server}/**/on-brokers/**/*.test.ts`];

export default defineConfig({
  test: {
    projects: [
      {
        // Side by side, in any order.
        test: {
          name: 'fast',
          include: ['apps/**/*.test.ts', 'packages/**/*.test.ts'],
          exclude: ['**/node_modules/**', `${server}/processes/**`, ...onBrokers],
          globalSetup: [`${server}/kit/global-setup.ts`],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Real processes under load, killed and restarted: one file at a time, or they would starve each other.
        test: {
          name: 'processes',
          include: [`${server}/processes/**/*.test.ts`],
          globalSetup: [`${server}/kit/global-setup.ts`],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 60_000,
          // After the fast ones.
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Each file has brokers of its own, and mostly waits for them: two at a time, and last.
        test: {
          name: 'brokers',
          include: onBrokers,
          globalSetup: [`${server}/kit/global-setup.ts`],
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
