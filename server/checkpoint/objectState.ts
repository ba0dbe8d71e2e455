/**
 * What the server itself remembers besides stores and operators, as durable state: the engine's counters, and for each table,
 * source and view what has happened to it.
 */
import { formatValue, parseValue } from '../../common/textIo.ts';
import type { Row } from '../../common/value.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { columnTypes, type Database } from '../database.ts';
import { messageContext } from '../ingest.ts';
import type { MaterializedViewObject, Paused, SourceObject, TableObject } from '../objects.ts';
import type { SourceRuntimeState } from '../sourceRuntime.ts';
import type { EventTimeJson } from '../time/eventTime.ts';
import { eventTypes } from '../time/eventTypes.ts';
import { lateRelationOf } from '../time/lateRelation.ts';
import type { SourceAdmissionState } from '../time/sourceAdmission.ts';
import { publishWatermark } from '../time/ticks.ts';

type RowTexts = readonly (string | null)[];

function rowTexts(table: TableObject, row: Row): RowTexts {
  return table.columns.map(({ type }, i) => {
    const value = row[i] ?? null;
    return value === null ? null : formatValue(value, type, messageContext);
  });
}

function rowOfTexts(table: TableObject, texts: RowTexts): Row {
  return columnTypes(table).map((type, i) => {
    const text = texts[i] ?? null;
    return text === null ? null : parseValue(text, type, messageContext);
  });
}

/** Version, row ids, the time of the last tick. */
export function engineState(database: Database): Persistent {
  return {
    save(out) {
      out.value(database.version);
      out.value(database.lastRowId);
      out.value(database.watermarks.now());
    },
    restore(from) {
      database.version = from.value() as bigint;
      database.reserveRowIdsThrough(from.value() as bigint);
      database.watermarks.beginAt(from.value() as bigint);
    },
  };
}

interface TableState {
  readonly commits: number;
  readonly source: SourceRuntimeState | null;
  readonly eventTime: EventTimeJson | null;
  readonly counted: readonly RowTexts[];
  readonly late: { readonly dropped: number; readonly received: number } | null;
  /** Rows of a source that are kept no longer. */
  readonly forgotten?: bigint;
}

/** A table besides its rows, which must be back before it. */
export function tableState(database: Database, table: TableObject): Persistent {
  return {
    save(out) {
      const late = lateRelationOf(database, table.id);
      const { admission, lateStore, source, commits, stream } = table;
      const state: TableState = {
        commits,
        source: source?.state() ?? null,
        eventTime: admission?.eventTime.toJson() ?? null,
        counted: late === null ? [] : (admission?.counted.map((row) => rowTexts(late, row)) ?? []),
        late: lateStore === null ? null : { dropped: lateStore.dropped, received: lateStore.received },
        ...(stream === null ? {} : { forgotten: stream.forgotten }),
      };
      out.value(state);
    },
    restore(from) {
      const state = from.value() as TableState;
      table.commits = state.commits;
      if (table.stream !== null) table.stream.forgotten = state.forgotten ?? 0n;
      if (state.source !== null) table.source?.resumeAt(state.source);
      if (state.late !== null) table.lateStore?.resumeWith(table.store.rows(), state.late);
      const { admission } = table;
      if (admission === null || state.eventTime === null) return;
      admission.eventTime.restore(state.eventTime);
      const late = lateRelationOf(database, table.id);
      if (late !== null) admission.counted.push(...state.counted.map((texts) => rowOfTexts(late, texts)));
      publishWatermark(database, table);
    },
  };
}

interface SourceState {
  readonly runtime: SourceRuntimeState;
  readonly admission: SourceAdmissionState;
}

export function sourceState(database: Database, source: SourceObject): Persistent {
  return {
    save(out) {
      const state: SourceState = {
        runtime: source.source.state(),
        admission: source.admission.state(eventTypes(source)),
      };
      out.value(state);
    },
    restore(from) {
      const { runtime, admission } = from.value() as SourceState;
      source.source.resumeAt(runtime);
      source.admission.resumeAt(admission, eventTypes(source));
      publishWatermark(database, source);
    },
  };
}

/** What decides whether a view's operators can be put back. */
export interface ViewState {
  readonly fingerprint: string;
  readonly paused: Paused | null;
}

export function viewState(view: MaterializedViewObject, fingerprint: string): Persistent {
  return {
    save(out) {
      const state: ViewState = { fingerprint, paused: view.paused };
      out.value(state);
    },
    restore() {},
  };
}
