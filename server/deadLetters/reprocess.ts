/**
 * REPROCESS DEAD LETTERS: what decodes now comes in as if it had come now, in one tick; its letters go, and those that still
 * cannot be used say why. One record of the journal has all of it, and is made again by a restart.
 */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatValue, parseValue, plainContext } from '../../common/textIo.ts';
import type { Row, Value } from '../../common/value.ts';
import type { Database, TableDelta } from '../database.ts';
import { addMessage, checkNotNull, insertRow, type Message, messageContext } from '../ingest.ts';
import { type ReprocessRecord, type RowRecord, rowRecord, type Texts } from '../journalRecords.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import { ONLY_PARTITION } from '../time/eventTime.ts';
import { eventTypes } from '../time/eventTypes.ts';
import { lateStoreOf } from '../time/lateStore.ts';
import { tickMessages, tickSource, tickTables } from '../time/ticks.ts';
import { TableWrites } from '../transaction.ts';
import { deadRelationOf } from './deadRelation.ts';
import type { DecodedLetter, Misfit } from './decodeAgain.ts';
import { changedLetter, letterValue } from './letterRow.ts';
import { tickLetters } from './letters.ts';

type Delta = TableDelta['rows'];

/** What comes in: rows of a source, or of a table whose rows may be late, or a table's changes. */
type Incoming =
  | { readonly kind: 'rows'; readonly rows: readonly Row[] }
  | { readonly kind: 'messages'; readonly messages: readonly Message[] }
  | { readonly kind: 'delta'; readonly rows: Delta };

/** What became of the letters. */
export interface Reprocessed {
  /** Letters whose records are in. */
  readonly done: number;
  /** Those that still cannot be used, and why the first of them cannot. */
  readonly failed: number;
  readonly reason: SqlError | null;
}

/** Gathers what letters' records come to, each letter whole or not at all. */
interface Gatherer {
  /** Throws SqlError where the relation refuses it. */
  add(letter: DecodedLetter): void;
  incoming(): Incoming;
}

function sourceGatherer(database: Database, source: SourceObject): Gatherer {
  const { expander } = source.admission;
  const { eval: context } = database.tickContext(source.name, source.timeZone);
  const rows: Row[] = [];
  return {
    add: ({ changes }) => {
      for (const { row } of changes) expander.expand(row, context);
      rows.push(...changes.map((c) => c.row));
    },
    incoming: () => ({ kind: 'rows', rows }),
  };
}

function tableGatherer(database: Database, table: TableObject): Gatherer {
  const { eval: context } = database.tickContext(table.name, table.timeZone);
  const whole = (physical: Row): Row => {
    const row: Value[] = [...(table.expander?.expand(physical, context) ?? physical)];
    if (table.rowId !== null) row[table.rowId] = database.nextRowId();
    for (const c of table.stamped) row[c] = database.watermarks.now();
    checkNotNull(table, row);
    return row;
  };
  const messages: Message[] = [];
  const writes = table.admission === null ? new TableWrites(table) : null;
  const write = (to: TableWrites, message: Message): void => {
    if (message.removes === true || table.rowId !== null) addMessage(database, to, message);
    else insertRow(database, to, message.row);
  };
  return {
    add: ({ changes, partition }) => {
      const own = changes.map(({ row, removes }): Message => {
        const placed = removes ? (table.expander?.place(row) ?? row) : whole(row);
        return { row: placed, partition, ...(removes ? { removes } : {}) };
      });
      if (writes === null) {
        messages.push(...own);
        return;
      }
      const undo = writes.snapshot();
      try {
        for (const message of own) write(writes, message);
      } catch (error) {
        undo();
        throw error;
      }
    },
    incoming: () =>
      writes === null ? { kind: 'messages', messages } : { kind: 'delta', rows: [...writes.delta()] },
  };
}

/** The letter after another attempt that came to `misfit`. */
function tried(letter: Row, { error, field }: Misfit, outcome: 'skipped' | 'nulled'): Row {
  return changedLetter(letter, {
    reason: error.message,
    sqlstate: error.state,
    field,
    outcome,
    attempts: Number(letterValue(letter, 'attempts')) + 1,
  });
}

/**
 * Brings in what the letters have been decoded to, as far as they are still there. Only inside `exclusive`; on disk on return.
 */
export function reprocess(
  database: Database,
  owner: SourceObject | TableObject,
  decoded: readonly DecodedLetter[],
): Reprocessed {
  const relation = must(deadRelationOf(database, owner.id), `${owner.name} has a relation of dead letters`);
  const now = database.beginTick();
  const present = new Set(lateStoreOf(relation).rows());
  const gatherer = owner.kind === 'source' ? sourceGatherer(database, owner) : tableGatherer(database, owner);
  const letters: [Row, number][] = [];
  const failures: SqlError[] = [];
  let done = 0;
  for (const one of decoded) {
    const { letter } = one;
    if (!present.has(letter)) continue;
    letters.push([letter, -1]);
    const failure = one.failure ?? refusal(gatherer, one);
    if (failure !== null) {
      failures.push(failure.error);
      letters.push([tried(letter, failure, 'skipped'), 1]);
      continue;
    }
    done++;
    const [nulled] = one.nulled;
    if (nulled !== undefined) letters.push([tried(letter, nulled, 'nulled'), 1]);
  }
  const result: Reprocessed = { done, failed: failures.length, reason: failures[0] ?? null };
  if (letters.length === 0) return result;
  const incoming = gatherer.incoming();
  database.journal?.appendReprocess(recordOfReprocess(owner, relation, letters, incoming, now));
  apply(database, owner, letters, incoming, now);
  return result;
}

function refusal(gatherer: Gatherer, letter: DecodedLetter): Misfit | null {
  try {
    gatherer.add(letter);
    return null;
  } catch (error) {
    if (error instanceof SqlError) return { error, field: error.column ?? null };
    throw error;
  }
}

/** The one tick. */
function apply(
  database: Database,
  owner: SourceObject | TableObject,
  letters: Delta,
  incoming: Incoming,
  now: bigint,
): void {
  owner.source?.bad.change(letters);
  if (owner.kind === 'source') {
    const rows = incoming.kind === 'rows' ? incoming.rows : [];
    if (rows.length === 0) {
      tickLetters(database, owner);
      return;
    }
    const admitted = owner.admission.inject(rows, ONLY_PARTITION, now);
    owner.source.rowsRead += BigInt(rows.length);
    tickSource(database, owner, [admitted]);
  } else if (incoming.kind === 'messages' && incoming.messages.length > 0) {
    tickMessages(database, owner, incoming.messages, now);
  } else if (incoming.kind === 'delta' && incoming.rows.length > 0) {
    tickTables(database, [{ table: owner, rows: incoming.rows }], now);
  } else tickLetters(database, owner);
}

// --- the journal -----------------------------------------------------------------------------------------------

const plain = plainContext(() => 0n);

function recordOfReprocess(
  owner: SourceObject | TableObject,
  relation: TableObject,
  letters: Delta,
  incoming: Incoming,
  now: bigint,
): ReprocessRecord {
  const record = {
    id: owner.id,
    at: String(now),
    letters: letters.map(([row, weight]) => rowRecord(relation, row, weight)),
  };
  if (owner.kind === 'source') {
    const { physical } = eventTypes(owner);
    const texts = (row: Row): Texts =>
      physical.map((type, i) => {
        const value = row[i] ?? null;
        return value === null ? null : formatValue(value, type, plain);
      });
    return { ...record, rows: incoming.kind === 'rows' ? incoming.rows.map(texts) : [] };
  }
  switch (incoming.kind) {
    case 'rows':
      return record;
    case 'messages': {
      const { messages } = incoming;
      const rows = messages.map(({ row, removes }) => rowRecord(owner, row, removes === true ? -1 : 1));
      return { ...record, messages: rows, partitions: messages.map((m) => m.partition) };
    }
    case 'delta':
      return { ...record, delta: incoming.rows.map(([row, weight]) => rowRecord(owner, row, weight)) };
  }
}

/** Rows of a record; ids among them are taken. */
function deltaOf(database: Database, table: TableObject, records: readonly RowRecord[]): Delta {
  return records.map(([, weight, ...texts]) => {
    const row = table.columns.map((c, i): Value => {
      const text = texts[i] ?? null;
      return text === null ? null : parseValue(text, c.type, messageContext);
    });
    const rowId = table.rowId === null ? null : row[table.rowId];
    if (typeof rowId === 'bigint') database.reserveRowIdsThrough(rowId);
    return [row, weight] as const;
  });
}

/** In a restart. */
export function replayReprocess(database: Database, record: ReprocessRecord): void {
  const owner = database.catalog.byId(record.id);
  const relation = deadRelationOf(database, record.id);
  if ((owner?.kind !== 'source' && owner?.kind !== 'table') || relation === null) return;
  const letters = deltaOf(database, relation, record.letters);
  apply(database, owner, letters, incomingOf(database, owner, record), BigInt(record.at));
}

function incomingOf(
  database: Database,
  owner: SourceObject | TableObject,
  { rows = [], messages, partitions = [], delta = [] }: ReprocessRecord,
): Incoming {
  if (owner.kind === 'source') {
    const { physical } = eventTypes(owner);
    const rowOf = (texts: Texts): Row =>
      physical.map((type, i) => {
        const text = texts[i] ?? null;
        return text === null ? null : parseValue(text, type, plain);
      });
    return { kind: 'rows', rows: rows.map(rowOf) };
  }
  if (messages === undefined) return { kind: 'delta', rows: deltaOf(database, owner, delta) };
  const read = deltaOf(database, owner, messages);
  return {
    kind: 'messages',
    messages: read.map(([row, weight], i) => {
      const partition = partitions[i] ?? ONLY_PARTITION;
      return { row, partition, ...(weight < 0 ? { removes: true } : {}) };
    }),
  };
}
