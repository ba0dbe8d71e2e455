/**
 * Changes of one table in PostgreSQL as writes to the table here. A row is found by the table's key; columns that an UPDATE left
 * alone outside of the row (TOAST) are taken from the row that is here.
 *
 * State: for the newest description of the table in the stream, where its columns are. Invariant: what does not fit throws
 * SqlError before anything of the change is written.
 */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import { parseValue } from '../../common/textIo.ts';
import type { Row, Value } from '../../common/value.ts';
import {
  type Change,
  type RelationMessage,
  type Tuple,
  UNCHANGED,
} from '../../connector/postgresCdc/pgoutput.ts';
import { shownTable } from '../../connector/postgresCdc/upstream.ts';
import type { Database } from '../database.ts';
import { checkNotNull, duplicateKey, messageContext } from '../ingest.ts';
import type { TableColumn, TableObject } from '../objects.ts';
import type { RowWrites } from './chunkWrites.ts';
import type { CdcRuntime, Followed } from './runtime.ts';

/** Positions of a table's columns that come from the connector. */
export function physicalColumns(columns: readonly TableColumn[]): readonly number[] {
  return columns.flatMap((c, i) => (c.generated === null && c.hidden !== true ? [i] : []));
}

function misfit(message: string, hint: string): SqlError {
  return new SqlError('55000', message, { hint });
}

export class TableChanges {
  readonly table: TableObject;
  readonly runtime: CdcRuntime;
  readonly #database: Database;
  readonly #physical: readonly number[];
  #relation: RelationMessage | null = null;
  #types: Followed['types'] | null = null;
  /** Where the physical columns are in a tuple. */
  #places: readonly number[] = [];
  /** Columns that the stream has and the table has not. */
  drift: readonly string[] = [];

  constructor(database: Database, table: TableObject, runtime: CdcRuntime) {
    this.#database = database;
    this.table = table;
    this.runtime = runtime;
    this.#physical = physicalColumns(table.columns);
  }

  /** Throws SqlError 55000 when the description does not go with what the snapshot was taken of. */
  #describe(relation: RelationMessage, followed: Followed): void {
    if (relation === this.#relation && followed.types === this.#types) return;
    const name = shownTable(must(this.runtime.upstream));
    const hint = `Put it back as it was and ALTER TABLE ${this.table.name} RESUME, or drop the table and create it anew.`;
    if (shownTable(relation) !== name) {
      throw misfit(`table "${name}" has been renamed to "${shownTable(relation)}" in PostgreSQL`, hint);
    }
    const places = this.#physical.map((c) => {
      const { name: column } = must(this.table.columns[c]);
      const place = relation.columns.findIndex((r) => r.name === column);
      const found = relation.columns[place];
      if (found === undefined)
        throw misfit(`column "${column}" of table "${name}" is gone in PostgreSQL`, hint);
      if (found.typeOid !== followed.types[column]) {
        throw misfit(`column "${column}" of table "${name}" has another type in PostgreSQL`, hint);
      }
      return place;
    });
    this.#checkIdentity(relation, name, hint);
    const taken = new Set(places);
    this.drift = relation.columns.filter((_, i) => !taken.has(i)).map((c) => c.name);
    this.#places = places;
    this.#relation = relation;
    this.#types = followed.types;
  }

  #checkIdentity(relation: RelationMessage, name: string, hint: string): void {
    if (relation.identity === 'full') return;
    const key = new Set(this.table.key.map((k) => must(this.table.columns[k]).name));
    const identity = relation.columns.filter((c) => c.key).map((c) => c.name);
    if (identity.length === key.size && identity.every((c) => key.has(c))) return;
    throw misfit(
      `the replica identity of table "${name}" is not its key (${[...key].join(', ')}) any more`,
      hint,
    );
  }

  /** A row of the snapshot: values of the physical columns in their order. */
  snapshotRow(values: readonly (string | null)[]): Row {
    return this.#complete(values.map((text, i) => this.#parse(text, i)));
  }

  #parse(text: string | null, physical: number): Value {
    if (text === null) return null;
    const column = must(this.table.columns[must(this.#physical[physical])]);
    try {
      return parseValue(text, column.type, messageContext);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      throw new SqlError(error.state, `column "${column.name}": ${error.message}`, {
        hint: 'Declare the column with a type that holds every value (varchar takes all), or change the value in PostgreSQL.',
      });
    }
  }

  #complete(physical: readonly Value[]): Row {
    const { table } = this;
    const { eval: context } = this.#database.tickContext(table.name, table.timeZone);
    const row = table.expander === null ? physical : table.expander.expand(physical, context);
    checkNotNull(table, row);
    return row;
  }

  #values(tuple: Tuple, before: () => Row | null): readonly Value[] {
    return this.#places.map((place, i) => {
      const value = tuple[place] ?? null;
      if (value !== UNCHANGED) return this.#parse(value, i);
      const row = before();
      if (row === null) {
        throw misfit(
          `a row of table "${shownTable(must(this.runtime.upstream))}" that was changed is not here`,
          `ALTER TABLE ${this.table.name} RESUME compares all rows.`,
        );
      }
      return row[must(this.#physical[i])] ?? null;
    });
  }

  /** A row that has the key of a tuple, and NULL elsewhere. */
  #keyRow(tuple: Tuple): Row {
    const row: Value[] = this.table.columns.map(() => null);
    for (const k of this.table.key) {
      const i = this.#physical.indexOf(k);
      const value = tuple[must(this.#places[i])] ?? null;
      row[k] = value === UNCHANGED ? null : this.#parse(value, i);
    }
    return row;
  }

  /** Writes a change. Throws SqlError when it does not fit; `writes` are then not to be used. */
  apply(change: Change, writes: RowWrites, followed: Followed): void {
    if (change.kind === 'truncate') {
      this.#clear(writes);
      return;
    }
    this.#describe(change.relation, followed);
    switch (change.kind) {
      case 'insert':
        this.putNew(this.#complete(this.#values(change.row, () => null)), writes);
        return;
      case 'delete':
        writes.remove(this.#keyRow(change.old));
        return;
      case 'update': {
        const oldKey = this.#keyRow(change.old ?? change.row);
        const before = writes.existing(oldKey);
        const row = this.#complete(this.#values(change.row, () => before));
        if (writes.sameKey(oldKey, row)) {
          writes.put(row);
          return;
        }
        writes.remove(oldKey);
        this.putNew(row, writes);
        return;
      }
    }
  }

  /** A row whose key must be free. */
  putNew(row: Row, writes: RowWrites): void {
    if (writes.existing(row) !== null) throw this.duplicate(row);
    writes.put(row);
  }

  duplicate(row: Row): SqlError {
    return duplicateKey(this.table, row).with({
      hint: `Rows of PostgreSQL's table have the same key here: DROP TABLE ${this.table.name}, and create it with a PRIMARY KEY that tells them apart.`,
    });
  }

  #clear(writes: RowWrites): void {
    for (const row of this.table.store.rows()) writes.remove(row);
    for (const [row, weight] of [...writes.delta()]) if (weight > 0) writes.remove(row);
  }
}
