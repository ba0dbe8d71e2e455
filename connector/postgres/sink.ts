/**
 * The `postgres` sink: rows of a table in PostgreSQL, exactly once.
 *
 * The changes of some epochs are one transaction there, and so is the record of the last of them (sinkClaim.ts). Prepared means:
 * everything is written in the transaction that is open, constraints that wait for the end of it included. Commit is COMMIT. As
 * there is only one target, nothing has to be decided between the two, and PREPARE TRANSACTION, which most servers have switched
 * off and which keeps its locks for ever if nobody comes back, would add nothing: a COMMIT whose answer was lost has happened or
 * has not, and the record says which.
 *
 * Invariant: the table holds the changes through the epoch of the record, each once, and the record's lock is held by whoever
 * changes either.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { OptionSpec } from '../connector.ts';
import {
  type SinkBatch,
  type SinkChange,
  type SinkConfig,
  type SinkConnector,
  SinkRefusal,
  type SinkTransaction,
  type SinkWriter,
} from '../sink.ts';
import { asSqlError, connectTarget, isLasting, type TargetConnection, writeError } from './connection.ts';
import { placeOptions } from './connectionOptions.ts';
import { type Claim, claim, forget, lockClaim, newOwner, recordEpoch } from './sinkClaim.ts';
import { TargetStatements } from './sinkStatements.ts';
import { openTable, type TargetTable } from './sinkTable.ts';

const options: readonly OptionSpec[] = [
  ...placeOptions('Who writes.', 'The table that is written.', { what: 'one statement', millis: 60_000 }),
  {
    name: 'create.table',
    type: 'boolean',
    default: 'false',
    doc: 'Whether CREATE SINK makes the table when it is absent.',
  },
  {
    name: 'max_batch_rows',
    type: 'integer',
    alterable: true,
    default: '2000',
    doc: 'How many changes go in one statement.',
  },
];

/** Delivered together at least: a transaction costs a few round trips. */
const DELIVERY_ROWS = 10_000;
const DELIVERY_MILLIS = 50;

/** Names of processes at their targets, by sink: those sinks that this connector has taken over. */
type Owners = Map<string, string>;

class PostgresWriter implements SinkWriter {
  readonly #config: SinkConfig;
  readonly #owners: Owners;
  readonly #batchRows: number;
  #connection: TargetConnection | null = null;
  #held: Claim | null = null;
  #table: TargetTable | null = null;
  #statements: TargetStatements | null = null;

  constructor(config: SinkConfig, owners: Owners) {
    this.#config = config;
    this.#owners = owners;
    this.#batchRows = Math.max(1, Number(config.options.get('max_batch_rows')));
  }

  async recover(): Promise<bigint | null> {
    try {
      return await this.#takeOver();
    } catch (error) {
      throw isLasting(error) ? asSqlError(error) : error;
    }
  }

  async #takeOver(): Promise<bigint | null> {
    const config = this.#config;
    const { identity } = config;
    const connection = await connectTarget(config.options, `sink-${identity}`);
    this.#connection = connection;
    const known = this.#owners.get(identity);
    const owner = known ?? (await newOwner(connection));
    try {
      this.#held = await claim(connection, config, owner, known !== undefined);
    } catch (error) {
      this.#refused(error);
      throw error;
    }
    this.#owners.set(identity, owner);
    const { epoch } = this.#held;
    try {
      this.#table = await openTable(connection, config, epoch === null);
    } catch (error) {
      // CREATE SINK fails: nothing of it stays. Otherwise there is an epoch, and it does.
      if (error instanceof SqlError) await forget(connection, this.#held).catch(() => {});
      throw error;
    }
    this.#statements = new TargetStatements(config, this.#table);
    return epoch;
  }

  /** Once overtaken, the next try (which a user has asked for) is a new claim. */
  #refused(error: unknown): void {
    if (error instanceof SinkRefusal) this.#owners.delete(this.#config.identity);
  }

  #ready() {
    const [connection, held, statements] = [this.#connection, this.#held, this.#statements];
    if (connection === null || held === null || statements === null) throw new Error('the writer is closed');
    return { connection, held, statements };
  }

  async begin(): Promise<SinkTransaction> {
    const { connection, held, statements } = this.#ready();
    await connection.script('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE');
    try {
      await lockClaim(connection, held, this.#config.name);
    } catch (error) {
      this.#refused(error);
      throw error;
    }
    let group: SinkChange[] = [];
    const flush = async (): Promise<void> => {
      const changes = group;
      group = [];
      await this.#flush(connection, statements, changes);
    };
    return {
      write: async (batch: SinkBatch) => {
        for (const change of batch.changes) {
          group.push(change);
          if (group.length >= this.#batchRows) await flush();
        }
      },
      prepare: async (last) => {
        await flush();
        await this.#asTarget(() => connection.script('SET CONSTRAINTS ALL IMMEDIATE'));
        await recordEpoch(connection, held, last);
      },
      commit: () => this.#asTarget(() => connection.script('COMMIT')),
      abort: () => connection.script('ROLLBACK'),
    };
  }

  async #flush(
    connection: TargetConnection,
    statements: TargetStatements,
    changes: readonly SinkChange[],
  ): Promise<void> {
    try {
      for (const { text, values } of statements.of(changes)) await connection.run(text, values);
    } catch (error) {
      const silent = isLasting(error) && (error.detail ?? '') === '';
      const row = silent ? await this.#culprit(connection, statements, changes).catch(() => null) : null;
      throw writeError(error, this.#table?.name ?? '', row);
    }
  }

  /** The change that the target refuses by itself, found by halving; null: it takes them all now. */
  async #culprit(
    connection: TargetConnection,
    statements: TargetStatements,
    changes: readonly SinkChange[],
  ): Promise<string | null> {
    let from = 0;
    let to = changes.length;
    while (to - from > 1) {
      const middle = (from + to) >> 1;
      if (await this.#refuses(connection, statements, changes.slice(from, middle))) to = middle;
      else from = middle;
    }
    const [change] = changes.slice(from, to);
    if (change === undefined || !(await this.#refuses(connection, statements, [change]))) return null;
    return statements.shown(change);
  }

  async #refuses(
    connection: TargetConnection,
    statements: TargetStatements,
    changes: readonly SinkChange[],
  ): Promise<boolean> {
    await connection.script('ROLLBACK; BEGIN');
    try {
      for (const { text, values } of statements.of(changes)) await connection.run(text, values);
      return false;
    } catch (error) {
      if (isLasting(error)) return true;
      throw error;
    }
  }

  async #asTarget(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      throw writeError(error, this.#table?.name ?? '', null);
    }
  }

  async release(): Promise<void> {
    const { connection, held } = this.#ready();
    if (this.#table?.made === true) await connection.script(`DROP TABLE ${this.#table.name}`);
    await forget(connection, held);
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    await connection?.close();
  }
}

function checkConfig(config: SinkConfig): void {
  if (Number(config.options.get('port')) > 65_535) {
    throw new SqlError('22023', `invalid value for option "port": "${config.options.get('port')}"`);
  }
  if (config.format !== 'PLAIN' && config.key === null) {
    throw new SqlError('42P16', 'the postgres sink changes rows by their key, and there is none', {
      hint: "Let the query give the columns of its key, or use type = 'append-only'.",
    });
  }
}

/** The connector of one process. */
export function postgresSinkConnector(): SinkConnector {
  const owners: Owners = new Map();
  return {
    name: 'postgres',
    doc: 'A table in PostgreSQL: rows by key are inserted, updated and deleted (`type` is `upsert`, the default), or rows are only added (`append-only`).',
    options,
    formats: ['NATIVE'],
    guarantee: 'exactly once',
    batching: () => ({ rows: DELIVERY_ROWS, millis: DELIVERY_MILLIS }),
    async open(config) {
      checkConfig(config);
      return new PostgresWriter(config, owners);
    },
  };
}

export const postgresSink: SinkConnector = postgresSinkConnector();
