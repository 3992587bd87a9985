-- The catalogue: the kinds of events there are, for people to read and for payloads to be held against.
create table event_type (
  id uuid primary key,
  environment_id uuid not null references environment,
  name text not null,
  description text not null default '',
  group_name text,
  -- The newest version of its schema, which is the one in force; null: it has none.
  schema_version integer,
  example json,
  -- Bytes of the schema in force and the example together: what a catalogue may have in all is limited.
  size integer not null,
  archived_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (environment_id, name)
);
create index event_type_list on event_type (environment_id, id);

-- Every version that a schema has had, from 1 on.
create table event_type_schema (
  event_type_id uuid not null references event_type on delete cascade,
  version integer not null,
  environment_id uuid not null references environment,
  -- json and not jsonb: members stay in the order in which they were written.
  schema json not null,
  created_at timestamptz not null default now(),
  primary key (event_type_id, version)
);

-- Where a payload breaks the schema of its event type and the environment takes it all the same: [{path, message}].
alter table message add column payload_errors json;
