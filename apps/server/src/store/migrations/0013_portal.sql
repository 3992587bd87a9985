-- A message by the producer's own id of it. Only what has one is in here.
create index message_by_event_id on message (application_id, event_id, id) where event_id is not null;
