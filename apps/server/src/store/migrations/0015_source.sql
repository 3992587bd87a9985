-- Where events come in from outside: queues of brokers.
create table source (
  id uuid primary key,
  environment_id uuid not null references environment,
  application_id uuid not null references application on delete cascade,
  name text not null,
  type text not null,
  -- Where it leads, for people; without credentials.
  url text not null,
  -- Sealed: JSON object of how to reach it and as whom.
  config bytea not null,
  -- {"value": …}, {"header": …} or {"field": …}
  event_type jsonb not null,
  status text not null default 'active' check (status in ('active', 'paused')),
  paused_reason text check (paused_reason in ('by_request', 'too_many_rejections')),
  -- One more with each change of what whoever consumes it has to know.
  version integer not null default 1,
  -- The process that consumes it, for so long; where that is null or past, any may take it.
  held_by uuid,
  held_until timestamptz not null default now(),
  received bigint not null default 0,
  rejected bigint not null default 0,
  -- Why nothing is received at the moment, where something stands in the way.
  last_error text,
  last_received_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((status = 'paused') = (paused_reason is not null))
);
create index source_list on source (environment_id, id);
create index source_of_application on source (application_id, id);
create index source_free on source (held_until) where status = 'active';

-- Processes that consume sources, so that each takes its share.
create table source_process (
  id uuid primary key,
  until timestamptz not null
);

-- Messages that were refused for what they are, so that they are not lost and hold up no others.
create table source_rejection (
  id uuid primary key,
  environment_id uuid not null references environment,
  source_id uuid not null references source on delete cascade,
  -- SHA-256 of the broker's id of the message and of the message: one that comes again is here once.
  digest bytea not null,
  -- The broker's own id of it.
  message_id text not null,
  reason text not null,
  detail text not null,
  headers json not null,
  -- The first 256 KiB of it.
  body bytea not null,
  body_bytes integer not null,
  unique (source_id, digest)
);
create index source_rejection_list on source_rejection (source_id, id);
create index source_rejection_of_environment on source_rejection (environment_id, id);
