import { QueueError } from '../error.ts';
import { callOptions, codeOf, GRPC, type PubSubClient } from './pubsub-client.ts';

/**
 * Makes topic and subscription where they are not there. The subscription has to be there before anything is published:
 * it gets nothing from before its time.
 *
 * @throws QueueError `misconfigured` where the subscription is of another topic.
 */
export async function makeSure(
  { publisher, subscriber }: PubSubClient,
  wanted: { readonly topic: string; readonly subscription: string; readonly ackDeadlineSeconds: number },
): Promise<void> {
  const { topic, subscription, ackDeadlineSeconds } = wanted;
  const found = await unless(GRPC.NOT_FOUND, subscriber.getSubscription({ subscription }, callOptions()));
  const of = found?.[0].topic ?? topic;
  if (of !== topic) throw new QueueError('misconfigured', `subscription: ${subscription} is of ${of}`);
  if (found) return;
  await unless(GRPC.ALREADY_EXISTS, publisher.createTopic({ name: topic }, callOptions()));
  const made = {
    name: subscription,
    topic,
    ackDeadlineSeconds,
    enableMessageOrdering: true,
    // Else it goes away after 31 days without a receiver, with what it holds.
    expirationPolicy: {},
  };
  await unless(GRPC.ALREADY_EXISTS, subscriber.createSubscription(made, callOptions()));
}

/**
 * Publishes nothing at all, which is looked at after who asks and for what, if that is so in this order. Where it is not,
 * the topic is asked for; who may only publish may not ask, and the first message tells.
 */
export async function mayPublish({ publisher }: PubSubClient, topic: string): Promise<void> {
  try {
    await publisher.publish({ topic, messages: [] }, callOptions());
  } catch (error) {
    if (codeOf(error) !== GRPC.INVALID_ARGUMENT) throw error;
    await unless(GRPC.PERMISSION_DENIED, publisher.getTopic({ topic }, callOptions()));
  }
}

async function unless<R>(code: number, asked: Promise<R>): Promise<R | null> {
  try {
    return await asked;
  } catch (error) {
    if (codeOf(error) === code) return null;
    throw error;
  }
}
