import type { Static } from 'typebox';
import { expect } from 'vitest';
import type { ApiKeySchema, ApiKeyWithKey } from '../../src/api/api-keys/schema.ts';
import type { ApplicationSchema } from '../../src/api/applications/schema.ts';
import type { AttemptSchema, DeliveryDetail, DeliverySchema } from '../../src/api/deliveries/schema.ts';
import type { CreatedEndpoint, EndpointSchema } from '../../src/api/endpoints/schema.ts';
import type { RouteSchema } from '../../src/api/event-routes/schema.ts';
import type { EventTypeSchema } from '../../src/api/event-types/schema.ts';
import type { JobSchema, ReplayStarted } from '../../src/api/jobs/schema.ts';
import type {
  DirectAccepted,
  EventAccepted,
  MessageAccepted,
  MessageSchema,
  MessageSummary,
} from '../../src/api/messages/schema.ts';
import type { ApplicationStatistics } from '../../src/api/statistics/application-schema.ts';
import type { MetricsSchema, StatsSchema } from '../../src/api/statistics/schema.ts';
import type { OfferSchema, Outcomes } from '../../src/api/subscriptions/schema.ts';
import type { Api, Reply } from './api.ts';
import { until } from './until.ts';

/** The shapes of answers, as the API itself promises them. */
export type Application = Static<typeof ApplicationSchema>;
export type Endpoint = Static<typeof EndpointSchema>;
export type NewEndpoint = Static<typeof CreatedEndpoint>;
export type Accepted = Static<typeof MessageAccepted>;
export type EventAnswer = Static<typeof EventAccepted>;
export type DirectAnswer = Static<typeof DirectAccepted>;
export type Message = Static<typeof MessageSchema>;
export type MessageRow = Static<typeof MessageSummary>;
export type Delivery = Static<typeof DeliverySchema>;
export type EventType = Static<typeof EventTypeSchema>;
export type Stats = Static<typeof StatsSchema>;
export type Metrics = Static<typeof MetricsSchema>;
export type UsageAnswer = Static<typeof ApplicationStatistics>;
export type HeldDelivery = Static<typeof DeliveryDetail>;
export type Attempt = Static<typeof AttemptSchema>;
export type Offer = Static<typeof OfferSchema>;
export type Outcome = Static<typeof Outcomes>[number];
export type Route = Static<typeof RouteSchema>;
export type Job = Static<typeof JobSchema>;
export type ReplayAnswer = Static<typeof ReplayStarted>;
export type ApiKey = Static<typeof ApiKeySchema>;
export type NewApiKey = Static<typeof ApiKeyWithKey>;
export interface List<T> {
  readonly data: T[];
  readonly next_cursor: string | null;
  readonly limit: number;
  readonly offset?: number;
}

/** The body of an answer that has this status; any other fails the test and shows what came instead. */
export async function answer<T>(reply: Promise<Reply> | Reply, status: number): Promise<T> {
  const { status: actual, text, body } = await reply;
  expect(actual, text).toBe(status);
  return body as unknown as T;
}

/** All items of a list, page after page by cursor. */
export async function all<T>(api: Api, path: string): Promise<T[]> {
  const items: T[] = [];
  const joint = path.includes('?') ? '&' : '?';
  let cursor: string | null = null;
  do {
    const page: List<T> = await answer(
      api.get(`${path}${joint}limit=100${cursor === null ? '' : `&cursor=${cursor}`}`),
      200,
    );
    items.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return items;
}

export function createEndpoint(api: Api, settings: object): Promise<NewEndpoint> {
  return answer(api.post('/v1/endpoints', settings), 201);
}

/** Sends one message to one endpoint and says which delivery that made. */
export async function sendTo(api: Api, endpointId: string, more: object = {}): Promise<string> {
  const sent = await answer<DirectAnswer>(
    api.post('/v1/send', { destination: endpointId, event_type: 'invoice.paid', payload: { amount: 1 }, ...more }),
    202,
  );
  if (sent.delivery_id === null) throw new Error(`${endpointId} is disabled and gets no delivery`);
  return sent.delivery_id;
}

/** The delivery once it is SENT or FAILED. */
export function settled(api: Api, deliveryId: string): Promise<Delivery> {
  return deliveryOnce(api, deliveryId, ({ status }) => status === 'SENT' || status === 'FAILED');
}

/** The delivery once so many attempts are recorded. */
export function tried(api: Api, deliveryId: string, attempts: number): Promise<Delivery> {
  return deliveryOnce(
    api,
    deliveryId,
    ({ attempt_count, status }) => attempt_count >= attempts && status !== 'SENDING',
  );
}

function deliveryOnce(api: Api, id: string, isDone: (delivery: Delivery) => boolean): Promise<Delivery> {
  return until(() => answer<Delivery>(api.get(`/v1/deliveries/${id}`), 200), isDone);
}

/** The job once it is done or failed. */
export function jobEnded(api: Api, id: string): Promise<Job> {
  return until(
    () => answer<Job>(api.get(`/v1/jobs/${id}`), 200),
    ({ status }) => status === 'done' || status === 'failed',
  );
}

/** Oldest first. */
export async function attemptsOf(api: Api, deliveryId: string): Promise<Attempt[]> {
  return (await all<Attempt>(api, `/v1/deliveries/${deliveryId}/attempts`)).reverse();
}
