-- What customers' browsers may ask: their calls are counted, and their replays.

-- Calls of all portal sessions of an application in the minute that is under way, as request_count has those of a key.
create table portal_request_count (
  application_id uuid primary key references application on delete cascade,
  minute timestamptz not null,
  requests integer not null
) with (fillfactor = 50);

-- How many jobs are open, without a walk over all that ever were.
create index job_open_of on job (environment_id, application_id) where status in ('pending', 'running');
