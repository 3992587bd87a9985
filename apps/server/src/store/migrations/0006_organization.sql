-- Who owns environments, and what an environment decides for all that is in it.

create table organization (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null default now()
);

alter table environment add column organization_id uuid references organization;
-- Environments that are there already get an organization; its id is a UUIDv7 like all others.
with made as (
  insert into organization (id, name)
  select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3) ||
          '8' || substr(md5(random()::text), 1, 15))::uuid, 'My organization'
  where exists (select from environment)
  returning id
)
update environment set organization_id = made.id from made;
alter table environment alter column organization_id set not null;
alter table environment drop constraint environment_name_key;
create unique index environment_name on environment (organization_id, name);

-- What core/environment.ts says of each.
alter table environment add column strict_event_types boolean not null default false;
alter table environment add column payload_validation text not null default 'off'
  check (payload_validation in ('off', 'mark', 'refuse'));
alter table environment add column body_format text not null default 'raw'
  check (body_format in ('raw', 'event', 'standard'));
alter table environment add column signature jsonb not null default '{"scheme": "standard"}';
alter table environment add column plan text not null default 'unlimited' check (plan in ('free', 'unlimited'));
alter table environment add column updated_at timestamptz not null default now();

-- Null: as the environment's plan says.
alter table application add column plan text check (plan in ('free', 'unlimited'));
alter table application add column monthly_event_limit bigint check (monthly_event_limit >= 0);
alter table application add column contact_email text;
-- explicit: only event types it has subscribed to reach its endpoints.
alter table application add column subscriptions text not null default 'all' check (subscriptions in ('all', 'explicit'));

alter table change drop constraint change_subject_kind_check;
alter table change add constraint change_subject_kind_check
  check (subject_kind in ('application', 'api_key', 'environment'));
