/**
 * Set-returning functions of a select list as TableFunction nodes. Each call stands in the expressions as a placeholder
 * column until its node is planned; then `replace` gives the node's columns.
 *
 * State: per call, the first column of its result in the plan, undefined while it waits.
 */
import { must } from '../../common/assert.ts';
import type { Column, DataType } from '../../common/dataType.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { GROUPING_BASE, type PendingTableFunction, TABLE_FUNCTION_BASE } from './context.ts';
import { deepRewrite } from './rewrite.ts';

type Numbered = { readonly call: PendingTableFunction; readonly index: number };

function numberOf(s: Scalar): number | null {
  if (s.kind !== 'column' || s.index < TABLE_FUNCTION_BASE || s.index >= GROUPING_BASE) return null;
  return s.index - TABLE_FUNCTION_BASE;
}

/** Numbers of the calls whose results an expression uses. */
export function setsIn(s: Scalar): readonly number[] {
  const found: number[] = [];
  deepRewrite(s, (node) => {
    const index = numberOf(node);
    if (index !== null) found.push(index);
    return null;
  });
  return found;
}

/** A call's result: its column, or its columns as a row. */
function resultOf(call: PendingTableFunction, start: number, type: DataType): Scalar {
  if (call.columns.length === 1) return { kind: 'column', index: start, type };
  const items = call.columns.map((c, i): Scalar => ({ kind: 'column', index: start + i, type: c.type }));
  return { kind: 'row', items, type };
}

export class SetReturning {
  /** Shared with the context that collects them. */
  readonly #calls: PendingTableFunction[];
  readonly #starts: (number | undefined)[] = [];

  constructor(calls: PendingTableFunction[]) {
    this.#calls = calls;
  }

  /** Numbers of the calls that are not planned yet. */
  waiting(): ReadonlySet<number> {
    return new Set([...this.#calls.keys()].filter((i) => this.#starts[i] === undefined));
  }

  /** The expression with the columns of the calls that are planned. */
  replace(s: Scalar): Scalar {
    return deepRewrite(s, (node) => {
      const index = numberOf(node);
      if (index === null) return null;
      const start = this.#starts[index];
      return start === undefined ? node : resultOf(must(this.#calls[index]), start, node.type);
    });
  }

  /** Replaces planned calls in the arguments of those that still wait. */
  settle(): void {
    for (const i of this.waiting()) {
      const call = must(this.#calls[i]);
      this.#calls[i] = { ...call, args: call.args.map((a) => this.replace(a)) };
    }
  }

  /** The calls over `input`, side by side; those that are arguments of others in a node of their own below. */
  plan(input: LogicalPlan, chosen: ReadonlySet<number>, toInput: (s: Scalar) => Scalar): LogicalPlan {
    let plan = input;
    let waiting: readonly Numbered[] = [...this.#withInner(chosen)].map((index) => ({
      call: must(this.#calls[index]),
      index,
    }));
    while (waiting.length > 0) {
      const isReady = ({ call }: Numbered): boolean =>
        call.args.every((a) => setsIn(a).every((i) => this.#starts[i] !== undefined));
      const ready = waiting.filter(isReady);
      const calls = ready.map(({ call }) => ({
        fn: call.fn,
        args: call.args.map((a) => this.replace(toInput(a))),
      }));
      const columns: Column[] = [];
      for (const { call, index } of ready) {
        this.#starts[index] = plan.schema.length + columns.length;
        for (const c of call.columns) columns.push({ ...c, nullable: true });
      }
      plan = {
        kind: 'TableFunction',
        input: plan,
        calls,
        ordinality: false,
        schema: [...plan.schema, ...columns],
      };
      waiting = waiting.filter((w) => !ready.includes(w));
    }
    return plan;
  }

  /** The chosen calls and those within their arguments that are not planned yet. */
  #withInner(chosen: ReadonlySet<number>): ReadonlySet<number> {
    const all = new Set<number>();
    const add = (index: number): void => {
      if (all.has(index) || this.#starts[index] !== undefined) return;
      all.add(index);
      for (const arg of must(this.#calls[index]).args) for (const inner of setsIn(arg)) add(inner);
    };
    for (const index of chosen) add(index);
    return all;
  }
}
