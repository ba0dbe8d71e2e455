/**
 * Some of the changes that a tick makes to a table: what they find are the rows that its earlier changes, which the table has been
 * given already, have left. So a tick of any size takes the memory of a part of it.
 *
 * State: one entry per written key, with the row before these changes and the row now.
 */
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { Row } from '../../common/value.ts';
import type { TableObject } from '../objects.ts';
import { keyString, type TableWrites } from '../transaction.ts';

/** What changes of PostgreSQL are written to. */
export type RowWrites = Pick<TableWrites, 'existing' | 'put' | 'remove' | 'sameKey' | 'delta'>;

interface Change {
  readonly before: Row | null;
  after: Row | null;
}

export class ChunkWrites implements RowWrites {
  readonly #table: TableObject;
  readonly #keyTypes: readonly DataType[];
  readonly #changes = new Map<string, Change>();

  constructor(table: TableObject) {
    this.#table = table;
    this.#keyTypes = table.key.map((k) => must(table.columns[k]).type);
  }

  #keyOf(row: Row): string {
    return keyString(
      this.#table.key.map((k) => row[k] ?? null),
      this.#keyTypes,
    );
  }

  #stored(row: Row): Row | null {
    return this.#table.store.findCurrentRow(this.#table.key.map((k) => row[k] ?? null));
  }

  existing(row: Row): Row | null {
    const change = this.#changes.get(this.#keyOf(row));
    return change === undefined ? this.#stored(row) : change.after;
  }

  put(row: Row): void {
    this.#write(row, row);
  }

  remove(row: Row): void {
    this.#write(row, null);
  }

  #write(keyed: Row, after: Row | null): void {
    const key = this.#keyOf(keyed);
    const change = this.#changes.get(key);
    if (change !== undefined) change.after = after;
    else this.#changes.set(key, { before: this.#stored(keyed), after });
  }

  sameKey(a: Row, b: Row): boolean {
    return this.#keyOf(a) === this.#keyOf(b);
  }

  /** The net change: old rows with weight -1, new rows with +1. */
  *delta(): Generator<readonly [row: Row, weight: number]> {
    for (const { before, after } of this.#changes.values()) {
      if (before !== null) yield [before, -1];
      if (after !== null) yield [after, 1];
    }
  }
}
