/**
 * One lookup table at run time: which keys rows wait for, which of them are being asked for, and how that goes. The answers are
 * rows of two tables: those that were found, and the keys that have been asked for (with or without a row), which expire.
 *
 * State: `#pending` keys to be asked for, in the order in which they were wanted; `#asking` those under way. A key is in at most
 * one of them, and in neither when its answer is there. Nothing of it is saved: after a restart the operators say what they wait
 * for, and what has been answered is in the tables.
 */

import type { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { LookupConfig, LookupConnector } from '../../connector/lookup.ts';
import type { TableObject } from '../objects.ts';

export interface LookupTables {
  /** What was found. */
  readonly rows: TableObject;
  /** Every key that has a fresh answer; its first columns are those of the key. */
  readonly keys: TableObject;
}

const nameOf = (key: Row): string => key.map((value) => `${typeof value} ${String(value)}`).join('\u0000');

export class LookupRuntime {
  readonly connector: LookupConnector;
  config: LookupConfig;
  /** Counts changes of options: clients of before are to be opened again. */
  generation = 0;
  readonly tables: LookupTables;
  readonly batchRows: number;
  readonly connections: number;
  readonly maxKeys: number;
  readonly #pending = new Map<string, Row>();
  readonly #asking = new Set<string>();
  /** Since the start. */
  asked = 0n;
  found = 0n;
  absent = 0n;
  /** Answers that could not be rows of the table. */
  unusable = 0n;
  attempts = 0;
  lastError: SqlError | null = null;
  /** Of the last answer: microseconds from question to answer. */
  lastMicros: bigint | null = null;
  dropped = false;
  /** Calls whoever rests because there was nothing to ask. */
  wake: () => void = () => {};

  constructor(
    connector: LookupConnector,
    config: LookupConfig,
    tables: LookupTables,
    own: ReadonlyMap<string, string>,
  ) {
    this.connector = connector;
    this.config = config;
    this.tables = tables;
    this.batchRows = Math.max(1, Number(own.get('lookup.batch.rows')));
    this.connections = Math.max(1, Number(own.get('lookup.connections')));
    this.maxKeys = Math.max(1, Number(own.get('cache.max.rows')));
  }

  /** From now on with these options. */
  reconfigure(options: ReadonlyMap<string, string>): void {
    this.config = { ...this.config, options };
    this.generation++;
    this.attempts = 0;
    this.wake();
  }

  get waiting(): number {
    return this.#pending.size;
  }

  get underWay(): number {
    return this.#asking.size;
  }

  /** Rows wait for these keys. */
  want(keys: readonly Row[]): void {
    for (const key of keys) {
      const name = nameOf(key);
      if (!this.#asking.has(name)) this.#pending.set(name, key);
    }
    if (this.#pending.size > 0) this.wake();
  }

  /** The next keys to be asked for; those that have been answered meanwhile are left out. */
  next(): readonly Row[] {
    const keys: Row[] = [];
    for (const [name, key] of this.#pending) {
      this.#pending.delete(name);
      if (this.tables.keys.store.findByKey(key) >= 0) continue;
      this.#asking.add(name);
      keys.push(key);
      if (keys.length === this.batchRows) break;
    }
    return keys;
  }

  /** The answers are in the tables. */
  answered(keys: readonly Row[]): void {
    for (const key of keys) this.#asking.delete(nameOf(key));
    this.attempts = 0;
    this.lastError = null;
  }

  /** The keys are to be asked for again. */
  failed(keys: readonly Row[], error: SqlError): void {
    for (const key of keys) {
      this.#asking.delete(nameOf(key));
      this.#pending.set(nameOf(key), key);
    }
    this.attempts++;
    this.lastError = error;
  }
}
