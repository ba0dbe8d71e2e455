/**
 * The rows of a table as of a known position of the stream. A temporary slot is made in a transaction that reads what is there
 * at the slot's consistent point: a transaction whose commit lies before it is in the rows, one whose commit lies behind it
 * comes in the stream.
 */
import { identifier, UpstreamConnection, type UpstreamRow } from './connection.ts';
import { parseLsn } from './lsn.ts';
import type { PostgresCdcOptions } from './options.ts';
import { describeTable, quotedTable, type TableName, type UpstreamTable } from './upstream.ts';

/** Making a slot waits for the transactions that run to end, however long they take. */
const SLOT_MILLIS = 24 * 3600 * 1000;

export class SnapshotReader {
  readonly #connection: UpstreamConnection;
  readonly #options: PostgresCdcOptions;
  readonly consistentPoint: bigint;
  /** As it is at that point. */
  readonly table: UpstreamTable;

  private constructor(
    connection: UpstreamConnection,
    options: PostgresCdcOptions,
    consistentPoint: bigint,
    table: UpstreamTable,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.consistentPoint = consistentPoint;
    this.table = table;
  }

  /** `slot`: a name that nobody else uses. `onConnection` gets the connection, to break it off. */
  static async open(
    options: PostgresCdcOptions,
    table: TableName,
    slot: string,
    onConnection: (connection: UpstreamConnection) => void,
  ): Promise<SnapshotReader> {
    const connection = await UpstreamConnection.open(options, true);
    onConnection(connection);
    try {
      await connection.rows('BEGIN READ ONLY ISOLATION LEVEL REPEATABLE READ');
      const [made] = await connection.rows(
        `CREATE_REPLICATION_SLOT ${identifier(slot)} TEMPORARY LOGICAL pgoutput USE_SNAPSHOT`,
        SLOT_MILLIS,
      );
      const described = await describeTable(connection, table);
      return new SnapshotReader(connection, options, parseLsn(made?.[1] ?? ''), described);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Begins to read these columns. */
  async begin(columns: readonly string[]): Promise<void> {
    // Rows of tables that inherit from it are not its own; those of partitions are.
    const from = `${this.table.partitioned ? '' : 'ONLY '}${quotedTable(this.table)}`;
    const list = columns.map(identifier).join(', ');
    await this.#connection.rows(`DECLARE millrace_snapshot NO SCROLL CURSOR FOR SELECT ${list} FROM ${from}`);
  }

  /** The next rows; none: that was all. */
  fetch(): Promise<readonly UpstreamRow[]> {
    return this.#connection.rows(`FETCH ${this.#options.snapshotBatch} FROM millrace_snapshot`);
  }

  /** The slot goes with the connection. */
  close(): Promise<void> {
    return this.#connection.close();
  }
}
