/**
 * Idempotency keys: a table of the database, so that a key is durable in the same record of the journal as the rows of its request.
 * It is made when the first request with a key comes. Keys go when their time has come, the oldest first when there are very many.
 */

import { types } from '../../common/dataType.ts';
import type { Row } from '../../common/value.ts';
import type { Database, TableDelta } from '../database.ts';
import type { TableObject } from '../objects.ts';
import { TableWrites } from '../transaction.ts';

export const KEY_SCHEMA = 'webhook';
export const KEY_TABLE = 'idempotency_keys';
/** Longer ones are refused. */
export const LONGEST_KEY = 255;
const MOST_KEYS = 1_000_000;
const DROPPED_AT_ONCE = 10_000;

const definition = `CREATE TABLE IF NOT EXISTS ${KEY_SCHEMA}.${KEY_TABLE} (table_id int, key varchar, digest varchar, accepted int, rejected int, forget_at timestamptz, PRIMARY KEY (table_id, key)) WITH (ttl = '1 second', ttl_column = 'forget_at')`;

const columns = [types.int4, types.varchar, types.varchar, types.int4, types.int4, types.timestamptz];

/** What a request with the key was answered. */
export interface Remembered {
  readonly digest: string;
  readonly accepted: number;
  readonly rejected: number;
}

/** Carries out SQL as the server itself. */
export type RunSql = (sql: string) => Promise<unknown>;

export class IdempotencyKeys {
  readonly #database: Database;
  readonly #run: RunSql;
  #thinning = false;

  constructor(database: Database, run: RunSql) {
    this.#database = database;
    this.#run = run;
  }

  /** The table of keys, made if there is none. Not inside `exclusive`. */
  async table(): Promise<TableObject> {
    for (let tries = 0; ; tries++) {
      const found = this.find();
      if (found !== null) return found;
      if (tries > 0) throw new Error(`table ${KEY_SCHEMA}.${KEY_TABLE} is not one of idempotency keys`);
      await this.#run(`CREATE SCHEMA IF NOT EXISTS ${KEY_SCHEMA}`);
      await this.#run(definition);
    }
  }

  /** The table of keys; null: there is none, or another of its name. */
  find(): TableObject | null {
    const object = this.#database.catalog.find(KEY_SCHEMA, KEY_TABLE, []);
    if (object?.kind !== 'table') return null;
    const fits =
      columns.every((type, i) => object.columns[i]?.type.id === type.id) && object.key.length === 2;
    return fits ? object : null;
  }

  /** What the key stands for. Within `exclusive`. */
  known(table: TableObject, owner: number, key: string): Remembered | null {
    const row = table.store.findRow([owner, key]);
    if (row === null) return null;
    return { digest: String(row[2]), accepted: Number(row[3]), rejected: Number(row[4]) };
  }

  /** The change that remembers a key until `forgetAt`. Within `exclusive`. */
  remember(table: TableObject, owner: number, key: string, what: Remembered, forgetAt: bigint): TableDelta {
    const row: Row = [owner, key, what.digest, what.accepted, what.rejected, forgetAt];
    const writes = new TableWrites(table);
    writes.put(row);
    return { table, rows: [...writes.delta()] };
  }

  /** Bounds their number. Not inside `exclusive`. */
  async thin(): Promise<void> {
    const table = this.find();
    if (this.#thinning || table === null || table.store.rowCount() <= MOST_KEYS) return;
    this.#thinning = true;
    try {
      const name = `${KEY_SCHEMA}.${KEY_TABLE}`;
      const oldest = `SELECT forget_at FROM ${name} ORDER BY forget_at OFFSET ${DROPPED_AT_ONCE} LIMIT 1`;
      await this.#run(`DELETE FROM ${name} WHERE forget_at < (${oldest})`);
    } finally {
      this.#thinning = false;
    }
  }
}
