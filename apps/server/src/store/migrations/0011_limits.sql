-- API keys that can be shown again, that end and that are limited; and what is counted against a limit.

-- The key itself, sealed, for whoever asks to see it again. Null in keys that were made before this.
alter table api_key add column key bytea;
-- Null: never.
alter table api_key add column expires_at timestamptz;
alter table api_key add column last_used_at timestamptz;
-- Calls in a minute; null: as the environment's plan says.
alter table api_key add column rate_limit integer check (rate_limit > 0);

-- Calls of a key in the minute that is under way: one row for each key that has a limit, changed by every call. No index
-- but its key's, and room on the page, so that a change never touches an index.
create table request_count (
  api_key_id uuid primary key references api_key on delete cascade,
  minute timestamptz not null,
  requests integer not null
) with (fillfactor = 50);

-- What an application used in a calendar month of UTC. Where it has a limit, `messages` is added to in the transaction
-- that stores them. No foreign key: it would fail a whole commit for one application that was just deleted.
create table usage (
  application_id uuid not null,
  -- Its first day.
  month date not null,
  environment_id uuid not null,
  messages bigint not null,
  deliveries_sent bigint not null,
  deliveries_failed bigint not null,
  primary key (application_id, month)
) with (fillfactor = 50);
create index usage_age on usage (month);
