import { type Figure, isMet, TAKEN_BY_OTHERS, type Target } from './figure.ts';
import type { Report } from './report.ts';
import { spread } from './statistics.ts';

const DATABASE = { postgresql: 'PostgreSQL', embedded: 'embedded' } as const;

/** The tables as text: what has a target first, then everything else. Both are Markdown, aligned to be read as it is. */
export function tables(report: Report): string {
  const { figures } = report;
  const judged = figures.filter(({ target }) => target !== null);
  const others = figures.filter(({ target }) => target === null);
  const parts: string[] = [];
  if (judged.length > 0) {
    parts.push(
      table(['', 'what', 'database', 'figure', 'target', '', 'spread of rounds'], '   >> >', [
        ...judged.map((figure) => [
          ...lead(figure),
          shown(figure),
          targetOf(figure),
          verdict(figure),
          spreadOf(figure),
        ]),
      ]),
    );
  }
  if (others.length > 0) {
    parts.push(
      table(['', 'what', 'database', 'figure', 'spread of rounds'], '   >>', [
        ...others.map((figure) => [...lead(figure), shown(figure), spreadOf(figure)]),
      ]),
    );
  }
  const notes = [...notRun(report), ...distrust(figures)];
  if (notes.length > 0) parts.push(`${notes.map((note) => `- ${note}`).join('\n')}\n`);
  return parts.join('\n');
}

function notRun({ failures }: Report): string[] {
  return failures.map(
    ({ part, database, reason }) =>
      `Not run, or not to its end: (${part})${database ? ` on ${DATABASE[database]}` : ''}: ${reason}`,
  );
}

/** What others may take before the figures say more of them than of us. */
const TOLERABLE_PERCENT = 10;

function distrust(figures: readonly Figure[]): string[] {
  const taken = Math.max(
    0,
    ...figures.filter(({ name }) => name.endsWith(TAKEN_BY_OTHERS)).map(({ value }) => value ?? 0),
  );
  return taken > TOLERABLE_PERCENT
    ? [
        `Other processes took up to ${Math.round(taken)} % of the cores meanwhile: absolute figures and times are too bad.`,
      ]
    : [];
}

function lead({ part, name, database }: Figure): string[] {
  return [part, name, database ? DATABASE[database] : ''];
}

function shown({ value, unit, rounds }: Figure): string {
  // What is unknown (NaN) comes back from the JSON as null, with its rounds.
  if (value === null) return rounds.length > 0 ? 'unknown' : 'not run';
  return unit === 'ratio' ? ratio(value) : `${amount(value)}${unit === '/s' || unit === '%' ? unit : ` ${unit}`}`;
}

function targetOf({ target, unit }: Figure): string {
  if (!target) return '';
  const show = (value: number) => (unit === 'ratio' ? String(value) : `${value} ${unit}`);
  return isLeast(target) ? `≥ ${show(target.atLeast)}` : `≤ ${show(target.atMost)}`;
}

function isLeast(target: Target): target is { readonly atLeast: number } {
  return 'atLeast' in target;
}

function verdict(figure: Figure): string {
  const met = isMet(figure);
  return met === null ? '' : met ? 'met' : 'not met';
}

function spreadOf({ rounds }: Figure): string {
  // Of nothing there is no share: a median of 0.
  const percent = rounds.length > 1 ? Math.round(100 * spread(rounds)) : Number.NaN;
  return Number.isFinite(percent) ? `${percent} %` : '';
}

function ratio(value: number): string {
  return Number.isNaN(value) ? 'unknown' : value.toFixed(value < 1 ? 3 : 2);
}

function amount(value: number): string {
  if (Number.isNaN(value)) return 'unknown';
  if (value >= 1000) return Math.round(value).toLocaleString('en-GB');
  return value.toFixed(value >= 100 ? 0 : value >= 1 ? 1 : 3);
}

/** @param sides `>` for a column that is aligned to the right. */
function table(head: readonly string[], sides: string, rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) =>
    Math.max(3, ...[title, ...rows.map((row) => row[at] ?? '')].map((cell) => cell.length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, at) => (sides[at] === '>' ? (cells[at] ?? '').padStart(width) : (cells[at] ?? '').padEnd(width))).join(' | ')} |`;
  const rule = `| ${widths.map((width, at) => (sides[at] === '>' ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  return `${[line(head), rule, ...rows.map(line)].join('\n')}\n`;
}
