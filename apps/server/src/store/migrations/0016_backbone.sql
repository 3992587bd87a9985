-- Workers that take deliveries from the broker (POSTRIDER_QUEUE_URL), as they last said of themselves: nobody hands
-- anything over to a queue that nobody, or nobody in time, takes from.
create table backbone_worker (
  id uuid primary key,
  seen_at timestamptz not null,
  -- How old what it took last was, or how long it had no room for more.
  lag_ms float8 not null
);
