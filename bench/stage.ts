import type { Kind, QueueBroker } from '../apps/server/test/backbone/on-brokers/brokers.ts';
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
  /** Null until one was used. */
  serverVersion: string | null = null;
  /** Every round of the bare loop, deliveries per second. */
  readonly bareRounds: number[] = [];
  #isClosed = false;
  #end = new AsyncDisposableStack();
  #children = new Map<string, Promise<Child>>();
  #bareLoop: Promise<BareLoop> | undefined;
  #server: Promise<Server> | undefined;

  constructor(options: Options, book: Book, progress: (line: string) => void) {
    this.options = options;
    this.book = book;
    this.progress = progress;
  }

  /** Those who take part in every part, with their code compiled by all that went before. */
  async players(): Promise<{ receiver: Child; load: Child }> {
    return { receiver: await this.#shared('receiver'), load: await this.#shared('load') };
  }

  /** Warmed up on first use. */
  bareLoop(): Promise<BareLoop> {
    this.#bareLoop ??= (async () =>
      BareLoop.warm(await this.#shared('bare'), await this.#shared('receiver'), this.bareRounds))();
    return this.#bareLoop;
  }

  #shared(name: string): Promise<Child> {
    const known = this.#children.get(name) ?? this.child(name);
    this.#children.set(name, known);
    return known;
  }

  child(name: string): Promise<Child> {
    return this.#own(
      () => startChild(name),
      (child) => child.stop(),
    );
  }

  /** The PostgreSQL server, started on first use. Rejects with a reason to print where there is none. */
  server(): Promise<Server> {
    this.#server ??= this.#own(
      () => openServer(this.progress),
      (server) => server.stop(),
    ).then((server) => {
      this.serverVersion = server.version;
      return server;
    });
    return this.#server;
  }

  /** The postmaster's process where it is a PostgreSQL of this machine, else null. */
  async databasePid(kind: DatabaseKind): Promise<number | null> {
    return kind === 'postgresql' ? (await this.server()).pid : null;
  }

  /** A fresh database of this kind. */
  async home(kind: DatabaseKind): Promise<Home> {
    const server = kind === 'postgresql' ? await this.server() : null;
    return this.#own(
      () => openHome(server),
      (home) => home.drop(),
    );
  }

  engine(home: Home, settings: Readonly<Record<string, string>> = {}): Promise<Engine> {
    return this.#own(
      () => startEngine(home, settings),
      (engine) => engine.stop(),
    );
  }

  broker(kind: Kind): Promise<QueueBroker> {
    return this.#own(
      () => kind.start(),
      (broker) => broker.stop(),
    );
  }

  /** Ends what runs and drops what was made, in reverse order. The stage can be used again. */
  async clear(): Promise<void> {
    const end = this.#end;
    this.#end = new AsyncDisposableStack();
    this.#children = new Map();
    this.#bareLoop = undefined;
    this.#server = undefined;
    await end.disposeAsync();
  }

  /** The same, for good: a part that is still under way can start nothing any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.clear();
  }

  /** What is only just being made when the end comes is waited for, and undone like the rest. */
  async #own<Thing>(make: () => Promise<Thing>, undo: (thing: Thing) => unknown): Promise<Thing> {
    if (this.#isClosed) throw new Error('the bench is stopping');
    const making = make();
    this.#end.defer(async () => {
      const made = await making.catch(() => null);
      if (made) await undo(made);
    });
    return making;
  }
}
