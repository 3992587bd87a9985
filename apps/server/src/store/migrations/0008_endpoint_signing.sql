-- How an endpoint's deliveries look and are signed, where that is not as its environment says; and its owner's own id of it.
alter table endpoint add column uid text;
create unique index endpoint_uid on endpoint (application_id, uid);
-- Null: the environment's.
alter table endpoint add column body_format text check (body_format in ('raw', 'event', 'standard'));
alter table endpoint add column signature jsonb;
-- Sealed: JSON array of {secret, until} (milliseconds since 1970), which sign along with the secret until then.
alter table endpoint add column old_secrets bytea;
