/**
 * Aggregation of a SELECT: which expressions are keys, that everything else is aggregated (42803), and the Aggregate node.
 * Expressions bound over the FROM row are rewritten to the aggregate's output.
 */
import { must } from '../../common/assert.ts';
import { type Column, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { GroupItem } from '../../parser/ast/query.ts';
import type { AggregateCall } from '../plan/aggregateCall.ts';
import { scalarKey } from '../plan/fingerprint.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import {
  AGGREGATE_BASE,
  type Collected,
  GROUPING_BASE,
  TABLE_FUNCTION_BASE,
  WINDOW_BASE,
} from './context.ts';
import { positionOf } from './environment.ts';
import { deepRewrite, mapOuterColumns, mapSubqueryPlan } from './rewrite.ts';
import type { Scope, ScopeTable } from './scope.ts';

/** The grouping sets that a GROUP BY clause means, as lists of expressions. */
export function groupingSets(
  items: readonly GroupItem[],
  bind: (expr: Expr) => Scalar,
): readonly (readonly Scalar[])[] {
  let sets: (readonly Scalar[])[] = [[]];
  for (const item of items) {
    const choices = setsOf(item, bind);
    sets = sets.flatMap((set) => choices.map((choice) => [...set, ...choice]));
  }
  return sets;
}

function setsOf(item: GroupItem, bind: (expr: Expr) => Scalar): readonly (readonly Scalar[])[] {
  switch (item.kind) {
    case 'GroupExpr':
      return [
        item.expr.kind === 'RowExpr' && !item.expr.explicit ? item.expr.items.map(bind) : [bind(item.expr)],
      ];
    case 'GroupList':
      return [item.exprs.map(bind)];
    case 'GroupEmpty':
      return [[]];
    case 'Rollup': {
      const groups = item.sets.map((s) => s.map(bind));
      return Array.from({ length: groups.length + 1 }, (_, i) => groups.slice(0, groups.length - i).flat());
    }
    case 'Cube': {
      const groups = item.sets.map((s) => s.map(bind));
      return Array.from({ length: 2 ** groups.length }, (_, mask) =>
        groups.filter((_g, i) => (mask & (1 << (groups.length - 1 - i))) === 0).flat(),
      );
    }
    case 'GroupingSets':
      return item.sets.flatMap((s) => setsOf(s, bind));
  }
}

/** Rewrites expressions over the FROM row to the aggregate's output row. */
export class Regrouping {
  readonly keys: Scalar[] = [];
  readonly #keyIndex = new Map<string, number>();
  readonly #sets: number[][];
  readonly #scope: Scope;
  readonly #collected: Collected;
  readonly #equals: (a: Scalar, n: number) => Scalar;

  constructor(
    sets: readonly (readonly Scalar[])[],
    scope: Scope,
    collected: Collected,
    equals: (a: Scalar, n: number) => Scalar,
  ) {
    this.#scope = scope;
    this.#collected = collected;
    this.#equals = equals;
    this.#sets = sets.map((set) => [...new Set(set.map((s) => this.#addKey(s)))]);
  }

  #addKey(s: Scalar): number {
    const key = scalarKey(s);
    const known = this.#keyIndex.get(key);
    if (known !== undefined) return known;
    this.keys.push(s);
    this.#keyIndex.set(key, this.keys.length - 1);
    return this.keys.length - 1;
  }

  /** First pass: keys become columns; aggregates keep their placeholder until the number of keys is known. */
  rewrite(s: Scalar): Scalar {
    return deepRewrite(s, (node) => {
      const key = node.kind === 'literal' ? undefined : this.#keyIndex.get(scalarKey(node));
      if (key !== undefined) return { kind: 'column', index: key, type: node.type };
      if (node.kind === 'column') return node.index >= AGGREGATE_BASE ? node : this.#dependent(node);
      if (node.kind === 'scalarSubquery' || node.kind === 'existsSubquery' || node.kind === 'arraySubquery') {
        return mapSubqueryPlan(node, (plan) => this.#rewriteOuter(plan));
      }
      if (node.kind === 'quantifiedSubquery') {
        const left = node.left.map((l) => this.rewrite(l));
        return { ...node, left, plan: this.#rewriteOuter(node.plan) };
      }
      return null;
    });
  }

  #rewriteOuter(plan: LogicalPlan): LogicalPlan {
    return mapOuterColumns(plan, 1, (outer) => {
      const column = this.rewrite({ kind: 'column', index: outer.index, type: outer.type });
      if (column.kind === 'column') return { ...outer, index: column.index };
      throw new SqlError('42803', 'subquery uses ungrouped column from outer query');
    });
  }

  /** A column that the keys determine (its table's primary key is grouped) becomes a key itself. */
  #dependent(column: Scalar & { kind: 'column' }): Scalar {
    const table = this.#scope.tables.find((t) => t.columns.some((c) => c.index === column.index));
    if (table !== undefined && this.#hasGroupedKey(table)) {
      const index = this.#addKey(column);
      for (const set of this.#sets) set.push(index);
      return { kind: 'column', index, type: column.type };
    }
    const name = table?.columns.find((c) => c.index === column.index)?.name ?? '?';
    const shown = table === undefined || table.alias === '' ? name : `${table.alias}.${name}`;
    const position = positionOf(column);
    throw new SqlError(
      '42803',
      `column "${shown}" must appear in the GROUP BY clause or be used in an aggregate function`,
      {
        ...(position === undefined ? {} : { position }),
      },
    );
  }

  #hasGroupedKey(table: ScopeTable): boolean {
    const { relation } = table;
    if (relation === null || !relation.declaredKey || relation.key === null || this.#sets.length !== 1)
      return false;
    return relation.key.every((k) => {
      const column = table.columns[k];
      return (
        column !== undefined &&
        this.#keyIndex.has(scalarKey({ kind: 'column', index: column.index, type: column.type }))
      );
    });
  }

  /** Second pass: placeholders of aggregates and groupings become output columns. */
  finish(s: Scalar): Scalar {
    return deepRewrite(s, (node) => {
      if (node.kind !== 'column' || node.index < AGGREGATE_BASE) return null;
      if (node.index >= GROUPING_BASE) return this.#grouping(node.index - GROUPING_BASE);
      if (node.index >= WINDOW_BASE || node.index >= TABLE_FUNCTION_BASE) return null;
      return { ...node, index: this.keys.length + node.index - AGGREGATE_BASE };
    });
  }

  /** GROUPING(a, b): a bit per argument, 1 where the grouping set does not hold it. */
  #grouping(n: number): Scalar {
    const { args, position } = must(this.#collected.groupings[n]);
    const keys = args.map((a) => {
      const index = this.#keyIndex.get(scalarKey(a));
      if (index === undefined) {
        throw new SqlError(
          '42803',
          'arguments to GROUPING must be grouping expressions of the associated query level',
          { position },
        );
      }
      return index;
    });
    const bits = this.#sets.map((set) =>
      keys.reduce((mask, k) => (mask << 1) | (set.includes(k) ? 0 : 1), 0),
    );
    const literal = (value: number): Scalar => ({ kind: 'literal', value, type: types.int4 });
    const first = must(bits[0]);
    if (bits.every((b) => b === first)) return literal(first);
    const setColumn: Scalar = {
      kind: 'column',
      index: this.keys.length + this.#collected.aggregates.length,
      type: types.int8,
    };
    return {
      kind: 'case',
      whens: bits.map((b, i) => ({ when: this.#equals(setColumn, i), then: literal(b) })),
      otherwise: null,
      type: types.int4,
    };
  }

  /** The Aggregate node over `input`, once every expression has been through `rewrite`. */
  plan(input: LogicalPlan): LogicalPlan {
    const exprs: Scalar[] = [];
    const index = new Map<string, number>();
    const add = (s: Scalar): number => {
      const key = scalarKey(s);
      const known = index.get(key);
      if (known !== undefined) return known;
      exprs.push(s);
      index.set(key, exprs.length - 1);
      return exprs.length - 1;
    };
    const keys = this.keys.map(add);
    const aggregates = this.#collected.aggregates.map(
      (a): AggregateCall => ({
        fn: a.fn,
        args: a.args.map(add),
        distinct: a.distinct,
        filter: a.filter === null ? null : add(a.filter),
        orderBy: a.orderBy.map((o) => ({
          column: add(o.expr),
          descending: o.descending,
          nullsFirst: o.nullsFirst,
        })),
        type: a.type,
      }),
    );
    const column = (name: string, s: Scalar): Column => ({ name, type: s.type, nullable: true });
    const below: LogicalPlan = {
      kind: 'Project',
      input,
      exprs,
      schema: exprs.map((s, i) => column(`c${i}`, s)),
    };
    const grouped = this.#sets.length > 1;
    const schema: Column[] = [
      ...this.keys.map((s, i) => column(`key${i}`, s)),
      ...this.#collected.aggregates.map(
        (a): Column => ({ name: a.fn.name, type: a.type, nullable: a.fn.name !== 'count' }),
      ),
      ...(grouped ? [{ name: 'grouping_set', type: types.int8, nullable: false }] : []),
    ];
    return { kind: 'Aggregate', input: below, keys, aggregates, sets: grouped ? this.#sets : null, schema };
  }
}
