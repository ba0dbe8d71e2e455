/** Physical rows of a connector to rows of its relation: generated columns are computed as the row comes. */
import type { EvalContext } from '../../common/function.ts';
import type { Row, Value } from '../../common/value.ts';
import { compileScalar, type RowFunction } from '../../executor/codegen/evaluate.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { isMomentary } from '../../planner/time/temporalFilter.ts';

/** `proctime()` itself. */
export function isProctime(scalar: Scalar): boolean {
  return scalar.kind === 'call' && scalar.fn.name === 'proctime';
}

export class RowExpander {
  /** Some column depends on when the row came. */
  readonly readsClock: boolean;
  readonly #width: number;
  /** Position of column c in a physical row; -1: not there. */
  readonly #physical: readonly number[];
  readonly #generated: readonly { readonly column: number; readonly compute: RowFunction }[];

  /** `generated`: per column of the relation its expression; `width` columns in all, those without one physical. */
  constructor(generated: readonly (Scalar | null)[], width: number) {
    let next = 0;
    this.#width = width;
    this.#physical = generated.map((g) => (g === null ? next++ : -1));
    this.#generated = generated.flatMap((g, column) =>
      g === null ? [] : [{ column, compute: compileScalar(g) }],
    );
    this.readsClock = generated.some((g) => g !== null && isMomentary(g));
  }

  /** Rows pass as they are. */
  get identity(): boolean {
    return this.#generated.length === 0 && this.#width === this.#physical.length;
  }

  /** Some columns are computed. */
  get computes(): boolean {
    return this.#generated.length > 0;
  }

  /** The values at their places; computed columns and those beyond the declared ones are NULL. */
  place(physical: Row): Value[] {
    const row: Value[] = new Array<Value>(this.#width).fill(null);
    for (let c = 0; c < this.#physical.length; c++) {
      const p = this.#physical[c] ?? -1;
      if (p >= 0) row[c] = physical[p] ?? null;
    }
    return row;
  }

  /** The whole row; columns beyond the declared ones are NULL. Throws SqlError where an expression does. */
  expand(physical: Row, context: EvalContext): Row {
    const row = this.place(physical);
    for (const { column, compute } of this.#generated) row[column] = compute(context, row);
    return row;
  }

  /** The physical part of a whole row. */
  physicalOf(row: Row): Row {
    return row.filter((_, c) => (this.#physical[c] ?? -1) >= 0);
  }
}
