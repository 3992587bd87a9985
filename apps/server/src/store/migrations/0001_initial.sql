-- The first house: who owns what, what was accepted, what is due, what was tried.

create table environment (
  id uuid primary key,
  name text not null unique,
  mode text not null check (mode in ('live', 'test')),
  -- The environment's data key, wrapped by the master key (crypto/vault.ts). Secrets of its rows are sealed with it.
  data_key bytea not null,
  created_at timestamptz not null default now()
);

create table application (
  id uuid primary key,
  environment_id uuid not null references environment,
  -- The producer's own id for its customer.
  uid text,
  name text not null,
  metadata jsonb not null default '{}',
  is_default boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (environment_id, uid)
);
create unique index application_default on application (environment_id) where is_default;
create index application_list on application (environment_id, id);

create table api_key (
  id uuid primary key,
  environment_id uuid not null references environment,
  name text not null,
  scope text not null check (scope in ('read', 'write', 'admin')),
  -- SHA-256 of the whole key: found by it, never read back from it.
  digest bytea not null unique,
  last4 text not null,
  created_at timestamptz not null default now()
);
create index api_key_list on api_key (environment_id, id);

create table endpoint (
  id uuid primary key,
  environment_id uuid not null references environment,
  application_id uuid not null references application on delete cascade,
  type text not null check (type in ('webhook')),
  url text not null,
  events text[] not null,
  channels text[],
  description text not null default '',
  metadata jsonb not null default '{}',
  -- Sealed: headers may hold an Authorization, the secret signs.
  headers bytea,
  secret bytea not null,
  retry_policy jsonb not null,
  timeout_seconds real not null check (timeout_seconds between 1 and 60),
  status text not null check (status in ('active', 'paused', 'disabled')),
  disabled_reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index endpoint_list on endpoint (application_id, id);

-- Messages, deliveries and attempts are partitioned by day over the id that starts them. A UUIDv7 begins with its
-- time, and a delivery's id begins with its message's, so the three tables of a day come and go together.
-- created_at is read off the id (core/ids.ts). No foreign keys: they would be checked row by row on the hot path and
-- would stop a partition from being dropped.

create table message (
  id uuid primary key,
  environment_id uuid not null,
  application_id uuid not null,
  event_type text not null,
  event_id text,
  -- The payload's own bytes as posted: text, because jsonb would reorder and re-space it.
  payload text not null,
  headers json,
  channels json,
  -- Why each endpoint did or did not match when the message was accepted.
  matching json not null
) partition by range (id);
create index message_by_environment on message (environment_id, id);
create index message_by_application on message (application_id, id);

create table delivery (
  id uuid primary key,
  message_id uuid not null,
  environment_id uuid not null,
  application_id uuid not null,
  endpoint_id uuid not null,
  event_type text not null,
  status text not null check (status in ('PENDING', 'SENDING', 'SENT', 'FAILED')),
  attempt_count integer not null default 0,
  -- What the next attempt will be: scheduled, manual or test.
  trigger text not null default 'scheduled',
  -- PENDING: when the next attempt is due. SENDING: when the lease ends and somebody else may take over. Else null.
  due_at timestamptz,
  -- Fencing token: raised by every claim. A result counts only while the row still has the claim's value.
  lease integer not null default 0,
  last_status_code integer,
  last_error text,
  completed_at timestamptz
) partition by range (id);
-- Claims look for what is due, the rescuer for leases that have ended. Over due_at alone each read the other's rows as
-- well: with 20,000 deliveries due, every rescue (one a second) looked at all of them.
create index delivery_due on delivery (status, due_at) where due_at is not null;
create index delivery_by_environment on delivery (environment_id, id);
create index delivery_by_application on delivery (application_id, id);
create index delivery_by_endpoint on delivery (endpoint_id, id);
create index delivery_failed on delivery (environment_id, id) where status = 'FAILED';

create table attempt (
  delivery_id uuid not null,
  number integer not null,
  environment_id uuid not null,
  trigger text not null,
  url text not null,
  request_headers json not null,
  response_status integer,
  response_headers json,
  response_body text,
  error_code text,
  error_message text,
  duration_ms integer not null,
  timings json not null,
  started_at timestamptz not null,
  primary key (delivery_id, number)
) partition by range (delivery_id);

-- The answer of a call that carried an idempotency key. Written in the transaction of the call's own effect, so there
-- is no "in progress" state: a second caller waits on the unique index until the first commits or is gone.
create table idempotency_key (
  environment_id uuid not null references environment,
  -- Route and application the key belongs to.
  scope text not null,
  key text not null,
  fingerprint bytea not null,
  status integer not null,
  body text not null,
  created_at timestamptz not null default now(),
  primary key (environment_id, scope, key)
);
create index idempotency_key_age on idempotency_key (created_at);

-- What every process must forget from its caches, in commit order: the counter's row lock is held to the end of the
-- changing transaction, so a reader that saw version n has seen all below it.
create table change_counter (
  singleton boolean primary key default true check (singleton),
  version bigint not null
);
insert into change_counter (version) values (0);
create table change (
  version bigint primary key,
  subject_kind text not null check (subject_kind in ('application', 'api_key')),
  subject_id uuid not null,
  created_at timestamptz not null default now()
);
