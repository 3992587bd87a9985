import type { Queryable, Statement, Transactional } from '../../src/store/database.ts';
import { statement } from '../../src/store/database.ts';

/** What running a statement cost, as the server itself counts it. */
export interface Cost {
  /** Kinds of plan node, each once. */
  readonly nodes: ReadonlySet<string>;
  /** Rows that scans looked at, whether or not they let them through. */
  readonly rows: number;
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly PlanNode[];
}

/** The first statement that `work` runs, with its values. */
export async function statementOf(
  work: (db: Queryable) => Promise<unknown>,
): Promise<[Statement<unknown>, readonly unknown[]]> {
  const seen: [Statement<unknown>, readonly unknown[]][] = [];
  await work({
    query: async (each, values) => {
      seen.push([each, values]);
      return [];
    },
  });
  const [first] = seen;
  if (!first) throw new Error('no statement was run');
  return first;
}

/**
 * Runs a statement as `db` would, with the plan that its one connection keeps for it, and undoes what it did. A statement
 * without a name is planned anew, as it is in use.
 */
export async function costOf(
  db: Transactional,
  [run, values]: [Statement<unknown>, readonly unknown[]],
): Promise<Cost> {
  let plan: PlanNode | undefined;
  const undo = new Error('undo');
  await db
    .transaction(async (tx) => {
      if (run.name === '') await tx.query(statement('', `prepare unnamed as ${run.text}`), []);
      const call = `${run.name || 'unnamed'}${values.length > 0 ? `(${values.map(literal).join(', ')})` : ''}`;
      const text = `explain (analyze, timing off, format json) execute ${call}`;
      const [row] = await tx.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(statement('', text), []);
      plan = row?.['QUERY PLAN'][0].Plan;
      if (run.name === '') await tx.query(statement('', 'deallocate unnamed'), []);
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
  if (!plan) throw new Error('no plan came back');
  const nodes = flatten(plan);
  const scans = nodes.filter((node) => node['Relation Name'] && node['Node Type'].includes('Scan'));
  return {
    nodes: new Set(nodes.map((node) => node['Node Type'])),
    rows: scans.reduce((sum, node) => sum + seen(node) * node['Actual Loops'], 0),
  };
}

function seen(node: PlanNode): number {
  return node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return literal(`{${value.map((each) => JSON.stringify(each) ?? 'null').join(',')}}`);
  if (value instanceof Date) return `'${value.toISOString()}'`;
  if (Buffer.isBuffer(value)) return literal(elementsIn(value));
  return typeof value === 'number' ? String(value) : `'${String(value).replaceAll("'", "''")}'`;
}

const TEXT_OF: Readonly<Record<number, (bytes: Buffer) => string>> = {
  16: (bytes) => (bytes[0] ? 't' : 'f'),
  23: (bytes) => String(bytes.readInt32BE()),
  25: (bytes) => bytes.toString('utf8'),
  701: (bytes) => String(bytes.readDoubleBE()),
  1184: (bytes) => new Date(Number(bytes.readBigInt64BE() / 1000n) + Date.UTC(2000, 0)).toISOString(),
  2950: (bytes) => bytes.toString('hex'),
};

/** What store/array.ts put into bytes: after the head, each element's length and the element. */
function elementsIn(bytes: Buffer): (string | null)[] {
  const read = TEXT_OF[bytes.readInt32BE(8)] ?? String;
  const elements: (string | null)[] = [];
  for (let at = 20; at < bytes.length; ) {
    const length = bytes.readInt32BE(at);
    elements.push(length < 0 ? null : read(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + Math.max(0, length);
  }
  return elements;
}
