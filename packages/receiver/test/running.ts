import { onTestFinished } from 'vitest';
import { type Receiver, type ReceiverOptions, startReceiver } from '../src/index.ts';

/** A receiver that is closed with the test. */
export async function running(options: ReceiverOptions = {}): Promise<Receiver> {
  const receiver = await startReceiver(options);
  onTestFinished(() => receiver.close());
  return receiver;
}
