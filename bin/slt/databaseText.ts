/**
 * Everything that a database shows of itself, as text by place: definitions, rows with their hidden columns, rows of operators'
 * state, rows that failed, watermarks, positions of sources. What a restart must give again.
 */
import { types } from '../../common/dataType.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import type { Database } from '../../server/database.ts';
import type { RowErrorEntry } from '../../server/errorLog.ts';
import type { CatalogObject, MaterializedViewObject, TableObject } from '../../server/objects.ts';

export type DatabaseText = ReadonlyMap<string, readonly string[]>;

const plain = plainContext(() => 0n);

const json = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)) ?? '';

function rowTexts(relation: TableObject | MaterializedViewObject): readonly string[] {
  const rows: string[] = [];
  for (const row of relation.store.rows()) {
    const cells = relation.columns.map(({ type }, i) => {
      const value = row[i] ?? null;
      return value === null ? 'NULL' : formatValue(value, type, plain);
    });
    rows.push(cells.join(' | '));
  }
  return rows.sort();
}

function* relationTexts(
  database: Database,
  object: CatalogObject,
): Generator<readonly [string, readonly string[]]> {
  const { id, kind, name, sql } = object;
  const place = `${kind} ${name}`;
  yield [`${place}: definition`, [`${id} ${sql}`]];
  if (object.kind === 'table' || object.kind === 'materialized view') {
    yield [`${place}: rows`, rowTexts(object)];
  }
  if (object.kind === 'materialized view') {
    const states = [...object.nodes].map(
      ({ operator }) => `${operator?.constructor.name} ${operator?.stateRows() ?? 0}`,
    );
    yield [`${place}: rows of state`, states];
    yield [`${place}: paused`, [json(object.paused)]];
  }
  if (object.kind === 'table' || object.kind === 'source') {
    const { source, watermark } = object;
    if (source !== null) yield [`${place}: position`, [`${json(source.position)} ${source.rowsRead}`]];
    if (source !== null) {
      const { total, nulled, drift } = source.bad;
      const fields = drift.entries().map(({ kind, field, count }) => `${kind} ${field} ${count}`);
      yield [`${place}: bad records`, [`${total} ${nulled}`, ...fields]];
    }
    const late = object.kind === 'table' ? object.lateStore : null;
    if (late !== null) yield [`${place}: late rows`, [`${late.dropped} ${late.received}`]];
    if (watermark === null) return;
    const { value } = database.watermarks.watermark(id, watermark.column);
    yield [`${place}: watermark`, [json(value)]];
  }
}

function errorText({ row, ...entry }: RowErrorEntry): string {
  return `${json(entry)} ${row === null ? '' : formatValue(row, types.jsonb, plain)}`;
}

/** What the database is now. The last row id is not told: ids that were given to rows which were refused may be given again. */
export function databaseText(database: Database): DatabaseText {
  const texts = new Map<string, readonly string[]>();
  texts.set('version', [String(database.version)]);
  const errors = database.rowErrors.entries().map(errorText);
  texts.set('rows that failed', [...errors].sort());
  for (const object of database.catalog.objects()) {
    for (const [place, lines] of relationTexts(database, object)) texts.set(place, lines);
  }
  return texts;
}

const SHOWN = 10;

/** Where two differ, and how; empty: nowhere. */
export function differences(before: DatabaseText, after: DatabaseText): readonly string[] {
  const found: string[] = [];
  for (const place of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(place) ?? [], after.get(place) ?? []];
    if (was.length === is.length && was.every((line, i) => line === is[i])) continue;
    const gone = without(was, is).slice(0, SHOWN);
    const come = without(is, was).slice(0, SHOWN);
    found.push(
      [place, ...gone.map((line) => `  - ${line}`), ...come.map((line) => `  + ${line}`)].join('\n'),
    );
  }
  return found;
}

function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = counts.get(line) ?? 0;
    counts.set(line, count - 1);
    return count <= 0;
  });
}
