/**
 * What the catalog keeps of PostgreSQL CDC as the source of an object: of a CREATE SOURCE, how far its stream is; of a table,
 * which table it follows and whether it has its rows yet. Both are the `position` that checkpoints save and the journal moves.
 * A table that is declared with the connector itself has both.
 *
 * Invariant: while a table is `streaming`, it holds what the table in PostgreSQL held at the commit whose position the stream has.
 * In every other state its rows are to be brought by a snapshot, which then replaces what is there.
 */
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Position, SourceConfig, SourceRows } from '../../connector/connector.ts';
import { isState } from '../../connector/postgresCdc/connection.ts';
import { type PostgresCdcOptions, readOptions, secretOptions } from '../../connector/postgresCdc/options.ts';
import { postgresCdc } from '../../connector/postgresCdc/source.ts';
import type { TableName } from '../../connector/postgresCdc/upstream.ts';
import { SourceRuntime } from '../sourceRuntime.ts';

/** `waiting` for its snapshot; `copying`: some rows of one are there; `paused`: something has to be set right first. */
export type TableState = 'waiting' | 'copying' | 'streaming' | 'paused';

/** What is known of a followed table upstream. */
export interface Followed {
  readonly oid: number;
  /** OIDs of its columns' types, by name: those that are taken. */
  readonly types: Readonly<Record<string, number>>;
}

function shownOptions(options: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...options].map(([name, value]) => [name, secretOptions.has(name) ? '***' : value]));
}

export class CdcRuntime extends SourceRuntime {
  /** The table that is followed; null for a source, which has none of its own. */
  readonly upstream: TableName | null;
  /** Id of the source whose stream brings the changes; null: it has a stream itself. */
  readonly sourceId: number | null;
  #options: PostgresCdcOptions;
  /** Called when something is to be done: a table has come, it was paused or resumed ... */
  wake: () => void = () => {};
  /** The slot has not what the stream needs: resuming makes it anew, and all rows are compared. */
  lost = false;
  /** The newest position of the stream that is in the journal, and the record that says so. */
  noted: { readonly lsn: bigint; readonly seq: number } | null = null;
  /** Counts changes of options. */
  generation = 0;

  constructor(config: SourceConfig, upstream: TableName | null = null, sourceId: number | null = null) {
    super(postgresCdc, { ...config, options: shownOptions(config.options) });
    this.upstream = upstream;
    this.sourceId = sourceId;
    this.#options = readOptions(config.options);
  }

  /** For the same table with other columns; it needs a snapshot, unless it is paused. */
  withColumns(columns: readonly Column[]): CdcRuntime {
    const next = new CdcRuntime({ ...this.config, columns }, this.upstream, this.sourceId);
    next.#options = this.#options;
    next.rowsRead = this.rowsRead;
    next.paused = this.paused;
    next.wake = this.wake;
    next.position = this.tableState === 'paused' ? this.position : this.inState('waiting', null);
    for (const id of this.consumers) next.consumers.add(id);
    return next;
  }

  get options(): PostgresCdcOptions {
    return this.#options;
  }

  // What a source is asked that is read by polling

  override poll(): SourceRows | null {
    return null;
  }

  override nextPollMicros(): bigint | null {
    return null;
  }

  override replay(): Generator<SourceRows> {
    throw this.#noRows();
  }

  override catchUp(): Generator<SourceRows> {
    throw this.#noRows();
  }

  override present(): Generator<SourceRows> {
    throw this.#noRows();
  }

  #noRows(): SqlError {
    return new SqlError('42809', 'a postgres-cdc source has no rows of its own', {
      hint: "Follow a table: CREATE TABLE t (*) FROM source TABLE 'schema.table'.",
    });
  }

  // Its position

  #part(name: string): Position[string] | undefined {
    return this.position?.[name];
  }

  #with(changes: { readonly [name: string]: Position[string] | undefined }): Position {
    const merged = Object.entries({ ...this.position, ...changes });
    return Object.fromEntries(merged.flatMap(([name, v]) => (v === undefined ? [] : [[name, v]])));
  }

  /** Up to where every transaction is in; null: the stream has not begun. */
  get lsn(): string | null {
    const lsn = this.#part('lsn');
    return typeof lsn === 'string' ? lsn : null;
  }

  at(lsn: string): Position {
    return this.#with({ lsn });
  }

  get tableState(): TableState {
    const state = this.#part('state');
    return state === 'copying' || state === 'streaming' || state === 'paused' ? state : 'waiting';
  }

  get followed(): Followed | null {
    const oid = this.#part('oid');
    const types = this.#part('types');
    if (typeof oid !== 'number' || typeof types !== 'object') return null;
    return { oid, types: types as Followed['types'] };
  }

  /** The position that says so. */
  inState(state: TableState, followed: Followed | null, error: SqlError | null = null): Position {
    return this.#with({
      state,
      oid: followed?.oid,
      types: followed === null ? undefined : { ...followed.types },
      error:
        error === null ? undefined : { state: error.state, message: error.message, hint: error.hint ?? '' },
    });
  }

  /** After a restart: why the table was paused. */
  restorePause(): void {
    const error = this.#part('error');
    if (this.tableState !== 'paused' || typeof error !== 'object' || this.paused !== null) return;
    const { state, message, hint } = error;
    const code = typeof state === 'string' && isState(state) ? state : 'XX000';
    const fields = typeof hint === 'string' && hint !== '' ? { hint } : {};
    this.pauseFor(new SqlError(code, String(message), fields));
  }

  /** Until somebody lets it resume. */
  pauseFor(error: SqlError): void {
    const at = this.paused?.at ?? this.config.clock();
    this.paused = { cause: 'failure', error, at, retryAt: null };
    this.wake();
  }

  // What users do

  /** A table that is not followed for a while has missed changes: it gets a snapshot afterwards. */
  override pause(at: bigint): void {
    super.pause(at);
    if (this.sourceId !== null) this.position = this.inState('waiting', null);
    this.wake();
  }

  override resume(name: string): void {
    super.resume(name);
    if (this.tableState === 'paused') this.position = this.inState('waiting', null);
    if (this.lost) this.position = this.#with({ lsn: undefined });
    this.lost = false;
    this.wake();
  }

  override reconfigure(config: SourceConfig): void {
    this.#options = readOptions(config.options);
    this.config = { ...config, options: shownOptions(config.options) };
    this.generation++;
    if (this.paused?.cause === 'failure' && this.tableState !== 'paused') this.paused = null;
    this.wake();
  }
}
