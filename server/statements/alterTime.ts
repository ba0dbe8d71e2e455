/**
 * What goes along when the columns of a relation with a watermark change: how far its time is, its relation of late rows, which has
 * its columns too, and the nodes that give late rows to views with ALLOWED LATENESS.
 *
 * Invariant: a column of the relation is the column of its late relation that has its number among the visible ones.
 */
import type { Row } from '../../common/value.ts';
import { emitRows } from '../../executor/batchBuilder.ts';
import { columnTypes, type Database } from '../database.ts';
import type { TableObject } from '../objects.ts';
import { LATE_COLUMNS, ownerRow } from '../time/lateRead.ts';
import { lateRelationAfter, lateRelationOf } from '../time/lateRelation.ts';
import { lateStoreOf } from '../time/lateStore.ts';
import type { Positions, Replacement } from '../views/replacement.ts';

/** A relation and what it becomes. */
export interface Moved {
  readonly before: TableObject;
  readonly after: TableObject;
  readonly positions: Positions;
}

/** The column of the relation of late rows that has a visible column of its owner. */
export function lateColumn(owner: TableObject, column: number): number {
  return owner.columns.slice(0, column).filter((c) => c.hidden !== true).length;
}

const isVisible = (owner: TableObject, column: number): boolean => owner.columns[column]?.hidden !== true;

/** Gives `after` the time of `before`, and its late rows by its columns; null: there is no watermark. Not in the catalog yet. */
export function moveTime(
  database: Database,
  { before, after, positions }: Moved,
  rowOf: (row: Row) => Row,
  replacement: Replacement,
): Moved | null {
  const late = lateRelationOf(database, before.id);
  if (before.admission === null || after.admission === null || late === null) return null;
  const { rule, eventTime, counted } = after.admission;
  eventTime.restore(before.admission.eventTime.toJson());
  const lateAfter = lateRelationAfter(database, late, after.columns, rule.type);
  replacement.onFailure(() => database.removeNodes(new Set([lateAfter.node])));
  lateAfter.commits = late.commits;
  const own = late.columns.length - LATE_COLUMNS - 1;
  const changed = (row: Row): Row => {
    const whole = rowOf(ownerRow(database, before, row));
    return [...whole.filter((_, c) => isVisible(after, c)), ...row.slice(own)];
  };
  const rows = [...lateStoreOf(late).rows()].map(changed);
  emitRows(
    columnTypes(lateAfter),
    rows.map((row) => [row, 1] as const),
    (batch) => lateAfter.store.apply(batch),
  );
  lateAfter.store.commit(null);
  lateStoreOf(lateAfter).resumeWith(rows, lateStoreOf(late));
  counted.push(...before.admission.counted.map(changed));
  const width = lateAfter.columns.length - LATE_COLUMNS - 1;
  const latePositions = late.columns.map((_, c) => (c < own ? null : c - own + width));
  positions.forEach((now, c) => {
    if (now !== null && isVisible(before, c)) latePositions[lateColumn(before, c)] = lateColumn(after, now);
  });
  return { before: late, after: lateAfter, positions: latePositions };
}

/** The watermark at its column's present place as well. Before views are planned over it. */
export function moveWatermark(database: Database, { before, after }: Moved, replacement: Replacement): void {
  const from = before.admission?.rule.column;
  const to = after.admission?.rule.column;
  if (from === undefined || to === undefined || from === to) return;
  replacement.onFailure(database.watermarks.keep(before.id));
  database.watermarks.move(before.id, from, to);
}

/**
 * New nodes for late rows, for the views that are built from now on. The result is to be called when the others have been
 * pointed at the new columns: they are connected to the new nodes then.
 */
export function moveLateNodes(
  database: Database,
  { before, positions }: Moved,
  replacement: Replacement,
): () => void {
  const { lateNodes, dataflow } = database;
  const moved = [...lateNodes.of(before.id)].map(([lateness, node]) => {
    const next = dataflow.add(null, node.name, []);
    lateNodes.retire(node);
    lateNodes.set(before.id, lateness, next);
    return { lateness, node, next };
  });
  replacement.onFailure(() => {
    for (const { lateness, node, next } of moved) {
      lateNodes.set(before.id, lateness, node);
      lateNodes.release(node);
      database.removeNodes(new Set([next]));
    }
  });
  return () => {
    for (const { node, next } of moved) {
      dataflow.replace(node, next, positions, new Set());
      lateNodes.release(node);
      database.removeNodes(new Set([node]));
    }
    if (moved.length > 0) dataflow.sort();
  };
}
