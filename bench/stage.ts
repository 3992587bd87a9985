import { BareLoop } from './bare-loop.ts';
import { type Engine, startEngine } from './engine.ts';
import type { Book } from './figure.ts';
import { type DatabaseKind, type Home, openHome } from './home.ts';
import type { Options } from './options.ts';
import { type Child, startChild } from './processes.ts';
import { openServer, type Server } from './server.ts';

/**
 * What every part of the bench has: the book it writes its figures in, the processes all share, and a list of whatever
 * must be gone at the end, however the end comes.
 */
export class Stage {
  readonly options: Options;
  readonly book: Book;
  readonly progress: (line: string) => void;
  readonly #end = new AsyncDisposableStack();
  readonly #shared = new Map<string, Promise<Child>>();
  #bareLoop: Promise<BareLoop> | undefined;
  #server: Promise<Server> | undefined;

  constructor(options: Options, book: Book, progress: (line: string) => void) {
    this.options = options;
    this.book = book;
    this.progress = progress;
  }

  /** The child that all parts share, with its code compiled by all that went before. */
  shared(name: 'receiver' | 'load' | 'bare'): Promise<Child> {
    const known = this.#shared.get(name) ?? this.child(name);
    this.#shared.set(name, known);
    return known;
  }

  async bareLoop(): Promise<BareLoop> {
    this.#bareLoop ??= BareLoop.warm(await this.shared('bare'), await this.shared('receiver'));
    return this.#bareLoop;
  }

  async child(name: string): Promise<Child> {
    const child = await startChild(name);
    this.#end.defer(() => child.stop());
    return child;
  }

  /** The PostgreSQL server, started on first use. Rejects with a reason to print where there is none. */
  server(): Promise<Server> {
    this.#server ??= openServer(this.progress).then((server) => {
      this.#end.defer(() => server.stop());
      return server;
    });
    return this.#server;
  }

  /** Null where none was used, or none could be had. */
  async serverVersion(): Promise<string | null> {
    return (await this.#server?.catch(() => null))?.version ?? null;
  }

  /** A fresh database of this kind. */
  async home(kind: DatabaseKind): Promise<Home> {
    const home = await openHome(kind === 'postgresql' ? await this.server() : null);
    this.#end.defer(() => home.drop());
    return home;
  }

  async engine(home: Home, settings: Readonly<Record<string, string>> = {}): Promise<Engine> {
    const engine = await startEngine(home, settings);
    this.#end.defer(() => engine.stop());
    return engine;
  }

  /** Ends what runs and drops what was made, in reverse order. */
  async clear(): Promise<void> {
    await this.#end.disposeAsync();
  }
}
