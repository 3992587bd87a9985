import { amqp } from './amqp.ts';
import { azure } from './azure.ts';
import type { BrokerForm, BrokerKind } from './form.ts';
import { kafka } from './kafka.ts';
import { nats } from './nats.ts';
import { pubsub } from './pubsub.ts';
import { redis } from './redis.ts';
import { sqs } from './sqs.ts';

/**
 * The kinds of broker that events can go to and come from, and what each has to be told. From these come the validation
 * of `config`, what of it is masked, and the forms that customers fill in.
 */
const KINDS = { sqs, nats, redis, amqp, kafka, pubsub, azure } as const satisfies Record<string, BrokerKind>;

export type BrokerType = keyof typeof KINDS;

export const BROKER_TYPES = Object.keys(KINDS) as readonly BrokerType[];

/** As endpoints. */
export const DESTINATIONS = each(({ publishing }) => publishing);

/** As sources. */
export const SOURCES = each(receivedFrom);

function each(form: (kind: BrokerKind) => BrokerForm): Readonly<Record<BrokerType, BrokerForm>> {
  return Object.fromEntries(BROKER_TYPES.map((type) => [type, form(KINDS[type])])) as Record<BrokerType, BrokerForm>;
}

/** What has to be told for receiving. */
function receivedFrom({ publishing, receiving }: BrokerKind): BrokerForm {
  const { fields, without = [], ...rest } = receiving;
  const own = new Map(fields.map((field) => [field.name, field]));
  const names = new Set(publishing.fields.map(({ name }) => name));
  return {
    ...publishing,
    ...rest,
    fields: [
      ...publishing.fields.filter(({ name }) => !without.includes(name)).map((field) => own.get(field.name) ?? field),
      ...fields.filter(({ name }) => !names.has(name)),
    ],
  };
}
