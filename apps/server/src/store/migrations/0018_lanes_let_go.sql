-- A paused endpoint that was deleted with its application left its lane held for ever, and what waited there PENDING. Such
-- lanes are let go, so that it ends; in the order in which lanes are locked everywhere.
update lane set held_by = null, held_until = null, is_blocked = false, next_at = statement_timestamp()
where endpoint_id in (
  select endpoint_id from lane
  where (held_until is not null or is_blocked)
    and not exists (select from endpoint where endpoint.id = lane.endpoint_id)
  order by endpoint_id for update);
