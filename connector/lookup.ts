/**
 * What a lookup connector is: rows of another server, found by their key when a process-time join asks for them. The database
 * keeps the answers (server/lookup), asks for many keys at once, and again when they have become old.
 */
import type { Column } from '../common/dataType.ts';
import type { SqlError } from '../common/sqlError.ts';
import type { Row } from '../common/value.ts';
import type { OptionSpec } from './connector.ts';

/** The row of a key; null: there is none; or why what is there cannot be a row of the table. */
export type LookupAnswer = Row | null | SqlError;

export interface LookupClient {
  /**
   * An answer for each key, in their order; a key is the values of the key's columns. Rejects when it cannot be had now: the
   * client is closed then, and another one asks again after a while.
   */
  fetch(keys: readonly Row[]): Promise<readonly LookupAnswer[]>;
  close(): Promise<void>;
}

export interface LookupConfig {
  /** Names the table within this server: for names that the other server is told. */
  readonly identity: string;
  readonly name: string;
  /** Options given by the user with defaults filled in, validated against the specs. */
  readonly options: ReadonlyMap<string, string>;
  readonly columns: readonly Column[];
  /** Positions of the key's columns. */
  readonly key: readonly number[];
}

export interface LookupConnector {
  readonly name: string;
  readonly doc: string;
  readonly options: readonly OptionSpec[];
  /** Connects, and finds what the table needs over there. Rejects with SqlError that says what to do. */
  open(config: LookupConfig): Promise<LookupClient>;
}
