/**
 * Changes as statements. A group of changes of one transaction becomes at most one DELETE and one INSERT over arrays, a text array
 * per column. By key only the last change of the group counts, so that no statement meets a key twice; DELETE goes first, so that
 * a value of another unique column may move from one row to another. Rows without a key go in the order they came in.
 */
import pg from 'pg';
import { encodeKey } from '../../common/keyEncoding.ts';
import type { NonNullValue, Row, Value } from '../../common/value.ts';
import type { SinkChange, SinkConfig } from '../sink.ts';
import { keyNames, type TargetTable } from './sinkTable.ts';
import { writerOf } from './sinkTypes.ts';

export interface Statement {
  readonly text: string;
  readonly values: readonly string[];
}

/** A text array literal of a column's values. */
function arrayLiteral(
  rows: readonly Row[],
  position: number,
  write: (value: NonNullValue) => string,
): string {
  let literal = '{';
  for (const row of rows) {
    if (literal.length > 1) literal += ',';
    const value = row[position] ?? null;
    if (value === null) {
      literal += 'NULL';
      continue;
    }
    const text = write(value);
    literal += `"${/["\\]/.test(text) ? text.replaceAll(/["\\]/g, '\\$&') : text}"`;
  }
  return `${literal}}`;
}

export class TargetStatements {
  readonly #key: readonly number[] | null;
  readonly #keyTypes: SinkConfig['columns'][number]['type'][];
  readonly #writers: readonly ((value: NonNullValue) => string)[];
  readonly #names: readonly string[];
  readonly #insert: string;
  readonly #delete: (equals: string) => string;

  constructor(config: SinkConfig, table: TargetTable) {
    const { columns, casts, name } = table;
    const keys = keyNames(config);
    this.#key = keys === null ? null : config.key;
    this.#names = config.columns.map((c) => c.name);
    this.#keyTypes = (this.#key ?? []).flatMap((k) => config.columns[k]?.type ?? []);
    this.#writers = config.columns.map((c) => writerOf(c.type));
    const unnest = (count: number): string => {
      const places = Array.from({ length: count }, (_, i) => i + 1);
      return `unnest(${places.map((i) => `$${i}::text[]`).join(', ')}) AS u(${places.map((i) => `c${i}`).join(', ')})`;
    };
    const cast = (column: string, position: number): string => `${column}::${casts[position] ?? 'text'}`;
    const conflict =
      keys === null
        ? ''
        : ` ON CONFLICT (${keys.map(pg.escapeIdentifier).join(', ')}) DO UPDATE SET ${columns.map((c) => `${c} = EXCLUDED.${c}`).join(', ')}`;
    this.#insert = `INSERT INTO ${name} (${columns.join(', ')}) SELECT ${columns.map((_, i) => cast(`u.c${i + 1}`, i)).join(', ')} FROM ${unnest(columns.length)}${conflict}`;
    const own = this.#key ?? [];
    this.#delete = (equals) =>
      `DELETE FROM ${name} AS t USING ${unnest(own.length)} WHERE ${own.map((k, i) => `t.${columns[k]} ${equals} ${cast(`u.c${i + 1}`, k)}`).join(' AND ')}`;
  }

  /** The statements of a group of changes, in order. */
  of(changes: readonly SinkChange[]): readonly Statement[] {
    const key = this.#key;
    if (key === null) {
      const rows = changes.flatMap(({ after }) => (after === null ? [] : [after]));
      return this.#inserting(rows);
    }
    const last = new Map<string, SinkChange>();
    for (const change of changes) {
      const id = this.#identity(change.after ?? change.before ?? [], key);
      // It takes the place of its last change, not of its first.
      last.delete(id);
      last.set(id, change);
    }
    const gone: Row[] = [];
    const there: Row[] = [];
    for (const { before, after } of last.values()) {
      if (after === null) gone.push(before);
      else there.push(after);
    }
    const isWhole = (row: Row): boolean => key.every((k) => (row[k] ?? null) !== null);
    // NULLs do not conflict with one another in a unique index: such rows are replaced by hand.
    const whole = gone.filter(isWhole);
    const partial = [...gone, ...there].filter((row) => !isWhole(row));
    return [
      ...this.#deleting(whole, '='),
      ...this.#deleting(partial, 'IS NOT DISTINCT FROM'),
      ...this.#inserting(there),
    ];
  }

  #identity(row: Row, key: readonly number[]): string {
    const values = key.map((k): Value => row[k] ?? null);
    return Buffer.from(encodeKey(values, this.#keyTypes)).toString('latin1');
  }

  #deleting(rows: readonly Row[], equals: string): readonly Statement[] {
    if (rows.length === 0) return [];
    return [{ text: this.#delete(equals), values: this.#arrays(rows, this.#key ?? []) }];
  }

  #inserting(rows: readonly Row[]): readonly Statement[] {
    if (rows.length === 0) return [];
    return [
      {
        text: this.#insert,
        values: this.#arrays(
          rows,
          this.#writers.map((_, i) => i),
        ),
      },
    ];
  }

  #arrays(rows: readonly Row[], positions: readonly number[]): readonly string[] {
    return positions.map((p) => arrayLiteral(rows, p, this.#writers[p] ?? String));
  }

  /** A row for people: `Row: (id, name) = (1, x)`. */
  shown(change: SinkChange): string {
    const row = change.after ?? change.before;
    const texts = this.#writers.map((write, i) => {
      const value = row[i] ?? null;
      const text = value === null ? 'null' : write(value);
      return text.length > 80 ? `${text.slice(0, 80)}...` : text;
    });
    return `the row (${this.#names.join(', ')}) = (${texts.join(', ')})`;
  }
}
