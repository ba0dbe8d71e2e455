/**
 * What a sink connector is: data plus a writer with a two-phase interface. The server numbers the output of every tick with
 * the tick's version (its epoch). A restart makes undelivered output again under the same epochs, and asks the writer which
 * epoch the target has last; so a target that keeps the epoch together with the rows gets every change exactly once.
 *
 * Invariant of a writer: after `commit` has resolved, `recover` of this or any later writer of the same identity gives the
 * committed epoch; before `commit` was called it never does. If `commit` failed, either answer is right.
 */
import type { Column } from '../common/dataType.ts';
import type { Row } from '../common/value.ts';
import type { OptionSpec } from './connector.ts';

/** Net change of a row in one tick: came (no `before`), went (no `after`), or changed under its key. */
export type SinkChange =
  | { readonly before: null; readonly after: Row }
  | { readonly before: Row; readonly after: null }
  | { readonly before: Row; readonly after: Row };

/** Changes of one epoch, in order; a large epoch comes in several batches. */
export interface SinkBatch {
  readonly epoch: bigint;
  /** Time of the tick, microseconds: a replay gives the same. */
  readonly at: bigint;
  /** How many changes of the epoch came before these. Identity, epoch and number name a change for ever. */
  readonly first: number;
  readonly changes: readonly SinkChange[];
}

/** FORMAT PLAIN: rows that come. UPSERT: the row by key, or that it is gone. DEBEZIUM: before and after. */
export type SinkFormat = 'PLAIN' | 'UPSERT' | 'DEBEZIUM';

export interface SinkConfig {
  /** Names this sink for ever: no other one of any server has it. What a target keeps the epoch under. */
  readonly identity: string;
  readonly name: string;
  /** Options given by the user with defaults filled in, validated against the specs. */
  readonly options: ReadonlyMap<string, string>;
  readonly columns: readonly Column[];
  /** Positions of the key's columns; null: rows have none (FORMAT PLAIN only). */
  readonly key: readonly number[] | null;
  readonly format: SinkFormat;
  /** Upper case. */
  readonly encode: string;
  readonly encodeOptions: ReadonlyMap<string, string>;
}

/** The changes of some consecutive epochs on their way. After any failure it is given up, and the writer with it. */
export interface SinkTransaction {
  write(batch: SinkBatch): Promise<void>;
  /** All epochs through `last` have been written: everything is at the target, durable and not yet visible. */
  prepare(last: bigint): Promise<void>;
  /** Makes the changes visible, and `last` what `recover` gives, in one. */
  commit(): Promise<void>;
  /** Before `commit`: leaves nothing behind, as far as the target can still be reached. */
  abort(): Promise<void>;
}

export interface SinkWriter {
  /**
   * Finishes or takes back what an earlier writer left. Gives the last epoch that the target has; null: it has none, or
   * cannot say. Called once, first.
   */
  recover(): Promise<bigint | null>;
  /** `first`: the first epoch to come. One transaction at a time. */
  begin(first: bigint): Promise<SinkTransaction>;
  /** CREATE SINK has failed after `recover`: takes back what marks the target as this sink's. */
  release?(): Promise<void>;
  close(): Promise<void>;
}

/** When waiting changes are delivered: as soon as there are so many, or the oldest has waited so long. */
export interface SinkBatching {
  readonly rows: number;
  readonly millis: number;
}

export interface SinkConnector {
  readonly name: string;
  readonly doc: string;
  readonly options: readonly OptionSpec[];
  /** Accepted `FORMAT ENCODE` pairs, the default first; `NATIVE`: no clause, for targets with a form of their own. */
  readonly formats: readonly string[];
  /** Accepted `KEY ENCODE`s. Absent: the clause is not taken. */
  readonly keyEncodes?: readonly string[];
  /** Options of the ENCODE clause that only this connector has, by encoding. */
  readonly encodeOptions?: ReadonlyMap<string, readonly OptionSpec[]>;
  /** At least once: changes carry what tells a repetition (see SinkBatch.first), but the target keeps no epoch. */
  readonly guarantee: 'exactly once' | 'at least once';
  batching(options: ReadonlyMap<string, string>): SinkBatching;
  /** Throws SqlError on a bad configuration. A failure that has a chance to pass is any other error. */
  open(config: SinkConfig): Promise<SinkWriter>;
}

/** A failure that trying again does not mend: the sink is paused at once. */
export class SinkRefusal extends Error {}
