-- What is due, by endpoint. A claim used to walk one queue of everything that is due, so a backlog for one dead endpoint
-- stood before everybody else's deliveries. Now each endpoint has a lane, a claim takes turns between lanes that are
-- ready, and a lane that is held is not looked at until its hold ends.

create table lane (
  endpoint_id uuid primary key,
  -- When the next PENDING delivery of this endpoint is due; null where none waits.
  next_at timestamptz,
  -- Nothing is claimed before; 'infinity' while paused.
  held_until timestamptz,
  held_by text check (held_by in ('paused', 'circuit_open', 'rate_limit')),
  -- When it last had its turn: the next turn is for whoever waited longest.
  served_at timestamptz,
  ready_at timestamptz generated always as (
    case when next_at is not null then greatest(next_at, held_until, served_at) end) stored,
  -- Deliveries in flight, counted for endpoints with an order or a limit on them only.
  in_flight integer not null default 0,
  -- Every place is taken, or a fifo head waits for its retry: new deliveries behind it do not make the lane ready.
  is_blocked boolean not null default false,
  -- A fifo endpoint's oldest unfinished delivery, once it was claimed.
  head_id uuid,
  -- Token bucket of the rate limit, and of the slow start after a hold.
  tokens double precision not null default 0,
  tokens_at timestamptz,
  resumed_at timestamptz,
  -- Circuit breaker (core/circuit.ts).
  circuit text not null default 'closed' check (circuit in ('closed', 'open', 'half_open')),
  openings integer not null default 0,
  opened_at timestamptz
);
create index lane_ready on lane (ready_at) where ready_at is not null;

insert into lane (endpoint_id, next_at) select id, now() from endpoint;

alter table endpoint add column rate_limit real check (rate_limit > 0);
alter table endpoint add column max_in_flight integer check (max_in_flight > 0);
alter table endpoint add column ordering text not null default 'none' check (ordering in ('none', 'fifo'));

drop index delivery_due;
-- Leases by their end, for the rescuer.
create index delivery_leased on delivery (due_at) where status = 'SENDING';
-- What waits in a lane. First attempts apart from retries, so that neither starves the other.
create index delivery_first on delivery (endpoint_id, due_at, id) where status = 'PENDING' and attempt_count = 0;
create index delivery_again on delivery (endpoint_id, due_at, id) where status = 'PENDING' and attempt_count > 0;
