import type { Static } from 'typebox';
import type { RejectionDetail as DetailSchema, RejectionSchema, SourceSchema } from '../../src/api/sources/schema.ts';
import { answer } from '../kit/answers.ts';
import type { Api } from '../kit/api.ts';
import { until } from '../kit/until.ts';
import type { Outgoing } from './on-brokers/stage.ts';

export type Source = Static<typeof SourceSchema>;
export type Rejection = Static<typeof RejectionSchema>;
export type RejectionDetail = Static<typeof DetailSchema>;

const WITHIN_MS = 60_000;

export function createSource(api: Api, settings: object): Promise<Source> {
  return answer(api.post('/v1/sources', { event_type: { header: 'event-type' }, ...settings }), 201);
}

/** The source once it is so. */
export function sourceOnce(api: Api, id: string, isSo: (source: Source) => boolean, ms = WITHIN_MS): Promise<Source> {
  return until(() => answer<Source>(api.get(`/v1/sources/${id}`), 200), isSo, ms);
}

/** The n-th message of a queue: its event type says so. */
export function eventOf(queue: string, n: number): Outgoing {
  return { body: JSON.stringify({ n }), headers: { 'event-type': `${queue}.n${n}` } };
}
