/** Generated order of batch rows against each other and against stored rows, by sort keys. */
import { must } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import type { SortKey } from '../../planner/plan/aggregateCall.ts';
import type { StateColumn } from '../../storage/state/column.ts';
import { BoolColumn, Float64Column, Int32Column, Int64Column } from '../../storage/state/fixedColumns.ts';
import type { RowStore } from '../../storage/state/rowStore.ts';
import type { Vector } from '../batch.ts';
import { Emitter } from './emitter.ts';
import { instantiate } from './program.ts';
import { lessOf } from './typeOperations.ts';

export interface VectorOrder {
  /** Negative: row i comes before row j; 0: peers. */
  within(columns: readonly Vector[], i: number, j: number): number;
  /** Negative: row i comes before the stored row. */
  withStored(columns: readonly Vector[], i: number, slot: number): number;
}

interface Side {
  readonly value: string;
  readonly isNull: string;
}

function vectorSide(column: number, row: string): Side {
  return {
    value: `v${column}.data[${row}]`,
    isNull: `v${column}.nulls !== null && v${column}.nulls[${row}] !== 0`,
  };
}

function storedSide(column: StateColumn, emitter: Emitter): Side {
  const name = emitter.constant(column);
  const blocks =
    column instanceof Int32Column ||
    column instanceof BoolColumn ||
    column instanceof Int64Column ||
    column instanceof Float64Column
      ? emitter.constant(column.blocks)
      : null;
  return {
    value: blocks === null ? `${name}.value(slot)` : `${blocks}[slot >>> 13][slot & 8191]`,
    isNull: `${name}.isNull(slot)`,
  };
}

/** Statements that return the order of a and b unless they are peers on this key. */
function compareKey(key: SortKey, schema: Schema, a: Side, b: Side, emitter: Emitter): string {
  const { type } = must(schema[key.column]);
  const [before, after] = key.descending ? ['1', '-1'] : ['-1', '1'];
  const less = (x: string, y: string): string => lessOf(type, x, y, emitter);
  return `{
const an = ${a.isNull}, bn = ${b.isNull};
if (an || bn) { if (an !== bn) return an === ${key.nullsFirst} ? -1 : 1; }
else {
const a = ${a.value}, b = ${b.value};
if (${less('a', 'b')}) return ${before};
if (${less('b', 'a')}) return ${after};
}
}`;
}

/** Order by `keys` (columns of `schema`); the store has those columns from position `offset` on. */
export function compileVectorOrder(
  keys: readonly SortKey[],
  schema: Schema,
  store: RowStore,
  offset: number,
): VectorOrder {
  const emitter = new Emitter({
    column: () => ({ value: 'null', isNull: null }),
    positionVariable: null,
    inlineLiterals: true,
  });
  const bind = keys.map(({ column }) => column);
  const vectors = [...new Set(bind)].map((column) => `const v${column} = cols[${column}];`).join(' ');
  const within = keys.map((key) =>
    compareKey(key, schema, vectorSide(key.column, 'i'), vectorSide(key.column, 'j'), emitter),
  );
  const withStored = keys.map((key) => {
    const stored = storedSide(must(store.columns[key.column + offset]), emitter);
    return compareKey(key, schema, vectorSide(key.column, 'i'), stored, emitter);
  });
  const text = `return {
within: (cols, i, j) => { ${vectors}\n${within.join('\n')}\nreturn 0; },
withStored: (cols, i, slot) => { ${vectors}\n${withStored.join('\n')}\nreturn 0; },
};`;
  return instantiate<VectorOrder>(text, emitter.constants);
}
