-- A delivery that is handed over when it is accepted and succeeds at once changes no column that an index knows: its update
-- stays in its page and touches none of the ten indexes. What is waited for, and what has failed, is known by columns that
-- are null on that way; what is leased, by the end of its last lease, which stays.

-- All that is stored is written anew.
set local statement_timeout = 0;
drop index delivery_first;
drop index delivery_again;
drop index delivery_failed;
drop index delivery_failed_by_endpoint;
drop index delivery_failed_by_application;
alter index delivery_leased rename to delivery_sending;

alter table delivery
  -- When the last lease ends, or has ended. Null where nobody ever had one.
  add column leased_until timestamptz,
  -- When a first attempt is due, or another one.
  add column first_at timestamptz generated always as (
    case when status = 'PENDING' and attempt_count = 0 then due_at end) stored,
  add column again_at timestamptz generated always as (
    case when status = 'PENDING' and attempt_count > 0 then due_at end) stored,
  add column has_failed boolean generated always as (case when status = 'FAILED' then true end) stored;

create index delivery_leased on delivery (leased_until) where leased_until is not null;
create index delivery_first on delivery (endpoint_id, first_at, id) where first_at is not null;
create index delivery_again on delivery (endpoint_id, again_at, id) where again_at is not null;
create index delivery_failed on delivery (environment_id, id) where has_failed;
create index delivery_failed_by_endpoint on delivery (endpoint_id, id) where has_failed;
create index delivery_failed_by_application on delivery (application_id, id) where has_failed;

-- `due_at` was the end of the lease of what is SENDING; now it is when a PENDING one is due, and nothing else.
update delivery set leased_until = coalesce(due_at, now()), due_at = null where status = 'SENDING';
drop index delivery_sending;
-- What is SENDING without the end of a lease nobody would ever free: an older Postrider that still runs is refused, and
-- loses nothing. One check, because each is made ready anew for every statement.
alter table delivery drop constraint delivery_status_check, add constraint delivery_status_check check (
  status in ('PENDING', 'SENT', 'FAILED') or (status = 'SENDING' and leased_until is not null and due_at is null));

-- How far the rescuer has come: nothing whose lease ended before is SENDING still.
create table lease_watch (
  singleton boolean primary key default true check (singleton),
  done_until timestamptz not null
);
insert into lease_watch (done_until) values ('-infinity');

-- Room in each page for what its rows become. New days: store/partition.ts.
do $$ declare day regclass;
begin
  for day in select inhrelid::regclass from pg_inherits where inhparent = 'delivery'::regclass loop
    execute format('alter table %s set (fillfactor = 45)', day);
  end loop;
end $$;
