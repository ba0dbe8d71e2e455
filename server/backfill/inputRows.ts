/**
 * What a new view is given of a relation before its deltas: its rows, and those that came late by at most so much. In
 * parts, each giving its number of rows, so that others can have their turn in between; nothing may change meanwhile.
 */
import type { Batch } from '../../executor/batch.ts';
import { emitEachRow } from '../../executor/batchBuilder.ts';
import { columnTypes, type Database } from '../database.ts';
import type { MaterializedViewObject, SourceObject, TableObject } from '../objects.ts';
import { withinLateness } from '../time/lateNodes.ts';
import { lateRowsOf, RowCounts } from '../time/lateRead.ts';
import { ReplayFilter, type ReplayFrom } from './replayFrom.ts';

/** Rows of a stored relation in one part. */
const PART_ROWS = 4096;

export function* inputRows(
  database: Database,
  object: TableObject | MaterializedViewObject | SourceObject,
  emit: (batch: Batch) => void,
  latenessMicros = 0n,
  from: ReplayFrom | null = null,
): Generator<number> {
  const types = columnTypes(object);
  if (object.kind !== 'source') {
    let rows = 0;
    const counted = (batch: Batch): void => {
      rows += batch.length;
      emit(batch);
    };
    for (let slot = 0; slot >= 0; rows = 0) {
      slot = object.store.scanPart(slot, PART_ROWS, counted);
      database.memory?.relieve();
      yield rows;
    }
    if (latenessMicros > 0n && object.kind === 'table') {
      emitEachRow(types, lateRowsOf(database, object, latenessMicros), emit);
    }
    return;
  }
  const { rule } = object.admission;
  const readmitted = new RowCounts(object, object.admission.readmitted());
  const filter = new ReplayFilter(object, from);
  for (const admitted of object.admission.replay(object.source.replay(filter.start))) {
    const { rows, late } = filter.take(admitted);
    emitEachRow(types, rows, emit);
    database.memory?.relieve();
    yield rows.length;
    if (latenessMicros === 0n || rule === null) continue;
    const wanted = late.filter((l) => withinLateness(l, rule, latenessMicros) && !readmitted.take(l.row));
    emitEachRow(
      types,
      wanted.map((l) => l.row),
      emit,
    );
  }
  filter.end();
}
