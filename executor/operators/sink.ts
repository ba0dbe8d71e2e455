/**
 * The end of a relation's changes on their way out: per tick its net changes, each row's before and after under its key.
 *
 * `rows`: of an input that only grows, rows go out as they come. `inserts`: what comes goes out, what goes is dropped. `changes`:
 * deltas are netted by row and paired by key (changelog.ts). Empty between ticks.
 */
import type { Schema } from '../../common/dataType.ts';
import type { Row } from '../../common/value.ts';
import type { SinkChange } from '../../connector/sink.ts';
import type { Batch } from '../batch.ts';
import { batchRow } from '../batchBuilder.ts';
import { ChangelogOperator, DELETE, UPDATE_DELETE } from './changelog.ts';
import type { Operator } from './operator.ts';

export type SinkMode = 'rows' | 'inserts' | 'changes';

/** Changes handed out at once, about. */
const MOST_CHANGES = 4096;

export class SinkOperator implements Operator {
  readonly emitsInitially = false;
  readonly #mode: SinkMode;
  readonly #take: (changes: readonly SinkChange[]) => void;
  readonly #net: ChangelogOperator | null;
  #changes: SinkChange[] = [];
  /** The row that the next one takes the place of. */
  #before: Row | null = null;

  /** `key` is for `changes`. `take` gets the changes of a tick in order, in parts. */
  constructor(
    schema: Schema,
    key: readonly number[] | null,
    mode: SinkMode,
    take: (changes: readonly SinkChange[]) => void,
  ) {
    this.#mode = mode;
    this.#take = take;
    this.#net = mode === 'rows' ? null : new ChangelogOperator({ input: { schema, key } });
  }

  push(port: number, batch: Batch): void {
    if (this.#net === null) this.takeRows(batch);
    else this.#net.push(port, batch);
  }

  /** Rows that come, past all netting: what was there when the sink began. */
  takeRows(batch: Batch): void {
    for (let i = 0; i < batch.length; i++) {
      const after = batchRow(batch, i);
      for (let k = batch.weights[i] as number; k > 0; k--) this.#add({ before: null, after });
    }
  }

  flush(): void {
    this.#net?.flush((batch) => this.#takeChanges(batch));
    this.handOver();
  }

  #takeChanges(batch: Batch): void {
    const width = batch.columns.length - 2;
    for (let i = 0; i < batch.length; i++) {
      const all = batchRow(batch, i);
      const row = all.slice(0, width);
      const operation = all[width] as number;
      if (operation === UPDATE_DELETE) this.#before = row;
      else if (operation === DELETE) this.#add({ before: row, after: null });
      else {
        this.#add({ before: this.#before, after: row });
        this.#before = null;
      }
    }
  }

  #add(change: SinkChange): void {
    if (this.#mode === 'inserts') {
      if (change.after === null) return;
      this.#changes.push({ before: null, after: change.after });
    } else this.#changes.push(change);
    if (this.#changes.length >= MOST_CHANGES) this.handOver();
  }

  /** Gives out what has gathered. */
  handOver(): void {
    if (this.#changes.length === 0) return;
    const changes = this.#changes;
    this.#changes = [];
    this.#take(changes);
  }

  stateRows(): number {
    return this.#net?.stateRows() ?? 0;
  }

  stateBytes(): number {
    return this.#net?.stateBytes() ?? 0;
  }
}
