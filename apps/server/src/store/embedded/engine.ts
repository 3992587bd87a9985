import { fsyncSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import { joined } from './joined.ts';

/**
 * PGlite made durable. It starts PostgreSQL with fsync off (`-F`), and its file system has no fsync to call: a power cut
 * could then lose what was answered 202. Both are put right here, and with `wal_sync_method = fsync` each commit is one
 * real fsync of the log.
 */
class DurableNodeFS extends NodeFS {
  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const result = await super.init(...args);
    result.emscriptenOpts.preRun?.push((module: unknown) => {
      const { NODEFS } = module as { NODEFS: { stream_ops: { fsync?: (stream: { nfd: number }) => number } } };
      NODEFS.stream_ops.fsync = (stream) => {
        fsyncSync(stream.nfd);
        return 0;
      };
    });
    return result;
  }
}

export interface Engine {
  /** Runs protocol messages and resolves to the protocol's answer, in bytes of its own. One call at a time. */
  run(messages: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

export async function openEngine(folder: string): Promise<Engine> {
  const database = new PGlite({
    fs: new DurableNodeFS(folder),
    startParams: [
      ...PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'),
      '-c',
      'wal_sync_method=fsync',
      // All of it is resident: the engine runs inside our own memory budget.
      '-c',
      'shared_buffers=32MB',
    ],
  });
  await database.waitReady;
  return {
    // As a stream: `execProtocolRaw` takes each answer apart and keeps what it found for a query of its own, which never comes
    // (90 bytes a message for ever). The parts are views of the engine's own memory, overwritten by the next: hence the copy.
    run: async (messages) => {
      const parts: Uint8Array[] = [];
      await database.execProtocolRawStream(messages, { onRawData: (part) => void parts.push(part.slice()) });
      return joined(parts);
    },
    close: () => database.close(),
  };
}
