/** The Nexmark statements of sql-tests/nexmark, with the floors of the first measurement. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..', '..', 'sql-tests', 'nexmark');

/** Events a second on one core that the design asks for at least; queries without a floor are left out. */
export const floors: ReadonlyMap<string, number> = new Map([
  ...['q0', 'q1', 'q14', 'q21', 'q22', 'q3', 'q8', 'q13'].map((q) => [q, 1_000_000] as const),
  ['q2', 5_000_000],
  ...['q4', 'q12', 'q17'].map((q) => [q, 500_000] as const),
  ...['q5', 'q7', 'q11', 'q15'].map((q) => [q, 200_000] as const),
  ...['q9', 'q16', 'q18', 'q19', 'q20'].map((q) => [q, 150_000] as const),
]);

/** Queries by the time at which rows come, which is a column of their bids: the answer depends on the run. */
const byArrival: ReadonlySet<string> = new Set(['q12']);

/** Names of all queries, in the order of their numbers. */
export function allQueryNames(): readonly string[] {
  return readdirSync(folder)
    .flatMap((file) => (/^q\d+\.sql$/.test(file) ? [file.slice(0, -4)] : []))
    .sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
}

/** Names of the queries that the events alone determine. */
export function queryNames(): readonly string[] {
  return allQueryNames().filter((name) => !byArrival.has(name));
}

/** The CREATE MATERIALIZED VIEW statement of a query. */
export function viewStatement(name: string): string {
  return readFileSync(join(folder, `${name}.sql`), 'utf8');
}

/** The SELECT of a query, without its CREATE. */
export function queryText(name: string): string {
  const statement = viewStatement(name);
  return statement.slice(statement.indexOf(' AS\n') + 4).replace(/;\s*$/, '');
}

const text = (file: string): string => readFileSync(join(folder, file), 'utf8');

/** The table that a query looks up. */
export function sideInputStatements(): string {
  return text('side_input.sql');
}

/**
 * The three sources, as `query` needs them, and the side input; `options` are added to each source, as in
 * `, nexmark.event.num = 100`.
 */
export function sourceStatements(options: string, query?: string): string {
  const lines = text('sources.sql').split('\n');
  const sources =
    query !== undefined && byArrival.has(query)
      ? [...lines.filter((line) => !line.startsWith('CREATE SOURCE bid ')), text('arrivals.sql')]
      : lines;
  return sources.join('\n').replaceAll(' /*options*/', options) + sideInputStatements();
}

/** The three tables and the side input. */
export function tableStatements(): string {
  return text('tables.sql') + sideInputStatements();
}
