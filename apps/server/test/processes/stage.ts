import { type ReceivedRequest, type Receiver, type ReceiverOptions, startReceiver } from '@postrider/receiver';
import { Api } from '../kit/api.ts';
import { createTestDatabase, type DatabaseKind, type TestDatabase } from '../kit/database.ts';
import { newKey, settings } from '../kit/postrider.ts';
import { fixedPort, ServerProcess } from '../kit/server-process.ts';
import { Receipts } from './receipts.ts';

/** One database, one receiver, and the servers that a test starts on them. */
export class Stage {
  readonly database: TestDatabase;
  readonly receiver: Receiver;
  readonly receipts: Receipts;
  /** An admin key of the environment Test, known to every server. */
  readonly apiKey = newKey();
  readonly #places: Place[] = [];

  private constructor(database: TestDatabase, receiver: Receiver, receipts: Receipts) {
    this.database = database;
    this.receiver = receiver;
    this.receipts = receipts;
  }

  /** @param options.server a PostgreSQL of the test's own. */
  static async set(
    kind: DatabaseKind,
    options: Pick<ReceiverOptions, 'behaviours' | 'onRequest'> & { readonly server?: string } = {},
  ): Promise<Stage> {
    const receipts = new Receipts();
    const { behaviours = {}, onRequest: seen, server } = options;
    const onRequest = (request: ReceivedRequest) => {
      receipts.enter(request);
      seen?.(request);
    };
    const receiver = await startReceiver({ record: 'count', onRequest, behaviours });
    return new Stage(await createTestDatabase(kind, server), receiver, receipts);
  }

  /** Where a server will run. */
  async place(env: Readonly<Record<string, string>> = {}): Promise<Place> {
    const port = await fixedPort();
    const own = { ...settings(this.database, this.apiKey), POSTRIDER_PORT: String(port) };
    const place = new Place(port, this.apiKey, { ...own, ...env });
    this.#places.push(place);
    return place;
  }

  /** Starts a server and waits until it is ready. */
  async serve(env: Readonly<Record<string, string>> = {}): Promise<Place> {
    const place = await this.place(env);
    place.begin();
    await place.server.ready();
    return place;
  }

  /** Whatever still runs is killed. */
  async clear(): Promise<void> {
    for (const { server } of this.#places) await server.kill();
    await this.receiver.close();
    await this.database.drop();
  }
}

/** Where a server runs: after a kill, the next one has the same URL and the same settings. */
export class Place {
  readonly url: string;
  readonly api: Api;
  readonly env: Readonly<Record<string, string>>;
  #server: ServerProcess | undefined;

  constructor(port: number, apiKey: string, env: Readonly<Record<string, string>>) {
    this.url = `http://127.0.0.1:${port}`;
    this.api = new Api(this.url, apiKey);
    this.env = env;
  }

  /** The one that runs here now, or ran last. */
  get server(): ServerProcess {
    if (!this.#server) throw new Error('nothing was started here');
    return this.#server;
  }

  /** Starts a server, and does not wait for it. */
  begin(): void {
    this.#server = new ServerProcess(this.env);
  }
}
