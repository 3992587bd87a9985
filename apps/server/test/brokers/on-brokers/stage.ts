import type { BrokerType } from '../../../src/core/broker/all.ts';

/** A broker under test: a real one (or its stand-in) of the test's own, and its own client to look into it. */
export interface DestinationStage {
  readonly type: BrokerType;
  /** Of an endpoint that leads to this queue, as a user that may publish there and no more. */
  config(queue: string, credentials?: Credentials): Config;
  /** The fields that say as whom. */
  as(credentials: Credentials): Config;
  /** The config at another place. */
  at(host: string, port: number): Config;
  /** Null where it asks nobody who he is. */
  readonly wrongPassword: Config | null;
  makeQueue(queue: string): Promise<void>;
  deleteQueue(queue: string): Promise<void>;
  /** All that lies there. */
  read(queue: string): Promise<Found[]>;
  /** Null where it has no queue that could be missing. */
  readonly missingQueue: string | null;
  /** So many bytes it does not take, of those that an event may have. Null where it takes them all. */
  readonly tooLarge: number | null;
  readonly server: { stop(): Promise<void>; start(): Promise<void> };
  readonly users: { create(): Promise<Credentials>; remove(credentials: Credentials): Promise<void> } | null;
  /** This machine as it may be named, and a port that is free and opened; 0: any. */
  readonly local: { readonly host: string; readonly quietPort: number };
  /** Its client asks the system for addresses, and the guard looks at what it dials. */
  readonly looksUpItself?: true;
  /** What an operator opens, for it. */
  readonly allow: string;
  close(): Promise<void>;
}

export type Config = Readonly<Record<string, string | number | boolean>>;
export type Credentials = Readonly<Record<string, string>>;

/** A message as the broker's own client has it. */
export interface Found {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}
