/**
 * A total order of a store's rows: by columns, each ascending or descending with NULLs first or last, then by slot.
 *
 * The comparison of two slots is generated for the column kinds and reads the blocks directly; texts and boxed values
 * go through their column.
 */
import { must, unreachable } from '../../common/assert.ts';
import type { Value } from '../../common/value.ts';
import type { StateColumn } from './column.ts';
import { BoolColumn, Float64Column, Int32Column, Int64Column } from './fixedColumns.ts';
import type { RowStore } from './rowStore.ts';

/** One key of an order; `column` is a position in the store. */
export interface OrderKey {
  readonly column: number;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

export type SlotCompare = (a: number, b: number) => number;

/** What an ordered index needs of an order. */
export interface SlotOrder {
  readonly compare: SlotCompare;
  readonly compareKeys: SlotCompare;
  comparePrefix(slot: number, values: readonly Value[]): number;
}

export class RowOrder implements SlotOrder {
  readonly keys: readonly OrderKey[];
  /** Negative: slot a comes first. Never 0 for different slots. */
  readonly compare: SlotCompare;
  /** The same without the tie-break: 0 for rows equal on all keys (peers). */
  readonly compareKeys: SlotCompare;
  readonly #columns: readonly StateColumn[];

  constructor(store: RowStore, keys: readonly OrderKey[]) {
    this.keys = keys;
    this.#columns = keys.map((key) => must(store.columns[key.column]));
    const [compare, compareKeys] = generate(this.#columns, keys);
    this.compare = compare;
    this.compareKeys = compareKeys;
  }

  /** Order of a stored row against values of the leading keys. */
  comparePrefix(slot: number, values: readonly Value[]): number {
    for (let k = 0; k < values.length; k++) {
      const column = this.#columns[k] as StateColumn;
      const key = this.keys[k] as OrderKey;
      const value = values[k] as Value;
      const slotIsNull = column.isNull(slot);
      if (slotIsNull || value === null) {
        if (slotIsNull && value === null) continue;
        return slotIsNull === key.nullsFirst ? -1 : 1;
      }
      const order = column.compareValue(slot, value);
      if (order !== 0) return key.descending ? -order : order;
    }
    return 0;
  }
}

function generate(
  columns: readonly StateColumn[],
  keys: readonly OrderKey[],
): readonly [SlotCompare, SlotCompare] {
  const names: string[] = [];
  const values: unknown[] = [];
  const bind = (name: string, value: unknown): string => {
    names.push(name);
    values.push(value);
    return name;
  };
  let body = 'let r = 0;\n';
  columns.forEach((column, k) => {
    const key = keys[k] as OrderKey;
    const nulls = bind(`n${k}`, column.nulls);
    const compared = `${compareCode(column, k, bind)}
      if (r !== 0) return ${key.descending ? '-r' : 'r'};`;
    body += `
    if (${nulls}.any) {
      const x = ${nulls}.blocks[a >>> 13][a & 8191], y = ${nulls}.blocks[b >>> 13][b & 8191];
      if (x !== y) return x === 1 ? ${key.nullsFirst ? '-1 : 1' : '1 : -1'};
      if (x === 0) { ${compared} }
    } else { ${compared} }
    `;
  });
  const code = `return [(a, b) => { ${body} return a - b; }, (a, b) => { ${body} return 0; }]`;
  return new Function(...names, code)(...values) as [SlotCompare, SlotCompare];
}

/** Statements that set r to the order of the non-null values at a and b. */
function compareCode(column: StateColumn, k: number, bind: (name: string, value: unknown) => string): string {
  switch (column.kind) {
    case 'bool':
    case 'i32': {
      if (!(column instanceof Int32Column || column instanceof BoolColumn))
        return unreachable(column as never);
      const c = bind(`c${k}`, column.blocks);
      return `const p = ${c}[a >>> 13][a & 8191], q = ${c}[b >>> 13][b & 8191]; r = p < q ? -1 : p > q ? 1 : 0;`;
    }
    case 'i64': {
      if (!(column instanceof Int64Column)) return unreachable(column as never);
      const c = bind(`c${k}`, column.words);
      return `const p = ${c}[a >>> 13], q = ${c}[b >>> 13], i = (a & 8191) << 1, j = (b & 8191) << 1;
      r = p[i + 1] - q[j + 1];
      if (r === 0) r = (p[i] >>> 0) - (q[j] >>> 0);`;
    }
    case 'f64': {
      if (!(column instanceof Float64Column)) return unreachable(column as never);
      const c = bind(`c${k}`, column.blocks);
      return `const p = ${c}[a >>> 13][a & 8191], q = ${c}[b >>> 13][b & 8191];
      r = p < q ? -1 : p > q ? 1 : p === q ? 0 : p !== p ? (q !== q ? 0 : 1) : -1;`;
    }
    case 'text':
    case 'boxed':
      return `r = ${bind(`c${k}`, column)}.compareSlots(a, b);`;
    default:
      return unreachable(column.kind);
  }
}
