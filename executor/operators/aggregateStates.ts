/** Columns of per-group state in a key table, as generated code sees them: block arrays and initial values. */
import type { DataType } from '../../common/dataType.ts';
import { physicalKind } from '../../common/dataType.ts';
import type { AccumulatorState } from '../../common/function.ts';
import { zeroOf } from '../../common/function.ts';
import type { SqlError } from '../../common/sqlError.ts';
import { valueStateCodec } from '../../common/stateCodec.ts';
import type { Value } from '../../common/value.ts';
import { BLOCK_MASK, BLOCK_SHIFT, type ExtraBlocks } from '../../storage/state/blocks.ts';
import type { RowStore } from '../../storage/state/rowStore.ts';
import type { CallLayout } from './aggregateLayout.ts';
import { conditionKey, isUnconditional } from './aggregateLayout.ts';

/** One column: entry of slot s at blocks[s >>> BLOCK_SHIFT][s & BLOCK_MASK]. */
export interface State {
  readonly blocks: readonly unknown[];
  /** Whose blocks they are. */
  readonly extra: ExtraBlocks;
  /** JavaScript expression for a new group. */
  readonly initial: string;
  readonly boxed: boolean;
}

/** Whether a cached result is there. */
export const CACHED_NULL = 0;
export const CACHED_VALUE = 1;
/** The result could not be computed: see `errors`. */
export const CACHED_ERROR = 2;

export interface CallStates {
  /** Accumulators of a linear call. */
  readonly accumulators: readonly State[];
  /** Rows that counted, unless that is the group's number of rows. */
  readonly count: State | null;
  /** Cached result of the other forms, and its CACHED_* flag. */
  readonly cached: Cached | null;
}

export interface Cached {
  readonly value: State;
  readonly flag: State;
  /** By group slot, where the flag is CACHED_ERROR. */
  readonly errors: Map<number, SqlError>;
}

export interface GroupStates {
  /** Sum of weights of the group's rows. */
  readonly rows: State;
  /** The tick in which the group was last touched. */
  readonly stamp: State;
  readonly calls: readonly CallStates[];
  readonly all: readonly State[];
}

/** Writes a state entry from JavaScript outside generated code. */
export function setState(state: State, slot: number, value: unknown): void {
  state.extra.touch(slot);
  const block = state.blocks[slot >>> BLOCK_SHIFT] as unknown[];
  block[slot & BLOCK_MASK] = value;
}

/** Reads a numeric state entry. */
export function getNumber(state: State, slot: number): number {
  const block = state.blocks[slot >>> BLOCK_SHIFT] as number[];
  return block[slot & BLOCK_MASK] ?? 0;
}

export class StateMaker {
  readonly #store: RowStore;
  readonly all: State[] = [];

  constructor(store: RowStore) {
    this.#store = store;
  }

  #add(extra: ExtraBlocks, initial: string, boxed = false): State {
    const state: State = { blocks: extra.blocks, extra, initial, boxed };
    this.all.push(state);
    return state;
  }

  byte(): State {
    return this.#add(this.#store.addByte(), '0');
  }

  int32(): State {
    return this.#add(this.#store.addInt32(), '0');
  }

  float64(): State {
    return this.#add(this.#store.addFloat64(), '0');
  }

  accumulator(accumulator: AccumulatorState): State {
    const { initial } = accumulator;
    switch (accumulator.kind) {
      case 'i32':
        return this.#add(this.#store.addInt32(), initial);
      case 'i64':
        return this.#add(this.#store.addBigInt64(), initial);
      case 'f64':
        return this.#add(this.#store.addFloat64(), initial);
      case 'boxed':
        return this.#add(this.#store.addBoxed(accumulator.codec), initial, true);
    }
  }

  /** A column that holds values of an SQL type. */
  value(type: DataType): State {
    const kind = physicalKind(type);
    const fixed = kind === 'i32' || kind === 'i64' || kind === 'f64';
    if (fixed) return this.accumulator({ kind, initial: zeroOf[kind] });
    return this.accumulator({ kind: 'boxed', initial: 'null', codec: valueStateCodec(type) });
  }
}

/** Adds the state columns of all calls to the table of groups. */
export function addStates(calls: readonly CallLayout[], maker: StateMaker): GroupStates {
  const rows = maker.float64();
  const stamp = maker.int32();
  const counts = new Map<string, State>();
  const countOf = (layout: CallLayout): State | null => {
    const distinct = layout.form === 'linearDistinct';
    if (isUnconditional(layout.condition) && !distinct) return null;
    // Counts of distinct values differ from set to set, counts of rows only by condition.
    const key = distinct ? `${layout.set}/${layout.variant}` : conditionKey(layout.condition);
    const known = counts.get(key);
    if (known !== undefined) return known;
    const made = maker.float64();
    counts.set(key, made);
    return made;
  };
  const states = calls.map((layout): CallStates => {
    if (layout.form === 'linear' || layout.form === 'linearDistinct') {
      const accumulators = layout.linear.state.map((state) => maker.accumulator(state));
      return { accumulators, count: countOf(layout), cached: null };
    }
    const cached = {
      value: maker.value(layout.call.type),
      flag: maker.byte(),
      errors: new Map<number, SqlError>(),
    };
    return { accumulators: [], count: null, cached };
  });
  return { rows, stamp, calls: states, all: maker.all };
}

/** Puts a computed result into a call's cache. */
export function cacheResult(cached: Cached, slot: number, value: Value): void {
  cached.errors.delete(slot);
  setState(cached.flag, slot, value === null ? CACHED_NULL : CACHED_VALUE);
  if (value !== null || cached.value.boxed) setState(cached.value, slot, value);
}

/** Notes that a call's result could not be computed. */
export function cacheError(cached: Cached, slot: number, error: SqlError): void {
  cached.errors.set(slot, error);
  setState(cached.flag, slot, CACHED_ERROR);
}
