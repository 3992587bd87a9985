import { Type } from 'typebox';
import { EventType } from '../messages/schema.ts';
import { Id, Nullable, PageQuery, Strict, TimeRangeQuery, Timestamp } from '../schema.ts';

export const JobSchema = Type.Object({
  id: Id('job'),
  kind: Type.Literal('replay'),
  status: Type.Union([Type.Literal('pending'), Type.Literal('running'), Type.Literal('done'), Type.Literal('failed')], {
    description: 'It has ended when this is `done` (or `failed`: what was done stays done)',
  }),
  done: Type.Integer({ description: 'Deliveries put back in line so far' }),
  total: Type.Integer({
    description:
      'Deliveries that matched. `done` and `errors` can end below it: what was retried by hand meanwhile is left alone',
  }),
  errors: Type.Integer({ description: 'Deliveries that could not be: their endpoint is disabled or deleted' }),
  created_at: Timestamp,
  completed_at: Nullable(Timestamp),
});

export const JobQuery = Strict({ ...PageQuery, ...TimeRangeQuery });

const Since = Type.String({ format: 'date-time', description: 'Created at or after' });
const Until = Type.String({ format: 'date-time', description: 'Created before' });
const DryRun = Type.Optional(Type.Boolean({ description: 'Only say how many match' }));

const Filter = {
  endpoint_id: Type.Optional(Id('ep')),
  event_type: Type.Optional(EventType),
  status: Type.Optional(
    Type.Union([Type.Literal('PENDING'), Type.Literal('SENDING'), Type.Literal('SENT'), Type.Literal('FAILED')], {
      description: 'FAILED (the default) or SENT; what has not ended cannot be replayed',
    }),
  ),
  since: Type.Optional(Since),
  until: Type.Optional(Until),
};
const Application = Type.Optional(
  Type.String({ maxLength: 256, description: 'An `app_` id, your own id for the application, or `default`' }),
);

/** Under `/v1/app/{app_id}` the path says which application. */
export const DeliveriesReplay = {
  any: Strict({ filter: Strict({ ...Filter, application: Application }), dry_run: DryRun }),
  scoped: Strict({ filter: Strict(Filter), dry_run: DryRun }),
};

export const EndpointReplay = Strict({
  since: Since,
  until: Type.Optional(Until),
  only_failed: Type.Optional(Type.Boolean({ description: 'False: SENT deliveries are sent again too' })),
  dry_run: DryRun,
});

export const Matched = Type.Object({ matched: Type.Integer() }, { description: 'A dry run: how many match' });
export const ReplayStarted = Type.Object(
  { job_id: Id('job'), matched: Type.Integer() },
  { description: 'They will be sent again; the job tells how far it is' },
);
