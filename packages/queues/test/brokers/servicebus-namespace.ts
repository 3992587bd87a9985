import { ServiceBusAdministrationClient } from '@azure/service-bus';
import type { AzureQueueConfig } from '../../src/adapters/azure.ts';
import type { Credentials } from '../conformance/stage.ts';
import type { QueueSettings } from './servicebus/queue.ts';
import type { OwnServiceBus } from './servicebus.ts';

/** The connection string of a real namespace, whose key may manage it; then the tests run there. */
const connectionString = process.env.AZURE_SERVICEBUS_TEST_URL;

const LOCK_SECONDS = 15;

/** Queues of a real namespace, made for the tests and deleted after them. */
export class RealServiceBus implements Pick<OwnServiceBus, 'createQueue' | 'config' | 'stop'> {
  readonly #connectionString: string;
  readonly #admin: ServiceBusAdministrationClient;
  readonly #queues = new Set<string>();

  private constructor(connectionString: string) {
    this.#connectionString = connectionString;
    this.#admin = new ServiceBusAdministrationClient(connectionString);
  }

  /** Null where none is given. */
  static open(): RealServiceBus | null {
    return connectionString ? new RealServiceBus(connectionString) : null;
  }

  get version(): string {
    const host = this.#connectionString.match(/sb:\/\/([^/;]+)/)?.[1] ?? '';
    return `Azure Service Bus, ${host}`;
  }

  async createQueue(name: string, settings: Partial<QueueSettings> = {}): Promise<void> {
    if (this.#queues.has(name)) return;
    this.#queues.add(name);
    const { requiresSession = false, duplicatesMs = 0, maxDeliveries = 10 } = settings;
    await this.#admin.createQueue(name, {
      lockDuration: `PT${LOCK_SECONDS}S`,
      requiresSession,
      maxDeliveryCount: maxDeliveries,
      requiresDuplicateDetection: duplicatesMs > 0,
      ...(duplicatesMs > 0 && { duplicateDetectionHistoryTimeWindow: `PT${duplicatesMs / 1_000}S` }),
      // Where the tests do not come to their end.
      autoDeleteOnIdle: 'PT15M',
    });
  }

  config(queue: string, _credentials: Credentials = {}): AzureQueueConfig {
    return { connectionString: this.#connectionString, queue, leaseSeconds: LOCK_SECONDS };
  }

  async stop(): Promise<void> {
    for (const name of this.#queues) await this.#admin.deleteQueue(name);
  }
}
