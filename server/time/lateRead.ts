/** Rows in relations of late rows, and the rows of the owners that they are. */
import { must } from '../../common/assert.ts';
import type { Row, Value } from '../../common/value.ts';
import { MILLRACE_LATE } from '../catalog.ts';
import type { Database } from '../database.ts';
import { ownerOf } from '../internalRelation.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import { keyString } from '../transaction.ts';
import { lateRelationOf } from './lateRelation.ts';
import { lateStoreOf } from './lateStore.ts';
import type { TimeRule } from './timeRule.ts';
import { toUnits } from './units.ts';

/** Columns of a late relation after the owner's visible ones. */
export const LATE_COLUMNS = 6;

/** A row of the late relation as a row of its owner; hidden columns are made anew. */
export function ownerRow(database: Database, owner: TableObject | SourceObject, late: Row): Row {
  let next = 0;
  return owner.columns.map((c, i): Value => {
    if (c.hidden !== true) return late[next++] ?? null;
    if (owner.kind === 'source') return null;
    if (i === owner.rowId) return database.nextRowId();
    return owner.stamped.includes(i) ? (late[late.length - 2] ?? null) : null;
  });
}

/** True for a row of the late relation that came late by at most `latenessMicros`. */
function cameWithin(late: TableObject, row: Row, rule: TimeRule, latenessMicros: bigint): boolean {
  const first = late.columns.length - 1 - LATE_COLUMNS;
  const time = row[first] ?? null;
  const watermark = row[first + 1] ?? null;
  if (row[first + 3] !== 'late' || time === null || watermark === null) return false;
  return toUnits(time) >= toUnits(watermark) - rule.lateness(latenessMicros);
}

/** Rows that came late by at most `latenessMicros`. */
export function lateRowsOf(database: Database, table: TableObject, latenessMicros: bigint): readonly Row[] {
  const { admission } = table;
  const late = lateRelationOf(database, table.id);
  if (admission === null || late === null) return [];
  return [...admission.counted, ...late.store.rows()]
    .filter((row) => cameWithin(late, row, admission.rule, latenessMicros))
    .map((row) => ownerRow(database, table, row));
}

/** Rows leave a late relation because of age or number; those that some view counts are remembered. */
export function rememberCounted(
  database: Database,
  late: TableObject,
  delta: readonly (readonly [row: Row, weight: number])[],
): void {
  if (late.schema !== MILLRACE_LATE) return;
  const owner = database.catalog.byId(ownerOf(late));
  if (owner?.kind !== 'table' || owner.admission === null) return;
  const { rule, counted } = owner.admission;
  let most = 0n;
  for (const lateness of database.lateNodes.of(owner.id).keys()) if (lateness > most) most = lateness;
  if (most === 0n) return;
  for (const [row, weight] of delta) if (weight < 0 && cameWithin(late, row, rule, most)) counted.push(row);
}

/** Rows of a source or table, counted: equal in all visible columns. */
export class RowCounts {
  readonly #owner: TableObject | SourceObject;
  readonly #types;
  readonly #counts = new Map<string, number>();

  constructor(owner: TableObject | SourceObject, rows: readonly Row[]) {
    this.#owner = owner;
    this.#types = owner.columns.filter((c) => c.hidden !== true).map((c) => c.type);
    for (const row of rows) {
      const key = this.#keyOf(row);
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    }
  }

  get empty(): boolean {
    return this.#counts.size === 0;
  }

  #keyOf(row: Row): string {
    return this.#key(row.filter((_, i) => this.#owner.columns[i]?.hidden !== true));
  }

  #key(visible: Row): string {
    return keyString(visible, this.#types);
  }

  /** Takes one such row out; false: there is none. */
  take(row: Row): boolean {
    return this.#take(this.#keyOf(row));
  }

  /** Takes out the row that a row of the late relation stands for. */
  takeLate(late: Row): boolean {
    return this.#take(this.#key(late.slice(0, this.#types.length)));
  }

  #take(key: string): boolean {
    const count = this.#counts.get(key);
    if (count === undefined) return false;
    if (count === 1) this.#counts.delete(key);
    else this.#counts.set(key, count - 1);
    return true;
  }
}

/** The rows of the late relation that stand for these rows of its owner. */
export function lateRowsFor(
  database: Database,
  owner: TableObject | SourceObject,
  rows: readonly Row[],
): readonly Row[] {
  const late = must(lateRelationOf(database, owner.id), `${owner.name} has a relation of late rows`);
  const wanted = new RowCounts(owner, rows);
  const found: Row[] = [];
  for (const row of lateStoreOf(late).rows()) {
    if (wanted.empty) break;
    if (wanted.takeLate(row)) found.push(row);
  }
  return found;
}
