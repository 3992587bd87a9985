-- The rescuer looks for leases that have ended, claims for what is due. Over due_at alone each read the other's rows as
-- well: with 20,000 deliveries due, every rescue (one a second) looked at all of them.
drop index delivery_due;
create index delivery_due on delivery (status, due_at) where due_at is not null;
