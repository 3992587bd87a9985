-- A message by the producer's own id of it. Only what has one is in here.
create index message_by_event_id on message (application_id, event_id, id) where event_id is not null;

-- Links by which a customer's people come into the portal: used once, for minutes. Of the code in a link only a digest.
create table portal_link (
  id uuid primary key,
  environment_id uuid not null references environment,
  application_id uuid not null references application on delete cascade,
  digest bytea not null unique,
  capabilities text[] not null,
  theme json,
  return_url text,
  -- The producer's own name of the session that comes of it; one of several can be ended by it.
  label text,
  session_seconds integer not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index portal_link_of_application on portal_link (application_id);
create index portal_link_expiry on portal_link (expires_at);

-- What a link was exchanged for.
create table portal_session (
  id uuid primary key,
  environment_id uuid not null references environment,
  application_id uuid not null references application on delete cascade,
  digest bytea not null unique,
  capabilities text[] not null,
  label text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index portal_session_of_application on portal_session (application_id);
create index portal_session_expiry on portal_session (expires_at);

alter table audit_entry drop constraint audit_entry_actor_kind_check;
alter table audit_entry add constraint audit_entry_actor_kind_check
  check (actor_kind in ('api_key', 'command', 'system', 'portal_session'));
