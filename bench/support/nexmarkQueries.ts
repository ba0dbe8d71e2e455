/** The Nexmark statements of sql-tests/nexmark, with the floors of the first measurement. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..', '..', 'sql-tests', 'nexmark');

/** Events a second on one core that the design asks for at least; queries without a floor are left out. */
export const floors: ReadonlyMap<string, number> = new Map([
  ...['q0', 'q1', 'q14', 'q21', 'q22', 'q3', 'q8'].map((q) => [q, 1_000_000] as const),
  ['q2', 5_000_000],
  ...['q4', 'q17'].map((q) => [q, 500_000] as const),
  ...['q5', 'q7', 'q15'].map((q) => [q, 200_000] as const),
  ...['q9', 'q16', 'q18', 'q19', 'q20'].map((q) => [q, 150_000] as const),
]);

/** Names of all queries, in the order of their numbers. */
export function queryNames(): readonly string[] {
  return readdirSync(folder)
    .flatMap((file) => (/^q\d+\.sql$/.test(file) ? [file.slice(0, -4)] : []))
    .sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
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

/** The three sources; `options` are added to each, as in `, nexmark.event.num = 100`. */
export function sourceStatements(options: string): string {
  return readFileSync(join(folder, 'sources.sql'), 'utf8').replaceAll(' /*options*/', options);
}

/** The three tables. */
export function tableStatements(): string {
  return readFileSync(join(folder, 'tables.sql'), 'utf8');
}
