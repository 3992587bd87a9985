import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { QueuePort } from '../../src/index.ts';
import type { OwnServer } from '../brokers/own-server.ts';
import { freePort } from '../brokers/server-process.ts';
import { type Theirs, theirs } from '../brokers/theirs.ts';
import { notRun } from './stage.ts';

export interface RefusalStage {
  /** A port to a broker at this place, with credentials that would do. */
  at(host: string, port: number): QueuePort;
  /** To the broker under test. Null where it knows no users. */
  readonly withWrongPassword: (() => QueuePort) | null;
  /** To a queue that is not there and is not to be made. */
  withoutQueue(): QueuePort;
  /** To the broker under test, to a queue that is made where it has to be. */
  open(): QueuePort;
  /** The server stands still, with all its connections, and goes on. Null where that cannot be done. */
  readonly process: Pick<OwnServer, 'freeze' | 'thaw'> | null;
  close(): Promise<void>;
}

/** What cannot be is refused with its reason, within 10 s and not with a wait that never ends. */
export function refusals(kind: string, open: () => Promise<RefusalStage>, missing: string | null): void {
  const their = theirs(kind);
  check(kind, their ? async () => theirStage(their) : open, their ? null : missing);
}

function theirStage(their: Theirs): RefusalStage {
  return {
    at: their.at,
    withWrongPassword: null,
    withoutQueue: () => their.open(`none-${randomUUID()}`, false),
    open: () => their.open('q'),
    process: null,
    close: async () => {},
  };
}

function check(kind: string, open: () => Promise<RefusalStage>, missing: string | null): void {
  describe.skipIf(missing !== null)(missing === null ? `${kind}: refusals` : `${kind}: ${missing}`, () => {
    let stage: RefusalStage;
    const opened: QueuePort[] = [];

    beforeAll(async () => {
      stage = await open();
    }, 300_000);
    afterEach(async () => {
      for (const port of opened.splice(0)) await port.close();
    });
    afterAll(() => stage?.close());

    /** Sends and receives, and is refused both. */
    const expectRefusal = async (port: QueuePort, code: string) => {
      opened.push(port);
      const startedAt = performance.now();
      const refusal = { name: 'QueueError', code, message: expect.any(String) };
      await Promise.all([
        expect(port.publish([{ body: '{}' }])).rejects.toMatchObject(refusal),
        expect(port.receive({ max: 1, waitMs: 60_000 })).rejects.toMatchObject(refusal),
      ]);
      expect(performance.now() - startedAt).toBeLessThan(12_000);
      if (code !== 'no_such_queue') expect(await port.health()).toMatchObject({ ok: false });
    };

    test('a host that is none', () => expectRefusal(stage.at('broker.invalid', 1_234), 'unreachable'));

    test('a port where nobody listens', async () => {
      await expectRefusal(stage.at('127.0.0.1', await freePort()), 'unreachable');
    });

    test('a server that takes the connection and says nothing', async () => {
      const sockets = new Set<Socket>();
      const silent = createServer((socket) => sockets.add(socket.on('error', () => {}))).listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const address = silent.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      try {
        await expectRefusal(stage.at('127.0.0.1', port), 'unreachable');
      } finally {
        for (const socket of sockets) socket.destroy();
        silent.close();
      }
    });

    test('a server that stands still keeps nobody from asking how it is, nor from closing', async (context) => {
      const { process } = stage;
      if (!process) return notRun(context, 'this broker is not ours to stop');
      const port = stage.open();
      await port.publish([{ body: 'a' }]);
      await port.receive({ max: 1, waitMs: 5_000 });
      await process.freeze();
      try {
        const startedAt = performance.now();
        expect(await port.health()).toMatchObject({ ok: false });
        expect(performance.now() - startedAt).toBeLessThan(6_000);
        await port.close();
        expect(performance.now() - startedAt).toBeLessThan(16_000);
      } finally {
        await process.thaw();
      }
    });

    test('a wrong password', async (context) => {
      if (!stage.withWrongPassword) return notRun(context, 'no users are made on this broker');
      await expectRefusal(stage.withWrongPassword(), 'unauthorized');
    });

    test('a queue that is not there', () => expectRefusal(stage.withoutQueue(), 'no_such_queue'));
  });
}
