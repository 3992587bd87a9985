/** A broker under test: a real one (or its stand-in) of the test's own, and its own client to publish there. */
export interface SourceStage {
  readonly type: string;
  /** Of a source that receives from this queue, as a user that may do that and no more. */
  config(queue: string, credentials?: Credentials): Config;
  /** The fields that say as whom. */
  as(credentials: Credentials): Config;
  /** The config at another place. */
  at(host: string, port: number): Config;
  /** Null where it knows no users. */
  readonly wrongPassword: Config | null;
  makeQueue(queue: string): Promise<void>;
  /** With the broker's own client, by an admin; resolves when the broker has them. */
  publish(queue: string, messages: readonly Outgoing[]): Promise<void>;
  /** How many are there that nobody has acked. Null where nobody can tell. */
  readonly waiting: ((queue: string) => Promise<number>) | null;
  readonly server: { stop(): Promise<void>; start(): Promise<void> };
  readonly users: { create(): Promise<Credentials>; remove(credentials: Credentials): Promise<void> } | null;
  /** It takes no message that is larger than an event may be. */
  readonly takesNoLarger?: true;
  /** Said of a queue that is not there, where it is not `no_such_queue`. */
  readonly saidOfMissing?: RegExp;
  /** This machine as it may be named. */
  readonly host: string;
  /** What an operator opens, for it. */
  readonly allow: string;
  close(): Promise<void>;
}

export type Config = Readonly<Record<string, string | number | boolean>>;
export type Credentials = Readonly<Record<string, string>>;

export interface Outgoing {
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Messages of one keep their order. */
  readonly group?: string;
}
