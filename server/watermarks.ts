/**
 * The watermarks of all relations, as the running tick sees them. Sources and tables set theirs; a view's columns are
 * terms over those of its inputs. The clock of the tick belongs here too: it is the watermark of processing time.
 *
 * Invariant: no value ever goes back.
 */
import { compareValues } from '../common/compare.ts';
import type { DataType } from '../common/dataType.ts';
import type { Value } from '../common/value.ts';
import type { ColumnWatermark, TermReader, TimeReader } from '../executor/time.ts';

/** A watermark is the relation's own (set at admission), or a view's (read through its term). */
type Cell = { kind: 'own'; value: Value; idle: boolean } | { kind: 'derived'; readonly term: TermReader };

const none: ColumnWatermark = { value: null, active: null, idle: false };

export class Watermarks implements TimeReader {
  #now: bigint;
  #epoch = 0;
  readonly #cells = new Map<number, Map<number, Cell>>();

  constructor(now: bigint) {
    this.#now = now;
  }

  now(): bigint {
    return this.#now;
  }

  /** Sets the tick's time; an earlier one is ignored. */
  setNow(now: bigint): void {
    if (now > this.#now) this.#now = now;
  }

  /** Before anything has happened: recovery lives through the journal's time again. */
  beginAt(now: bigint): void {
    this.#now = now;
  }

  /** Sets the tick's time even backwards: the server's clock has been set. */
  jumpTo(now: bigint): void {
    this.#now = now;
    this.#epoch++;
  }

  epoch(): number {
    return this.#epoch;
  }

  watermark(relation: number, column: number): ColumnWatermark {
    const cell = this.#cells.get(relation)?.get(column);
    if (cell === undefined) return none;
    if (cell.kind === 'own') return { value: cell.value, active: cell.value, idle: cell.idle };
    const { term } = cell;
    return { value: term.strict(), active: term.active(), idle: term.idle() };
  }

  /** Moves a relation's own watermark on. Returns true when it changed. */
  advance(relation: number, column: number, value: Value, type: DataType, idle: boolean): boolean {
    const columns = this.#columnsOf(relation);
    const cell = columns.get(column);
    if (cell?.kind !== 'own') {
      columns.set(column, { kind: 'own', value, idle });
      this.#epoch++;
      return true;
    }
    const moves = value !== null && (cell.value === null || compareValues(value, cell.value, type) > 0);
    if (!moves && cell.idle === idle) return false;
    if (moves) cell.value = value;
    cell.idle = idle;
    this.#epoch++;
    return true;
  }

  /** A relation's own watermark is that of another column. Who knows it by the one of before still has it there. */
  move(relation: number, from: number, to: number): void {
    const columns = this.#columnsOf(relation);
    const cell = columns.get(from);
    if (cell !== undefined) columns.set(to, cell);
    this.#epoch++;
  }

  /** Declares the watermark of a view's column. */
  derive(relation: number, column: number, term: TermReader): void {
    this.#columnsOf(relation).set(column, { kind: 'derived', term });
  }

  /** What takes back changes of a relation's watermarks that come after this. */
  keep(relation: number): () => void {
    const columns = this.#cells.get(relation);
    const before = columns === undefined ? null : new Map(columns);
    return () => {
      if (before === null) this.#cells.delete(relation);
      else this.#cells.set(relation, before);
      this.#epoch++;
    };
  }

  /** Forgets a dropped relation. */
  forget(relation: number): void {
    this.#cells.delete(relation);
  }

  #columnsOf(relation: number): Map<number, Cell> {
    let columns = this.#cells.get(relation);
    if (columns === undefined) {
      columns = new Map();
      this.#cells.set(relation, columns);
    }
    return columns;
  }
}
