import { Type } from 'typebox';
import { CircuitSchema, DisabledReasonSchema, EndpointStatusSchema } from '../endpoints/schema.ts';
import { Id, Nullable, Strict, Timestamp } from '../schema.ts';

const WindowSchema = Type.Union([Type.Literal('1h'), Type.Literal('24h'), Type.Literal('7d'), Type.Literal('30d')], {
  description: 'How far back, in whole steps of UTC: minutes of 1h, hours of 24h and 7d, 6 hours of 30d',
});

const Count = (description?: string) => Type.Integer(description ? { description } : {});
const Share = (description: string) => Nullable(Type.Number({ minimum: 0, maximum: 1, description }));
const Latency = Nullable(Type.Number({ description: 'Milliseconds, read off a histogram; null without attempts' }));

const window = { window: Type.Optional(WindowSchema) };

export const StatsQuery = Strict(window);
export const MetricsQuery = Strict({
  ...window,
  application: Type.Optional(Type.String({ maxLength: 256, description: 'An application: id, uid or `default`' })),
  endpoint_id: Type.Optional(Id('ep')),
});

const counts = {
  accepted: Count('Deliveries made'),
  sent: Count('Deliveries that ended SENT'),
  failed: Count('Deliveries that ended FAILED; one that is retried by hand ends once more'),
};
const latency = { p50_ms: Latency, p95_ms: Latency };

const summary = {
  ...counts,
  success_rate: Share('sent / (sent + failed); null where none ended'),
  attempts: Type.Object({
    total: Count(),
    failed: Count('Without a 2xx'),
    success_rate: Share('Of the attempts; null where there were none'),
  }),
  failures: Type.Object(
    {
      timeout: Count('No answer in time'),
      connection: Count('No name, no connection, no TLS, or one that broke'),
      http_4xx: Count(),
      http_5xx: Count(),
      other: Count('Redirects, answers that are not HTTP, requests we would not make'),
    },
    { description: 'Failed attempts by what came instead of a 2xx' },
  ),
  ...latency,
};

export const StatsSchema = Type.Object({
  endpoint_id: Id('ep'),
  window: WindowSchema,
  since: Timestamp,
  ...summary,
  pending: Count('Deliveries that wait now: due, held, or for their retry. Counted up to 10,000'),
  oldest_pending_at: Nullable(Timestamp),
  last_success_at: Nullable(Timestamp),
  last_failure_at: Nullable(Timestamp),
  failing_since: Nullable(Timestamp),
  circuit: CircuitSchema,
  status: EndpointStatusSchema,
  disabled_reason: Nullable(DisabledReasonSchema),
});

export const MetricsSchema = Type.Object({
  window: WindowSchema,
  since: Timestamp,
  step_seconds: Type.Integer(),
  series: Type.Array(Type.Object({ at: Timestamp, ...counts, ...latency }), {
    description: 'Every step of the window, oldest first; the last one is under way',
  }),
  totals: Type.Object(summary),
});
