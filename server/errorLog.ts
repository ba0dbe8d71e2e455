/**
 * Rows that a maintained view could not compute, and records that a source could not use. Counted for ever; up to a bound of rows
 * per view are kept for queries.
 *
 * State: per view one entry per operator, error and row, with the number of such rows now; a row error leaves the log
 * when the row that caused it is deleted. Rows beyond the bound are only counted, per operator and error.
 * Invariant: per view, operator and error the counts sum to the rows that fail that way now.
 */
import { type DataType, type Schema, types } from '../common/dataType.ts';
import { Jsonb } from '../common/jsonb.ts';
import type { SqlError } from '../common/sqlError.ts';
import type { SqlState } from '../common/sqlStates.ts';
import { formatValue, parseValue } from '../common/textIo.ts';
import type { Row } from '../common/value.ts';
import type { BadRecord } from '../connector/connector.ts';
import { toJsonNode, toJsonText } from '../executor/functions/support/jsonValue.ts';
import type { Persistent, StateReader, StateWriter } from '../storage/state/persist.ts';
import { DriftCounts } from './deadLetters/drift.ts';
import { messageContext } from './ingest.ts';

/** Rows listed per view unless it says otherwise. */
export const DEFAULT_ERROR_ROWS = 10_000;

export interface RowErrorEntry {
  readonly relation: string;
  /** Object id of the relation; null where it has none yet. */
  readonly id: number | null;
  readonly operator: string;
  readonly message: string;
  readonly detail: string | null;
  readonly state: SqlState;
  /** What the operator was given; null: further rows, which are only counted. */
  readonly row: Jsonb | null;
  /** Rows now failing this way. */
  count: number;
  /** Micros of the last change. */
  at: bigint;
}

/** A row that fails, or (negative weight) does no longer. */
export interface FailedRow {
  readonly relation: string;
  readonly id: number | null;
  readonly operator: string;
  readonly error: SqlError;
  readonly weight: number;
  readonly at: bigint;
  /** The row with its columns; absent: unknown. */
  readonly row?: Row;
  readonly schema?: Schema;
  /** Rows of the relation to be listed. */
  readonly maxRows?: number;
}

interface RelationErrors {
  readonly listed: Map<string, RowErrorEntry>;
  readonly unlisted: Map<string, RowErrorEntry>;
}

/** The type of a row as an object; columns of one name are told apart by their number. */
function rowType(schema: Schema): DataType {
  const used = new Set<string>();
  const fields = schema.map(({ name, type }, i) => {
    const unique = used.has(name) ? `${name}_${i + 1}` : name;
    used.add(unique);
    return { name: unique, type };
  });
  return { id: 'struct', fields };
}

function change(map: Map<string, RowErrorEntry>, key: string, entry: RowErrorEntry): void {
  const known = map.get(key);
  if (known === undefined) {
    map.set(key, entry);
    return;
  }
  known.count += entry.count;
  known.at = entry.at;
  if (known.count === 0) map.delete(key);
}

type SavedErrors = readonly (readonly [key: string, entry: RowErrorEntry, row: string | null])[];

function saved(errors: ReadonlyMap<string, RowErrorEntry>): SavedErrors {
  return [...errors].map(([key, entry]) => {
    const row = entry.row === null ? null : formatValue(entry.row, types.jsonb, messageContext);
    return [key, { ...entry, row: null }, row];
  });
}

function loaded(errors: SavedErrors): Map<string, RowErrorEntry> {
  return new Map(
    errors.map(([key, entry, text]) => {
      const row = text === null ? null : (parseValue(text, types.jsonb, messageContext) as Jsonb);
      return [key, { ...entry, row }];
    }),
  );
}

export class RowErrors implements Persistent {
  readonly #relations = new Map<number | string, RelationErrors>();
  /** Those of views that are being filled, which a restart begins again: not in checkpoints. */
  readonly unfinished = new Set<number | string>();

  add(failed: FailedRow): void {
    const { relation, id, operator, error, weight, at, row = [], schema = [] } = failed;
    if (weight === 0) return;
    const errors = this.#of(id ?? relation);
    const kind = `${operator}\n${error.state}\n${error.message}`;
    const type = rowType(schema);
    const key = `${kind}\n${toJsonText(row, type, messageContext)}`;
    const entry = {
      relation,
      id,
      operator,
      message: error.message,
      detail: error.detail ?? null,
      state: error.state,
      count: weight,
      at,
    };
    const isListed = errors.listed.has(key);
    const isFull = errors.listed.size >= (failed.maxRows ?? DEFAULT_ERROR_ROWS);
    if (!isListed && (weight > 0 ? isFull : errors.unlisted.has(kind))) {
      change(errors.unlisted, kind, { ...entry, row: null });
    } else {
      const json = isListed || schema.length === 0 ? null : new Jsonb(toJsonNode(row, type, messageContext));
      change(errors.listed, key, { ...entry, row: json });
    }
    if (errors.listed.size === 0 && errors.unlisted.size === 0) this.#relations.delete(id ?? relation);
  }

  #of(key: number | string): RelationErrors {
    const known = this.#relations.get(key);
    if (known !== undefined) return known;
    const made: RelationErrors = { listed: new Map(), unlisted: new Map() };
    this.#relations.set(key, made);
    return made;
  }

  /** Forgets all errors of a relation, by its id or, where it had none, its name. */
  dropRelation(key: number | string): void {
    this.#relations.delete(key);
  }

  /** The errors of one relation are those of another one from now on, in the place of what it had. */
  move(from: number | string, to: number, relation: string): void {
    const errors = this.#relations.get(from);
    this.#relations.delete(from);
    this.#relations.delete(to);
    if (errors === undefined) return;
    const moved = (entries: ReadonlyMap<string, RowErrorEntry>): Map<string, RowErrorEntry> =>
      new Map([...entries].map(([key, entry]) => [key, { ...entry, id: to, relation }]));
    this.#relations.set(to, { listed: moved(errors.listed), unlisted: moved(errors.unlisted) });
  }

  /** Takes a relation's errors away; the result puts them back in the place of those that have come since. */
  setAside(key: number | string): () => void {
    const errors = this.#relations.get(key);
    this.#relations.delete(key);
    return () => {
      if (errors === undefined) this.#relations.delete(key);
      else this.#relations.set(key, errors);
    };
  }

  /** Some error of a row that fails now; null: there is none. */
  first(key: number | string): RowErrorEntry | null {
    const errors = this.#relations.get(key);
    if (errors === undefined) return null;
    for (const entry of errors.listed.values()) if (entry.count > 0) return entry;
    for (const entry of errors.unlisted.values()) if (entry.count > 0) return entry;
    return null;
  }

  /** Ids of the relations that have errors. */
  relations(): readonly number[] {
    return [...this.#relations.keys()].filter((key) => typeof key === 'number');
  }

  save(out: StateWriter): void {
    out.value(
      [...this.#relations]
        .filter(([key]) => !this.unfinished.has(key))
        .map(([key, { listed, unlisted }]) => [key, saved(listed), saved(unlisted)] as const),
    );
  }

  restore(from: StateReader): void {
    const relations = from.value() as readonly (readonly [number | string, SavedErrors, SavedErrors])[];
    for (const [key, listed, unlisted] of relations) {
      this.#relations.set(key, { listed: loaded(listed), unlisted: loaded(unlisted) });
    }
  }

  /** All entries: those with their row, then those that are only counted. */
  entries(): readonly RowErrorEntry[] {
    const all = [...this.#relations.values()];
    return [...all.flatMap((e) => [...e.listed.values()]), ...all.flatMap((e) => [...e.unlisted.values()])];
  }
}

export interface BadRecordEntry extends BadRecord {
  readonly at: bigint;
}

/** Rows of a relation of dead letters with their weights. */
type LetterChanges = readonly (readonly [row: Row, weight: number])[];

const MINUTE = 60_000_000n;

/**
 * One per source: what it could not use, until that has become dead letters in a tick (deadLetters/letters.ts), and counts of
 * everything.
 */
export class BadRecords {
  /** Records that were left out, or whose event time said nothing. */
  total = 0n;
  /** Fields that were made NULL. */
  nulled = 0n;
  /** Fields that are not as their columns are. */
  readonly drift = new DriftCounts();
  /** Of checkpoints of before there were dead letters. */
  #old: readonly BadRecordEntry[] = [];
  #pending: BadRecord[] = [];
  #changed: LetterChanges = [];
  #minuteAt = 0n;
  #inMinute = 0;

  add(records: readonly BadRecord[], at: bigint): void {
    if (at < this.#minuteAt || at - this.#minuteAt >= MINUTE) this.forgive(at);
    this.#inMinute += records.length;
    for (const record of records) {
      if (record.outcome === 'nulled') this.nulled++;
      else this.total++;
      this.#pending.push(record);
    }
  }

  /** Those that have no letter yet. */
  get pending(): readonly BadRecord[] {
    return this.#pending;
  }

  /** As `pending`; they are taken. */
  take(): readonly BadRecord[] {
    const taken = this.#pending;
    this.#pending = [];
    return taken;
  }

  /** Letters that the next tick changes. */
  change(letters: LetterChanges): void {
    this.#changed = letters;
  }

  takeChanged(): LetterChanges {
    const taken = this.#changed;
    this.#changed = [];
    return taken;
  }

  /** The next tick has letters to file or to change. */
  get due(): boolean {
    return this.#pending.length > 0 || this.#changed.length > 0;
  }

  /** Records within the running minute. */
  get inMinute(): number {
    return this.#inMinute;
  }

  /** A minute begins. */
  forgive(at: bigint): void {
    this.#minuteAt = at;
    this.#inMinute = 0;
  }

  entries(): readonly BadRecordEntry[] {
    return this.#old;
  }

  restore(old: readonly BadRecordEntry[], total: bigint, nulled: bigint): void {
    this.#old = [...old];
    this.#pending = [];
    this.total = total;
    this.nulled = nulled;
  }
}
