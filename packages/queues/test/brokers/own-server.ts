import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, freeze, type ServerProcess } from './server-process.ts';

/** Where a server listens, and keeps what it has. */
export interface Place {
  readonly port: number;
  readonly folder: string;
}

export async function newPlace(kind: string): Promise<Place> {
  return { port: await freePort(), folder: await mkdtemp(join(tmpdir(), `postrider-${kind}-`)) };
}

/** A broker of one test file's own: a process, and a folder that goes with it. */
export abstract class OwnServer implements Place {
  readonly port: number;
  readonly folder: string;
  protected abstract readonly process: ServerProcess;

  protected constructor({ port, folder }: Place) {
    this.port = port;
    this.folder = folder;
  }

  /** Ends it, and keeps its data. */
  halt(): Promise<void> {
    return this.process.stop();
  }

  crash(): Promise<void> {
    return this.process.stop('SIGKILL');
  }

  resume(): Promise<void> {
    return this.process.start();
  }

  freeze(): Promise<void> {
    return freeze(this.process.pid);
  }

  async thaw(): Promise<void> {
    this.process.signal('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.process.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** With a letter in front: some would read a number as one. */
export function secret(): string {
  return `s${randomBytes(8).toString('hex')}`;
}
