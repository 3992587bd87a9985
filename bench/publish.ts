import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { harness, type Report } from './report.ts';
import { tables } from './table.ts';

const DOCS = join(import.meta.dirname, '../docs');
const BEGIN = '<!-- bench: begin -->';
const END = '<!-- bench: end -->';

/** Puts a run's tables into docs/performance.md and its rounds beside it, so that nobody types a figure by hand. */
export function publish(result: string): void {
  const report: Report = JSON.parse(readFileSync(result, 'utf8'));
  const page = join(DOCS, 'performance.md');
  const text = readFileSync(page, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${page} has no place for the tables (${BEGIN})`);
  writeFileSync(page, `${before}${BEGIN}\n\n${harness(report)}\n\n${tables(report)}\n${END}${after}`);
  copyFileSync(result, join(DOCS, 'performance.json'));
}
