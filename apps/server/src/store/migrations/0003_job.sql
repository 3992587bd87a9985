-- Work that outlives the call that asked for it: so far, replaying many deliveries.

create table job (
  id uuid primary key,
  environment_id uuid not null references environment,
  -- The application it is limited to; null: the whole environment. No reference: a job outlives its application.
  application_id uuid,
  kind text not null check (kind in ('replay')),
  -- Which deliveries (store/replay.ts ReplayFilter).
  filter json not null,
  status text not null default 'pending' check (status in ('pending', 'running', 'done', 'failed')),
  -- Deliveries are taken in the order of their ids: above after_id, which moves with every chunk, up to last_id.
  after_id uuid not null,
  last_id uuid not null,
  -- Only what had ended by then. What fails again while the job runs is not its business.
  as_of timestamptz not null,
  done integer not null default 0,
  total integer not null,
  errors integer not null default 0,
  -- When it last had its turn: jobs take turns, a chunk each. There is no lease: who works on a chunk holds the row's
  -- lock to the end of the chunk's transaction, and the lock dies with whoever held it.
  worked_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  completed_at timestamptz
);
create index job_list on job (environment_id, id);
create index job_open on job (worked_at) where status in ('pending', 'running');

-- Dead letters of one endpoint or application, without a walk over everybody's.
create index delivery_failed_by_endpoint on delivery (endpoint_id, id) where status = 'FAILED';
create index delivery_failed_by_application on delivery (application_id, id) where status = 'FAILED';
