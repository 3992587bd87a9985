-- How long an environment's messages, deliveries and attempts are kept; null: as the process is set up.
alter table environment add column retention_days integer check (retention_days between 1 and 3650);

-- Who does the maintenance that one process does for all (maintenance/leader.ts).
create table leader (
  singleton boolean primary key default true check (singleton),
  holder uuid not null,
  until timestamptz not null
);
