/** Transaction state of one session: none, implicit, block, failed block; savepoints. */
import { SqlError } from '../common/sqlError.ts';
import type { Statement } from '../parser/ast/statement.ts';
import type { Notice } from '../wire/port.ts';
import type { Database } from './database.ts';
import type { Settings } from './settings.ts';
import type { TransactionControl } from './statements/statement.ts';
import { lateNotice } from './time/lateNotice.ts';
import { TransactionWrites } from './transaction.ts';

interface Savepoint {
  readonly name: string;
  readonly restore: () => void;
}

export class TransactionState implements TransactionControl {
  readonly #database: Database;
  readonly #settings: Settings;
  readonly #notify: (notice: Notice) => void;
  #state: 'none' | 'implicit' | 'block' | 'failed' = 'none';
  #writes = new TransactionWrites();
  #savepoints: Savepoint[] = [];
  /** Micros at the transaction's start: what now() gives. */
  startTime = 0n;

  /** `notify` tells the client about rows that a commit did not admit. */
  constructor(database: Database, settings: Settings, notify: (notice: Notice) => void) {
    this.#database = database;
    this.#settings = settings;
    this.#notify = notify;
  }

  get status(): 'I' | 'T' | 'E' {
    return this.#state === 'block' ? 'T' : this.#state === 'failed' ? 'E' : 'I';
  }

  get inBlock(): boolean {
    return this.#state === 'block' || this.#state === 'failed';
  }

  get writes(): TransactionWrites {
    return this.#writes;
  }

  /** Starts the implicit transaction if none runs. */
  touch(): void {
    if (this.#state !== 'none') return;
    this.#state = 'implicit';
    this.startTime = this.#database.environment.clock();
    this.#settings.begin();
  }

  /** 25P02 for anything but the end of a failed transaction. */
  checkUsable(statement: Statement): void {
    if (this.#state !== 'failed') return;
    const ends =
      statement.kind === 'Transaction' &&
      (statement.action === 'commit' ||
        statement.action === 'rollback' ||
        statement.action === 'rollback to');
    if (!ends) {
      throw new SqlError(
        '25P02',
        'current transaction is aborted, commands ignored until end of transaction block',
      );
    }
  }

  requireNoBlock(what: string): void {
    if (this.inBlock) {
      throw new SqlError('25001', `${what} cannot run inside a transaction block`, {
        hint: 'Data definition commits by itself: run it outside BEGIN ... COMMIT.',
      });
    }
  }

  requireWritable(what: string): void {
    if (this.#settings.value('transaction_read_only') === 'on') {
      throw new SqlError('25006', `cannot execute ${what} in a read-only transaction`);
    }
  }

  /** BEGIN; what the implicit transaction has written so far becomes part of the block. */
  begin(modes: readonly string[]): void {
    this.#state = 'block';
    this.#savepoints = [];
    for (const mode of modes) {
      if (mode === 'read only') this.#settings.set('transaction_read_only', 'on', true);
      if (mode === 'read write') this.#settings.set('transaction_read_only', 'off', true);
    }
  }

  /** COMMIT of a block; a failed one rolls back, as its tag says. */
  async commit(): Promise<'COMMIT' | 'ROLLBACK'> {
    if (this.#state === 'failed') {
      this.rollback();
      return 'ROLLBACK';
    }
    await this.#commitWrites();
    return 'COMMIT';
  }

  rollback(): void {
    this.#reset(false);
  }

  /** Commits the implicit transaction; does nothing in a block. */
  async endImplicit(): Promise<void> {
    if (this.#state === 'implicit') await this.#commitWrites();
  }

  /** Commits what the implicit transaction wrote so far (before DDL) and goes on. */
  async commitBeforeDdl(): Promise<void> {
    const writes = this.#writes;
    this.#writes = new TransactionWrites();
    await this.#write(writes);
    this.#database.journal?.requireSpace();
  }

  async #write(writes: TransactionWrites): Promise<void> {
    const durable = this.#settings.value('synchronous_commit') !== 'off';
    for (const late of await this.#database.commit(writes, durable))
      this.#notify(lateNotice(this.#database, late));
  }

  async #commitWrites(): Promise<void> {
    const writes = this.#writes;
    try {
      await this.#write(writes);
      this.#reset(true);
    } catch (error) {
      this.#reset(false);
      throw error;
    }
  }

  #reset(committed: boolean): void {
    this.#state = 'none';
    this.#writes = new TransactionWrites();
    this.#savepoints = [];
    this.#settings.end(committed);
  }

  /** An error reached the client: a block fails, an implicit transaction is rolled back. */
  fail(): void {
    if (this.#state === 'block') this.#state = 'failed';
    else if (this.#state === 'implicit') this.#reset(false);
  }

  #requireBlock(what: string): void {
    if (!this.inBlock) throw new SqlError('25P01', `${what} can only be used in transaction blocks`);
  }

  savepoint(name: string): void {
    this.#requireBlock('SAVEPOINT');
    const restores = this.#writes.tables().map((w) => ({ table: w.table, restore: w.snapshot() }));
    const known = new Set(restores.map((r) => r.table.id));
    const restoreSettings = this.#settings.snapshot();
    const restore = (): void => {
      restoreSettings();
      for (const r of restores) r.restore();
      for (const w of this.#writes.tables()) if (!known.has(w.table.id)) this.#writes.forget(w.table.id);
    };
    this.#savepoints.push({ name, restore });
  }

  #find(name: string): number {
    const index = this.#savepoints.findLastIndex((s) => s.name === name);
    if (index < 0) throw new SqlError('3B001', `savepoint "${name}" does not exist`);
    return index;
  }

  release(name: string): void {
    this.#requireBlock('RELEASE SAVEPOINT');
    this.#savepoints = this.#savepoints.slice(0, this.#find(name));
  }

  rollbackTo(name: string): void {
    this.#requireBlock('ROLLBACK TO SAVEPOINT');
    const index = this.#find(name);
    this.#savepoints[index]?.restore();
    this.#savepoints = this.#savepoints.slice(0, index + 1);
    this.#state = 'block';
  }
}
