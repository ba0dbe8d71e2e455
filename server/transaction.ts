/**
 * Writes of one transaction, kept beside the tables until commit. Reads inside the transaction see the tables' rows plus
 * `delta()`. At commit every written key must still hold the row that the transaction saw (first committer wins, 40001).
 *
 * Invariant: `#changes` has one entry per written key; `before` is the committed row at first touch, `after` the row now.
 * `#undo` has one entry per write, so that a failed statement or ROLLBACK TO goes back in the time of what it undoes.
 */
import { must } from '../common/assert.ts';
import type { DataType } from '../common/dataType.ts';
import { encodeKey } from '../common/keyEncoding.ts';
import { SqlError } from '../common/sqlError.ts';
import { formatValue, plainContext } from '../common/textIo.ts';
import type { Row, Value } from '../common/value.ts';
import { checkHeap } from './memory/heap.ts';
import type { TableObject } from './objects.ts';

interface Change {
  readonly before: Row | null;
  after: Row | null;
}

/** What a write replaced: nothing (the key was untouched) or the row that this transaction had put there. */
interface Undo {
  readonly key: string;
  readonly touched: boolean;
  readonly after: Row | null;
}

/** The canonical string of key values: equal values give equal strings. */
export function keyString(values: readonly Value[], types: readonly DataType[]): string {
  const only = values[0];
  if (values.length === 1) {
    if (typeof only === 'bigint') return String(only);
    const id = types[0]?.id;
    if (typeof only === 'number' && (id === 'int4' || id === 'int2')) return String(only);
    if (typeof only === 'string' && (id === 'text' || id === 'varchar' || id === 'uuid')) return only;
  }
  return Buffer.from(encodeKey(values, types)).toString('latin1');
}

export function sameRow(a: Row | null, b: Row | null, types: readonly DataType[]): boolean {
  if (a === null || b === null) return a === b;
  return a === b || keyString(a, types) === keyString(b, types);
}

const plain = plainContext(() => 0n);

/** Stricter than equality: 1.0 is not 1.00, one day is not 24 hours. */
function identicalRow(a: Row, b: Row, types: readonly DataType[]): boolean {
  return (
    a === b ||
    types.every((type, i) => {
      const x = a[i] ?? null;
      const y = b[i] ?? null;
      if (x === null || y === null || typeof x !== 'object') return Object.is(x, y);
      return x === y || formatValue(x, type, plain) === formatValue(y, type, plain);
    })
  );
}

/** Writes to one table. */
export class TableWrites {
  readonly table: TableObject;
  readonly #types: readonly DataType[];
  readonly #keyTypes: readonly DataType[];
  readonly #changes = new Map<string, Change>();
  readonly #undo: Undo[] = [];
  /** The table's number of commits when this transaction first looked. */
  readonly #seen: number;
  // The last row looked at: an insert asks for its key and stored row several times.
  #lastRow: Row | null = null;
  #lastKey = '';
  #lastStored: Row | null | undefined = undefined;

  constructor(table: TableObject) {
    this.table = table;
    this.#seen = table.commits;
    this.#types = table.columns.map((c) => c.type);
    this.#keyTypes = table.key.map((k) => must(this.#types[k]));
  }

  /** The row's key as a string. */
  keyOf(row: Row): string {
    if (row !== this.#lastRow) {
      this.#lastRow = row;
      this.#lastStored = undefined;
      this.#lastKey = keyString(
        this.table.key.map((k) => row[k] ?? null),
        this.#keyTypes,
      );
    }
    return this.#lastKey;
  }

  #find(row: Row): Row | null {
    const { store } = this.table;
    return store.rowCount() === 0 ? null : store.findRow(this.table.key.map((k) => row[k] ?? null));
  }

  /** The committed row under the key of `row`, for which `keyOf` was just called. */
  #stored(row: Row): Row | null {
    if (row !== this.#lastRow) return this.#find(row);
    if (this.#lastStored === undefined) this.#lastStored = this.#find(row);
    return this.#lastStored;
  }

  /** The row with the same key as `row`, as this transaction sees it. */
  existing(row: Row): Row | null {
    const change = this.#changes.get(this.keyOf(row));
    return change === undefined ? this.#stored(row) : change.after;
  }

  /** Adds a row whose key cannot exist yet (generated row id). */
  append(row: Row): void {
    const key = this.keyOf(row);
    this.#undo.push({ key, touched: false, after: null });
    this.#changes.set(key, { before: null, after: row });
  }

  /** Puts a row under its key, replacing what was there. */
  put(row: Row): void {
    this.#write(row, row);
  }

  /** Removes the row with the key of `row`. */
  remove(row: Row): void {
    this.#write(row, null);
  }

  #write(keyed: Row, after: Row | null): void {
    const key = this.keyOf(keyed);
    const change = this.#changes.get(key);
    this.#undo.push({ key, touched: change !== undefined, after: change?.after ?? null });
    if (change !== undefined) change.after = after;
    else this.#changes.set(key, { before: this.#stored(keyed), after });
  }

  sameKey(a: Row, b: Row): boolean {
    return this.keyOf(a) === this.keyOf(b);
  }

  get size(): number {
    return this.#changes.size;
  }

  /** The keys written, as strings. */
  keys(): Iterable<string> {
    return this.#changes.keys();
  }

  /** The net change: old rows with weight -1, new rows with +1. */
  *delta(): Generator<readonly [row: Row, weight: number]> {
    for (const { before, after } of this.#changes.values()) {
      if (before !== null && after !== null && identicalRow(before, after, this.#types)) continue;
      if (before !== null) yield [before, -1];
      if (after !== null) yield [after, 1];
    }
  }

  /** 40001 unless every touched key still holds what was seen. */
  checkConflicts(): void {
    if (this.table.commits === this.#seen) return;
    for (const { before, after } of this.#changes.values()) {
      const row = before ?? after;
      if (row === null) continue;
      if (this.table.rowId !== null && before === null) continue;
      if (!sameRow(this.#find(row), before, this.#types)) {
        throw new SqlError('40001', 'could not serialize access due to concurrent update', {
          detail: `A row of table "${this.table.name}" was changed by another transaction after this one read it.`,
          hint: 'Retry the transaction.',
        });
      }
    }
  }

  /** The way back to what is written now; may be taken more than once. */
  snapshot(): () => void {
    const length = this.#undo.length;
    return () => {
      for (let last = this.#undo.length; last > length; last--) {
        const { key, touched, after } = must(this.#undo.pop());
        const change = this.#changes.get(key);
        if (!touched) this.#changes.delete(key);
        else if (change !== undefined) change.after = after;
      }
    };
  }
}

/** All writes of a transaction, by table. */
export class TransactionWrites {
  readonly #tables = new Map<number, TableWrites>();

  of(table: TableObject): TableWrites {
    checkHeap('writes of transactions');
    let writes = this.#tables.get(table.id);
    if (writes === undefined) {
      writes = new TableWrites(table);
      this.#tables.set(table.id, writes);
    }
    return writes;
  }

  find(tableId: number): TableWrites | null {
    const writes = this.#tables.get(tableId);
    return writes === undefined || writes.size === 0 ? null : writes;
  }

  tables(): readonly TableWrites[] {
    return [...this.#tables.values()].filter((writes) => writes.size > 0);
  }

  forget(tableId: number): void {
    this.#tables.delete(tableId);
  }

  get isEmpty(): boolean {
    return this.tables().length === 0;
  }
}
