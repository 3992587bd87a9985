-- What was counted: for charts and for the operator, kept apart from the deliveries themselves, whose rows would have to
-- be read by the million for a month's figures.

-- A row per subject and minute, made one per hour once it is two hours old. The subject is an endpoint, its application
-- or its environment, so that a chart of any of them reads at most a few hundred rows, however many endpoints it has.
create table tally (
  subject_id uuid not null,
  at timestamptz not null,
  -- How long it counts from then, in minutes: 1 or 60.
  width smallint not null check (width in (1, 60)),
  environment_id uuid not null,
  -- Null in the rows of an environment.
  application_id uuid,
  accepted integer not null,
  sent integer not null,
  failed integer not null,
  timeout integer not null,
  connection integer not null,
  http_4xx integer not null,
  http_5xx integer not null,
  other integer not null,
  -- Buckets of core/latency-histogram.ts.
  latency integer[] not null,
  last_success_at timestamptz,
  last_failure_at timestamptz,
  primary key (subject_id, at, width)
-- A row is added to every second of its minute: room on the page keeps that from touching the indexes.
) with (fillfactor = 50);
create index tally_age on tally (width, at);

-- Endpoints whose attempts have all failed since `since` (core/failing.ts). The first success deletes the row, so a
-- healthy endpoint has none. No foreign key: it would fail a whole statement for one endpoint that was just deleted.
create table failing_endpoint (
  endpoint_id uuid primary key,
  environment_id uuid not null,
  application_id uuid not null,
  since timestamptz not null,
  last_at timestamptz not null,
  failures integer not null
) with (fillfactor = 50);
create index failing_endpoint_since on failing_endpoint (since);
