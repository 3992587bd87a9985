import { setTimeout as delay } from 'node:timers/promises';
import { type Database, hasSqlState, LOCK_NOT_AVAILABLE, statement } from './database.ts';

/**
 * Row-level security: what callers read and write runs as a role of its own (tenant.ts) that sees the rows of one
 * environment, named by a setting of its transaction. It is the second lock on the door: every statement names its
 * environment all the same.
 *
 * The engine itself works for all environments at once and goes on as the owner of the tables, whom policies do not bind:
 * they are not FORCEd, so what is hot pays nothing.
 *
 * All of this is looked at on every start, and what lacks is made, so that a new table cannot be forgotten and a restored
 * database has what it needs.
 */
export const TENANT_ROLE = 'postrider_tenant';
export const ENVIRONMENT_SETTING = 'postrider.environment';

const ENVIRONMENT = `(select nullif(current_setting('${ENVIRONMENT_SETTING}', true), '')::uuid)`;

/** Tables whose rows say in another way than by environment_id whose they are. */
const OWN_POLICIES = {
  environment: `id = ${ENVIRONMENT}`,
  organization: `id = (select organization_id from environment where id = ${ENVIRONMENT})`,
} as const;

/**
 * What tenants may do with tables (and a view) that have no environment_id. All others of these are closed to them.
 *
 * `lane` has no policy: whose it is only its endpoint knows, and a lane is made in one statement with its endpoint and
 * let go once that is deleted. It holds times and counts, nothing that a tenant wrote. Nor have the change log and its
 * counter: ids of what changed.
 */
const GRANTS: Readonly<Record<string, readonly string[]>> = {
  environment: ['select', 'update'],
  organization: ['select', 'update'],
  sibling_environment: ['select'],
  lane: ['select', 'insert', 'update', 'delete'],
  change: ['insert'],
  change_counter: ['select', 'update'],
};
const OF_AN_ENVIRONMENT = ['select', 'insert', 'update', 'delete'];

/** Null: callers are held to their environment by the database too. Else what an administrator is to do for that. */
export type Weakness = string | null;

/** Makes what lacks of policies, role and grants; says whether tenants can be told apart by the database. */
export async function ensureTenancy(db: Database): Promise<Weakness> {
  for (const table of await tablesWithoutPolicy(db)) await protect(db, table);
  await db.query(makeRole, []);
  await db.query(joinRole, []);
  const weakness = await tenancyRemedy(db);
  if (weakness === null) await db.transaction((tx) => tx.query(grantAll, []));
  return weakness;
}

/** Tables of ours as the catalogue has them; a partition is reached through its table alone and has no grants. */
const OURS = `pg_class c
  where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`;
const HAS_ENVIRONMENT = `exists (
  select from pg_attribute a where a.attrelid = c.oid and a.attname = 'environment_id' and not a.attisdropped)`;

const unprotected = statement<{ name: string }>(
  '',
  `select c.relname as name from ${OURS}
     and (${HAS_ENVIRONMENT} or c.relname in (${Object.keys(OWN_POLICIES).map(quoted).join()}))
     and not (c.relrowsecurity and exists (select from pg_policy p where p.polrelid = c.oid))
   order by c.relname`,
);

export async function tablesWithoutPolicy(db: Database): Promise<string[]> {
  return (await db.query(unprotected, [])).map(({ name }) => name);
}

// Any constant: what counts is that all Postriders of one database use the same.
const LOCK = 7_243_392_121;
/** Everybody who comes after us waits behind us while we wait for a table. */
const LOCK_MS = 200;
const TRIES = 100;

/** A table at a time, so that no two locks are held at once. @throws LOCK_NOT_AVAILABLE where somebody reads on and on. */
async function protect(db: Database, table: string): Promise<void> {
  const own: Readonly<Record<string, string>> = OWN_POLICIES;
  const condition = own[table] ?? `environment_id = ${ENVIRONMENT}`;
  const make = statement(
    '',
    `do $$ begin
       perform pg_advisory_xact_lock(${LOCK});
       set local lock_timeout = ${LOCK_MS};
       alter table ${table} enable row level security;
       if not exists (select from pg_policy where polrelid = '${table}'::regclass) then
         create policy tenant on ${table} using (${condition}) with check (${condition});
       end if;
     end $$`,
  );
  for (let tries = 1; ; tries++) {
    try {
      await db.query(make, []);
      return;
    } catch (error) {
      if (!hasSqlState(error, LOCK_NOT_AVAILABLE) || tries === TRIES) throw error;
      await delay(LOCK_MS);
    }
  }
}

// A role is of the whole cluster: processes of another database may be making it at this moment.
const makeRole = statement(
  '',
  `do $$ begin
     if not exists (select from pg_roles where rolname = '${TENANT_ROLE}') then create role ${TENANT_ROLE} nologin; end if;
   exception when duplicate_object or unique_violation or insufficient_privilege then null;
   end $$`,
);

// Whoever makes a role need not be able to become it (PostgreSQL 16): what counts is whether it works.
const joinRole = statement(
  '',
  `do $$ begin
     begin
       set local role ${TENANT_ROLE};
     exception when insufficient_privilege then
       grant ${TENANT_ROLE} to current_user;
     end;
   exception when unique_violation or insufficient_privilege or undefined_object or invalid_parameter_value then null;
   end $$`,
);

const whoami = statement<{ bound: boolean }>(
  '',
  'select not (rolsuper or rolbypassrls) as bound from pg_roles where rolname = current_user',
);

/** What stands in the way of telling tenants apart, as of now; nothing is made. */
export async function tenancyRemedy(db: Database): Promise<Weakness> {
  const [{ present, name } = { present: false, name: '' }] = await db.query(
    statement<{ present: boolean; name: string }>(
      '',
      `select exists (select from pg_roles where rolname = '${TENANT_ROLE}') as present, quote_ident(current_user) as name`,
    ),
    [],
  );
  const grant = `grant ${TENANT_ROLE} to ${name}`;
  if (!present) return `as an administrator: create role ${TENANT_ROLE} nologin; ${grant};`;
  try {
    const [self] = await db.after({ sql: `set local role ${TENANT_ROLE}`, label: '' }).query(whoami, []);
    return self?.bound ? null : `as an administrator: alter role ${TENANT_ROLE} nosuperuser nobypassrls;`;
  } catch (error) {
    if (!hasSqlState(error, '42501')) throw error;
    return `as an administrator: ${grant};`;
  }
}

const grantAll = statement(
  '',
  `do $$
   declare wanted record;
   begin
     perform pg_advisory_xact_lock(${LOCK});
     if not has_schema_privilege('${TENANT_ROLE}', current_schema(), 'usage') then
       execute format('grant usage on schema %I to ${TENANT_ROLE}', current_schema());
     end if;
     for wanted in
       select c.relname, g.privilege from (
         ${Object.entries(GRANTS)
           .map(([table, privileges]) => `select ${quoted(table)} as relname, ${arrayed(privileges)} as privileges`)
           .join(' union all ')}
         union all select c.relname, ${arrayed(OF_AN_ENVIRONMENT)} from ${OURS} and ${HAS_ENVIRONMENT}
       ) as t join pg_class c on c.relname = t.relname and c.relnamespace = current_schema()::regnamespace,
       unnest(t.privileges) as g(privilege)
       where not has_table_privilege('${TENANT_ROLE}', c.oid, g.privilege)
     loop
       execute format('grant %s on %I to ${TENANT_ROLE}', wanted.privilege, wanted.relname);
     end loop;
   end $$`,
);

function quoted(text: string): string {
  return `'${text}'`;
}

function arrayed(texts: readonly string[]): string {
  return `array[${texts.map(quoted).join()}]`;
}
