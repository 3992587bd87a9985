-- What decides besides an endpoint's own filters which endpoints get a message.

-- Direct endpoints: made by a send to a URL, one for each URL. They match nothing that is published.
alter table endpoint add column is_direct boolean not null default false;
-- SHA-256 of its application's id and its URL: a URL may be longer than what an index takes.
alter table endpoint add column url_hash bytea;
alter table endpoint add constraint endpoint_url_hash check (is_direct = (url_hash is not null));
create unique index endpoint_by_url on endpoint (url_hash);
-- They may be many, and lists of the others must not walk over them.
drop index endpoint_list;
create index endpoint_list on endpoint (application_id, id) where not is_direct;
create index endpoint_list_direct on endpoint (application_id, id) where is_direct;

-- A fixed set of endpoints of the environment's default application for one event type.
create table route (
  id uuid primary key,
  environment_id uuid not null references environment,
  event_type text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (environment_id, event_type)
);
create index route_list on route (environment_id, id);
create table route_endpoint (
  route_id uuid not null references route on delete cascade,
  endpoint_id uuid not null references endpoint on delete cascade,
  environment_id uuid not null,
  primary key (route_id, endpoint_id)
);
create index route_endpoint_of on route_endpoint (endpoint_id);

-- What an application has said to an event type. No reference to the catalogue: what was said outlives the entry.
create table subscription (
  environment_id uuid not null references environment,
  application_id uuid not null references application on delete cascade,
  event_type text not null,
  is_subscribed boolean not null,
  -- 1 at first, one more with each change.
  version integer not null,
  updated_at timestamptz not null default now(),
  primary key (application_id, event_type)
);
