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
