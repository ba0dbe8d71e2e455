/**
 * Brings a table's rows: a consistent snapshot of the table in PostgreSQL, and after it what has changed meanwhile.
 *
 * From the start changes of the table are held. The snapshot's consistent point says which of them it has; when the rows are read
 * and the stream has reached that point, rows and held changes become one tick: the table is then where the source's other tables
 * are. A snapshot of more rows than `snapshot.atomic.rows` is taken in parts, a tick each, the first of which removes what is
 * there. What is there otherwise is compared: only differences change.
 *
 * A snapshot that breaks off leaves a table that is `waiting`, or `copying` when parts of it are there; it begins again.
 */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { UpstreamConnection } from '../../connector/postgresCdc/connection.ts';
import { SnapshotReader } from '../../connector/postgresCdc/snapshot.ts';
import type { UpstreamTable } from '../../connector/postgresCdc/upstream.ts';
import type { Database } from '../database.ts';
import { TableWrites } from '../transaction.ts';
import { moveOn, setTableState } from './applier.ts';
import { checkKey, columnsAt, followedOf } from './checkTable.ts';
import type { FollowedTable } from './followedTable.ts';
import { HeldChanges } from './held.ts';
import type { CdcRuntime, Followed } from './runtime.ts';
import { physicalColumns } from './tableChanges.ts';

/** What the snapshot needs of the stream. */
export interface StreamView {
  /** Every transaction whose commit lies before `lsn` has been applied. */
  hasApplied(lsn: bigint): boolean;
  /** Has the server tell where it is. */
  ask(): void;
  /** Resolves when something has happened, or after so many milliseconds; rejects when the stream has ended. */
  next(millis: number): Promise<void>;
}

const CATCH_UP_MS = 20;

export class TableSnapshot {
  readonly #database: Database;
  readonly #source: { readonly id: number; readonly runtime: CdcRuntime };
  readonly #table: FollowedTable;
  readonly #stream: StreamView;
  #connection: UpstreamConnection | null = null;
  #aborted = false;

  constructor(
    database: Database,
    source: { readonly id: number; readonly runtime: CdcRuntime },
    table: FollowedTable,
    stream: StreamView,
  ) {
    this.#database = database;
    this.#source = source;
    this.#table = table;
    this.#stream = stream;
  }

  /** Stops it as soon as may be: `run` rejects. */
  abort(): void {
    this.#aborted = true;
    this.#connection?.destroy();
  }

  /** `upstream`: the table as it was just found. Throws SqlError; the table is then as far as the parts that have been taken. */
  async run(upstream: UpstreamTable): Promise<void> {
    const table = this.#table;
    table.held = new HeldChanges();
    table.heldOid = upstream.oid;
    table.snapshotRows = 0;
    table.estimatedRows = upstream.estimatedRows;
    let reader: SnapshotReader | null = null;
    try {
      const { options } = this.#source.runtime;
      const random = Buffer.from(this.#database.environment.randomBytes(6)).toString('hex');
      reader = await SnapshotReader.open(options, upstream, `millrace_snapshot_${random}`, (connection) => {
        this.#connection = connection;
        if (this.#aborted) connection.destroy();
      });
      await this.#copy(reader);
    } finally {
      await reader?.close();
      table.held = null;
      table.snapshotRows = null;
    }
  }

  #check(): void {
    const { table, held } = this.#table;
    const gone = this.#database.catalog.byId(table.id) !== table;
    if (this.#aborted || gone || held === null || !this.#table.needsSnapshot) {
      throw new SqlError('57014', 'the snapshot has been broken off');
    }
  }

  async #copy(reader: SnapshotReader): Promise<void> {
    const { table } = this.#table;
    const held = must(this.#table.held);
    if (reader.table.oid !== this.#table.heldOid)
      throw new SqlError('57P03', 'the table has just been made anew');
    const columns = columnsAt(table.columns, physicalColumns(table.columns));
    const followed = followedOf(reader.table, columns);
    const key = columnsAt(table.columns, table.key);
    checkKey(
      reader.table,
      key.map((c) => c.name),
    );
    held.setConsistentPoint(reader.consistentPoint);
    await reader.begin(columns.map((c) => c.name));
    const { snapshotAtomic } = this.#source.runtime.options;
    let rows: Row[] = [];
    let inParts = false;
    for (;;) {
      const fetched = await reader.fetch();
      this.#check();
      if (fetched.length === 0) break;
      for (const values of fetched) rows.push(this.#table.changes.snapshotRow(values));
      this.#table.snapshotRows = (this.#table.snapshotRows ?? 0) + fetched.length;
      if (!inParts && rows.length <= snapshotAtomic) continue;
      const part = rows;
      const first = !inParts;
      await this.#database.exclusive(() => this.#takePart(part, first, followed));
      inParts = true;
      rows = [];
    }
    // The transaction there has done its duty; the rows below are held here.
    await reader.close();
    await this.#finish(rows, !inParts, followed, held);
  }

  #takePart(rows: readonly Row[], first: boolean, followed: Followed): void {
    this.#check();
    const { table } = this.#table;
    if (first) setTableState(this.#database, this.#table, 'copying', followed);
    const writes = new TableWrites(table);
    if (first) for (const row of table.store.rows()) writes.remove(row);
    for (const row of rows) this.#table.changes.putNew(row, writes);
    this.#write(writes, 'copying', followed, rows.length);
  }

  #write(writes: TableWrites, state: 'copying' | 'streaming', followed: Followed, read: number): void {
    const { table, runtime } = this.#table;
    this.#database.moveOn();
    const deltas = [{ table, rows: [...writes.delta()] }];
    moveOn(this.#database, { id: table.id, runtime }, runtime.inState(state, followed), deltas, read);
  }

  /** Waits for the stream, and becomes part of it. */
  async #finish(
    rows: readonly Row[],
    compare: boolean,
    followed: Followed,
    held: HeldChanges,
  ): Promise<void> {
    const point = must(held.consistentPoint);
    for (let done = false; !done; ) {
      done = await this.#database.exclusive(() => {
        this.#check();
        if (!this.#stream.hasApplied(point)) return false;
        this.#becomeStreaming(rows, compare, followed, held);
        return true;
      });
      if (done) return;
      this.#stream.ask();
      await this.#stream.next(CATCH_UP_MS);
    }
  }

  #becomeStreaming(rows: readonly Row[], compare: boolean, followed: Followed, held: HeldChanges): void {
    const { table, changes } = this.#table;
    const writes = new TableWrites(table);
    if (!compare || table.store.rowCount() === 0) for (const row of rows) changes.putNew(row, writes);
    else {
      for (const row of rows) {
        const { size } = writes;
        writes.put(row);
        if (writes.size === size) throw changes.duplicate(row);
      }
      const there = new Set(writes.keys());
      for (const row of table.store.rows()) if (!there.has(writes.keyOf(row))) writes.remove(row);
    }
    for (const change of held.changes()) changes.apply(change, writes, followed);
    this.#table.held = null;
    this.#write(writes, 'streaming', followed, rows.length);
  }
}
