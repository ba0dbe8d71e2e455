/**
 * A transaction that is too large for memory, as one tick: its changes are read part by part from where they wait, go to the journal
 * and into their tables, and the next part finds what the one before has left. When all are in, the journal's last record of it
 * makes them count, and the dataflow is run: until then nobody sees anything of it, and a restart finds nothing of it either.
 *
 * A change that does not fit takes back what its table has been given; what fails otherwise (a full disk) takes back everything.
 * All inside `exclusive`, without a pause.
 */
import { must } from '../../common/assert.ts';
import type { SqlError } from '../../common/sqlError.ts';
import { formatLsn, parseLsn } from '../../connector/postgresCdc/lsn.ts';
import type { Change } from '../../connector/postgresCdc/pgoutput.ts';
import type { UpstreamTransaction } from '../../connector/postgresCdc/stream.ts';
import type { Database, TableDelta } from '../database.ts';
import type { TableObject } from '../objects.ts';
import { tickParts } from '../time/ticks.ts';
import { ChangesOf } from './changesOf.ts';
import { ChunkWrites } from './chunkWrites.ts';
import type { FollowedTable } from './followedTable.ts';
import type { CdcRuntime } from './runtime.ts';

/** Changes of one part. */
const PART_CHANGES = 4_000;
/** Bytes of the journal after which it waits for the disk: it keeps in memory what is not there. */
const SYNC_BYTES = 32 << 20;

function* all(transaction: UpstreamTransaction): Generator<Change> {
  yield* transaction.changes;
  if (transaction.rest !== null) yield* transaction.rest.changes();
}

class LargeTick {
  readonly #database: Database;
  readonly #source: { readonly id: number; readonly runtime: CdcRuntime };
  readonly #transaction: UpstreamTransaction;
  readonly work: ChangesOf;
  /** Tables that have been given rows. */
  readonly #given = new Set<TableObject>();
  readonly #now: bigint;
  #parts = 0;
  #unsynced = 0;

  constructor(
    database: Database,
    source: { readonly id: number; readonly runtime: CdcRuntime },
    tables: readonly FollowedTable[],
    transaction: UpstreamTransaction,
  ) {
    this.#database = database;
    this.#source = source;
    this.#transaction = transaction;
    this.work = new ChangesOf(tables, transaction.commitLsn, (table) => new ChunkWrites(table));
    this.#now = database.beginTick();
  }

  /** True when there was anything. */
  run(): boolean {
    try {
      const parts = this.#deltas();
      const first = parts.next();
      if (first.done === true) return false;
      const end = (): void => this.#end();
      tickParts(
        this.#database,
        (function* () {
          yield first.value;
          yield* parts;
          end();
        })(),
      );
      return true;
    } catch (error) {
      for (const { store } of this.#given) store.rollback();
      throw error;
    }
  }

  *#deltas(): Generator<readonly TableDelta[]> {
    let waiting = 0;
    for (const change of all(this.#transaction)) {
      const failed = this.work.take(change, 0);
      if (failed !== null && this.#given.has(failed.table)) failed.table.store.rollback();
      // What a truncation removes is a part by itself.
      if (++waiting < PART_CHANGES && change.kind !== 'truncate') continue;
      waiting = 0;
      yield* this.#part();
    }
    yield* this.#part();
  }

  *#part(): Generator<readonly TableDelta[]> {
    const deltas = this.work.deltas().map((delta) => this.#database.stamp(delta, this.#now));
    if (deltas.length === 0) return;
    const { journal } = this.#database;
    this.#parts++;
    if (journal !== null) {
      this.#unsynced += journal.notePart(deltas);
      if (this.#unsynced > SYNC_BYTES) {
        this.#unsynced = 0;
        journal.flush();
      }
    }
    for (const { table } of deltas) this.#given.add(table);
    yield deltas;
  }

  #end(): void {
    const { id, runtime } = this.#source;
    const { read, failures } = this.work;
    const position = runtime.at(formatLsn(this.#transaction.endLsn));
    const { journal } = this.#database;
    const without = [...failures.keys()].map(({ table }) => table.id);
    journal?.noteParted(this.#parts, without, this.#now, { id, position, read, bad: [] });
    runtime.position = position;
    runtime.rowsRead += BigInt(read);
    runtime.noted = { lsn: parseLsn(must(runtime.lsn)), seq: journal?.lastSeq ?? 0 };
  }
}

/** Applies it; gives the tables whose changes do not fit. */
export function applyLarge(
  database: Database,
  source: { readonly id: number; readonly runtime: CdcRuntime },
  tables: readonly FollowedTable[],
  transaction: UpstreamTransaction,
): ReadonlyMap<FollowedTable, SqlError> {
  const tick = new LargeTick(database, source, tables, transaction);
  if (!tick.run()) source.runtime.position = source.runtime.at(formatLsn(transaction.endLsn));
  return tick.work.failures;
}
