import type { BodyFormat, Environment, PayloadValidation } from '../core/environment.ts';
import type { Uuid } from '../core/ids.ts';
import type { Plan } from '../core/plan.ts';
import type { Keeping } from '../core/retention.ts';
import type { SignatureSetting } from '../core/signature.ts';
import { type Queryable, statement } from './database.ts';

export interface EnvironmentRow {
  readonly id: Uuid;
  readonly organization_id: Uuid;
  readonly name: string;
  readonly mode: 'live' | 'test';
  /** Wrapped (crypto/vault.ts). */
  readonly data_key: Buffer;
  readonly strict_event_types: boolean;
  readonly payload_validation: PayloadValidation;
  readonly body_format: BodyFormat;
  readonly signature: SignatureSetting;
  readonly plan: Plan;
}

const COLUMNS =
  'id, organization_id, name, mode, data_key, strict_event_types, payload_validation, body_format, signature, plan';

/** What the row says, without its key. */
export function environmentOf(row: EnvironmentRow): Environment {
  return {
    id: row.id,
    organizationId: row.organization_id,
    name: row.name,
    mode: row.mode,
    strictEventTypes: row.strict_event_types,
    payloadValidation: row.payload_validation,
    bodyFormat: row.body_format,
    signature: row.signature,
    plan: row.plan,
  };
}

const list = statement<EnvironmentRow>('environment_list', `select ${COLUMNS} from environment order by id`);

export async function listEnvironments(db: Queryable): Promise<EnvironmentRow[]> {
  return db.query(list, []);
}

const read = statement<EnvironmentRow>('environment_read', `select ${COLUMNS} from environment where id = $1`);

export async function readEnvironment(db: Queryable, id: Uuid): Promise<EnvironmentRow | undefined> {
  return (await db.query(read, [id]))[0];
}

const insert = statement<EnvironmentRow>(
  'environment_insert',
  `insert into environment (id, organization_id, name, mode, data_key) values ($1, $2, $3, $4, $5) returning ${COLUMNS}`,
);

/** An environment with every setting as it is by default. */
export async function insertEnvironment(
  db: Queryable,
  row: Pick<EnvironmentRow, 'id' | 'organization_id' | 'name' | 'mode' | 'data_key'>,
): Promise<EnvironmentRow> {
  const [stored] = await db.query(insert, [row.id, row.organization_id, row.name, row.mode, row.data_key]);
  if (!stored) throw new Error('an insert returned no row');
  return stored;
}

const keepings = statement<Keeping>(
  'environment_keepings',
  'select id as "environmentId", retention_days as days from environment order by id',
);

/** How long each environment keeps its rows. */
export async function listKeepings(db: Queryable): Promise<Keeping[]> {
  return db.query(keepings, []);
}

/** An environment as it is shown and changed: without its key, with what else its owner may want to know. */
export interface EnvironmentDetail extends Omit<EnvironmentRow, 'data_key'> {
  readonly organization_name: string;
  /** Null: as long as everybody else's. */
  readonly retention_days: number | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const readDetail = statement<EnvironmentDetail>(
  'environment_read_detail',
  `select e.id, e.organization_id, o.name as organization_name, e.name, e.mode, e.strict_event_types,
     e.payload_validation, e.body_format, e.signature, e.plan, e.retention_days, e.created_at, e.updated_at
   from environment e join organization o on o.id = e.organization_id where e.id = $1`,
);

export async function readEnvironmentDetail(db: Queryable, id: Uuid): Promise<EnvironmentDetail | undefined> {
  return (await db.query(readDetail, [id]))[0];
}

const lockDetail = statement<EnvironmentDetail>('environment_lock', `${readDetail.text} for update of e`);

/** The same, held against other writers to the end of the transaction. */
export async function lockEnvironment(tx: Queryable, id: Uuid): Promise<EnvironmentDetail | undefined> {
  return (await tx.query(lockDetail, [id]))[0];
}

const update = statement<{ updated_at: Date }>(
  'environment_update',
  `update environment set name = $2, strict_event_types = $3, payload_validation = $4, body_format = $5, signature = $6,
     retention_days = $7, updated_at = now()
   where id = $1 returning updated_at`,
);

/** Rejects with a unique violation where its organization has another of that name. */
export async function updateEnvironment(tx: Queryable, row: EnvironmentDetail): Promise<EnvironmentDetail> {
  const [written] = await tx.query(update, [
    row.id,
    row.name,
    row.strict_event_types,
    row.payload_validation,
    row.body_format,
    JSON.stringify(row.signature),
    row.retention_days,
  ]);
  if (!written) throw new Error(`there is no environment ${row.id}`);
  return { ...row, ...written };
}

const updatePlan = statement(
  'environment_set_plan',
  'update environment set plan = $2, updated_at = now() where id = $1',
);

/** Not for its own callers: whoever runs Postrider sets it. */
export async function setEnvironmentPlan(tx: Queryable, id: Uuid, plan: Plan): Promise<void> {
  await tx.query(updatePlan, [id, plan]);
}

// Not "for update": what is inserted meanwhile refers to the environment, and would wait for us.
const lockKey = statement<EnvironmentRow>('environment_lock_key', `${read.text} for no key update`);

/** With its data key, held against other writers to the end of the transaction. */
export async function lockDataKey(tx: Queryable, id: Uuid): Promise<EnvironmentRow | undefined> {
  return (await tx.query(lockKey, [id]))[0];
}

const setDataKey = statement('environment_set_data_key', 'update environment set data_key = $2 where id = $1');

/** Puts the same data key there, wrapped by another master key. */
export async function replaceDataKey(tx: Queryable, id: Uuid, wrapped: Buffer): Promise<void> {
  await tx.query(setDataKey, [id, wrapped]);
}
