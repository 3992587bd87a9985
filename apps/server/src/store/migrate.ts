import { readdirSync, readFileSync } from 'node:fs';
import { type Database, hasSqlState, type Queryable, statement, UNDEFINED_TABLE } from './database.ts';

/**
 * Numbered migrations (`0001_name.sql`), each in a transaction of its own, under one advisory lock: processes that start
 * together migrate once. A migration that has landed is never edited.
 */
const FOLDER = new URL('./migrations/', import.meta.url);
// Any constant: what counts is that all Postriders of one database use the same.
const LOCK = 7_243_392_118;

const lock = statement('migrate_lock', `select pg_advisory_xact_lock(${LOCK})`);
const applied = statement<{ name: string }>('migrate_applied', 'select name from migration');
const record = statement('migrate_record', 'insert into migration (name) values ($1)');

/** @returns the names of the migrations that ran. */
export async function migrate(database: Database): Promise<string[]> {
  await createLedger(database);
  const ran: string[] = [];
  for (const name of migrationNames()) {
    const isNew = await database.transaction(async (tx) => {
      await tx.query(lock, []);
      const done = await tx.query(applied, []);
      if (done.some((row) => row.name === name)) return false;
      await runScript(tx, readFileSync(new URL(name, FOLDER), 'utf8'));
      await tx.query(record, [name]);
      return true;
    });
    if (isNew) ran.push(name);
  }
  return ran;
}

/** The migrations that have not run on this database, which is only looked at. */
export async function pendingMigrations(database: Database): Promise<string[]> {
  const done = await database.query(applied, []).catch((error: unknown) => {
    if (hasSqlState(error, UNDEFINED_TABLE)) return [];
    throw error;
  });
  const names = new Set(done.map(({ name }) => name));
  return migrationNames().filter((name) => !names.has(name));
}

function migrationNames(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.sql'))
    .sort();
}

async function createLedger(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    // "if not exists" alone can still collide between two processes on a new database.
    await tx.query(lock, []);
    await tx.query(
      statement(
        '',
        'create table if not exists migration (name text primary key, applied_at timestamptz not null default now())',
      ),
      [],
    );
  });
}

/** The extended protocol takes one statement at a time; a migration is many. */
async function runScript(tx: Queryable, sql: string): Promise<void> {
  for (const text of splitStatements(sql)) await tx.query(statement('', text), []);
}

/** Splits at semicolons that end a line, outside `$$ … $$` bodies and comments. */
export function splitStatements(sql: string): string[] {
  const withoutComments = sql.replace(/^\s*--.*$/gm, '');
  const statements: string[] = [];
  let current = '';
  let inBody = false;
  for (const line of withoutComments.split('\n')) {
    if ((line.split('$$').length - 1) % 2 === 1) inBody = !inBody;
    current += `${line}\n`;
    if (!inBody && line.trimEnd().endsWith(';')) {
      statements.push(current);
      current = '';
    }
  }
  return [...statements, current].map((text) => text.trim()).filter((text) => text !== '');
}
