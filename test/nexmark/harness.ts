/** Databases with the Nexmark sources or tables, the queries as views, and results as comparable text. */

import { type EventTable, eventTypes } from '../../bench/support/nexmarkEvents.ts';
import { queryNames, sourceStatements, viewStatement } from '../../bench/support/nexmarkQueries.ts';
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import type { Row, Value } from '../../common/value.ts';
import type { Database } from '../../server/database.ts';
import { createDatabase, localSession } from '../../server/serve.ts';
import type { Session } from '../../server/session.ts';

export interface Engine {
  readonly database: Database;
  readonly session: Session;
}

const textContext = plainContext(() => 0n);

export function textOf(value: Value, type: DataType): string | null {
  return value === null ? null : formatValue(value, type, textContext);
}

/** A database without sources, with `statements` run. */
export async function engineWith(statements: string): Promise<Engine> {
  const database = createDatabase();
  const session = localSession(database);
  await session.run(statements);
  return { database, session };
}

/** A database with the three sources of `events` events, as fast as they can be read. */
export function engineWithSources(events: number): Promise<Engine> {
  return engineWith(sourceStatements(`, nexmark.event.num = ${events}, nexmark.min.event.gap.in.ns = 0`));
}

export async function createViews(engine: Engine): Promise<void> {
  for (const name of queryNames()) await engine.session.run(viewStatement(name));
}

/** Reads the sources to their end. */
export async function consume(engine: Engine): Promise<void> {
  while (await engine.database.pollSources());
}

/** Rows of one query as lines of text, sorted: a bag that can be compared. */
export async function lines(engine: Engine, sql: string): Promise<readonly string[]> {
  const result = must((await engine.session.run(sql)).at(-1));
  const columns = must(result.columns);
  return must(result.rows)
    .map((row) => JSON.stringify(columns.map((c, i) => textOf(row[i] ?? null, c.type))))
    .sort();
}

/** A row as a VALUES item. */
export function literalRow(table: EventTable, row: Row): string {
  const cells = eventTypes(table).map((type, i) => {
    const text = textOf(row[i] ?? null, type);
    return text === null ? 'NULL' : type.id === 'int8' ? text : `'${text.replaceAll("'", "''")}'`;
  });
  return `(${cells.join(', ')})`;
}

/** Sessions as islands: a row that comes later than the gap after the one before starts a new one. */
function islands(table: string, key: string, gap: string): string {
  const starts = `date_time - lag(date_time) OVER (PARTITION BY ${key} ORDER BY date_time) <= interval '${gap}'`;
  const marked = `SELECT *, CASE WHEN ${starts} THEN 0 ELSE 1 END AS first FROM ${table}`;
  const numbered = `SELECT *, sum(first) OVER (PARTITION BY ${key} ORDER BY date_time) AS island FROM (${marked}) AS m`;
  return (
    `(SELECT *, min(date_time) OVER session AS window_start,` +
    ` max(date_time) OVER session + interval '${gap}' AS window_end FROM (${numbered}) AS n` +
    ` WINDOW session AS (PARTITION BY ${key}, island))`
  );
}

/** The query in PostgreSQL's dialect: windowing functions as lateral joins. */
export function asPostgres(query: string): string {
  const window = (table: string, starts: string, size: string): string =>
    `(SELECT t.*, w AS window_start, w + interval '${size}' AS window_end FROM ${table} AS t,` +
    ` LATERAL (SELECT date_bin('${starts}', t.date_time, '1970-01-01') AS bin) AS b,` +
    ` LATERAL generate_series(bin - interval '${size}' + interval '${starts}', bin, interval '${starts}') AS w)`;
  let at = 0;
  return query
    .replaceAll(' FOR SYSTEM_TIME AS OF PROCTIME()', '')
    .replace(
      /SESSION\((\w+) PARTITION BY (\w+), date_time, INTERVAL '(\d+)' SECOND\)/g,
      (_, table: string, key: string, gap: string) =>
        `${islands(table, key, `${gap} seconds`)} AS windowed${at++}`,
    )
    .replace(
      /HOP\((\w+), date_time, INTERVAL '(\d+)' SECOND, INTERVAL '(\d+)' SECOND\)/g,
      (_, table: string, slide: string, size: string) =>
        `${window(table, `${slide} seconds`, `${size} seconds`)} AS windowed${at++}`,
    )
    .replace(
      /TUMBLE\((\w+), date_time, INTERVAL '(\d+)' SECOND\)/g,
      (_, table: string, size: string) =>
        `${window(table, `${size} seconds`, `${size} seconds`)} AS windowed${at++}`,
    );
}
