import type { BrokerStage } from '../../kit/brokers/stage.ts';

/** A broker whose queues are sources, and its own client to publish there. */
export interface SourceStage extends BrokerStage {
  /** With the broker's own client, by an admin; resolves when the broker has them. */
  publish(queue: string, messages: readonly Outgoing[]): Promise<void>;
  /** How many are there that nobody has acked. Null where nobody can tell. */
  readonly waiting: ((queue: string) => Promise<number>) | null;
  /** It takes no message that is larger than an event may be. */
  readonly takesNoLarger?: true;
}

export interface Outgoing {
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Messages of one keep their order. */
  readonly group?: string;
}
