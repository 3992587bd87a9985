import type { BrokerStage } from '../../kit/brokers/stage.ts';

/** A broker whose queues are endpoints, and its own client to look into them. */
export interface DestinationStage extends BrokerStage {
  deleteQueue(queue: string): Promise<void>;
  /** All that lies there. */
  read(queue: string): Promise<Found[]>;
  /** So many bytes it does not take, of those that an event may have. Null where it takes them all. */
  readonly tooLarge: number | null;
  /** A port that is free and opened; any unless told. */
  readonly quietPort?: number;
  /** Its client asks the system for addresses, and the guard looks at what it dials. */
  readonly looksUpItself?: true;
}

/** A message as the broker's own client has it. */
export interface Found {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}
