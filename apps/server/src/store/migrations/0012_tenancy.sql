-- Policies, role and grants of row-level security are not here: every start makes what lacks of them (store/tenancy.ts).

-- The environments of an organization, as one of them sees the others: by name, and nothing more. A view looks at its
-- tables as their owner does, whom policies do not bind; so it says itself what a tenant may see.
create view sibling_environment with (security_barrier) as
  select mine.id as of_environment, e.id, e.name, e.mode
  from environment mine join environment e on e.organization_id = mine.organization_id
  where current_user <> 'postrider_tenant'
    or mine.id = nullif(current_setting('postrider.environment', true), '')::uuid;
