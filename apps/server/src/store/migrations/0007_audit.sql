-- Who did what to the set-up of an environment. Written in the transaction of the act itself: there is no act without its
-- entry and no entry without its act. When, is read off the id.
create table audit_entry (
  id uuid primary key,
  environment_id uuid not null,
  actor_kind text not null check (actor_kind in ('api_key', 'command', 'system')),
  -- The key; null where there is none. No reference: an entry outlives what it tells of.
  actor_id uuid,
  -- Resource and verb: endpoint.create.
  action text not null,
  -- The public id, or the name, of what it was done to.
  subject text not null,
  -- What is worth knowing besides; never a secret.
  details json not null default '{}',
  request_id text
);
create index audit_entry_list on audit_entry (environment_id, id);
