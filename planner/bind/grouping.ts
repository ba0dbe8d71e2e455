/**
 * Aggregation of a SELECT: which expressions are keys, that everything else is aggregated (42803), and the Aggregate node.
 * Expressions bound over the FROM row are rewritten to the aggregate's output.
 */
import { must } from '../../common/assert.ts';
import { type DataType, type Schema, types } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { GroupItem } from '../../parser/ast/query.ts';
import type { AggregateCall } from '../plan/aggregateCall.ts';
import { aggregate, project } from '../plan/construct.ts';
import { aggregateKey, scalarKey } from '../plan/fingerprint.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { isSubquery, isVolatile } from '../plan/scalars.ts';
import { mapScalarChildren } from '../plan/walk.ts';
import { AGGREGATE_BASE, type Collected, GROUPING_BASE, WINDOW_BASE } from './context.ts';
import { positionOf } from './environment.ts';
import { deepRewrite, levelsOf, mapOuterColumns, mapSubqueryPlan } from './rewrite.ts';
import type { Scope, ScopeTable } from './scope.ts';

const MAX_SETS = 4096;

/** The grouping sets that a GROUP BY clause means, as lists of expressions. */
export function groupingSets(
  items: readonly GroupItem[],
  isDistinct: boolean,
  bind: (expr: Expr) => Scalar,
): readonly (readonly Scalar[])[] {
  let sets: (readonly Scalar[])[] = [[]];
  for (const item of items) {
    const choices = setsOf(item, bind);
    sets = sets.flatMap((set) => choices.map((choice) => [...set, ...choice]));
    if (sets.length > MAX_SETS) {
      throw new SqlError('54001', `too many grouping sets present (maximum ${MAX_SETS})`, {
        position: item.span.start,
      });
    }
  }
  if (!isDistinct) return sets;
  const keyOf = (set: readonly Scalar[]): string => [...new Set(set.map(scalarKey))].sort().join();
  return [...new Map(sets.map((set) => [keyOf(set), set])).values()];
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
  /** Per collected call, its place among the distinct ones. */
  readonly #callIndex: number[] = [];
  #callCount = 0;

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
      const key =
        node.kind === 'literal' && this.#sets.length === 1 ? undefined : this.#keyIndex.get(scalarKey(node));
      if (key !== undefined) return { kind: 'column', index: key, type: node.type };
      if (node.kind === 'column') return node.index >= AGGREGATE_BASE ? node : this.#column(node);
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

  /** References of a subquery to the FROM row. */
  #rewriteOuter(plan: LogicalPlan): LogicalPlan {
    return mapOuterColumns(plan, 1, (outer) => {
      if (outer.index >= AGGREGATE_BASE) return outer;
      const index = this.#keyOf(outer);
      if (index !== null) return { ...outer, index };
      const message = `subquery uses ungrouped column "${this.#nameOf(outer.index)}" from outer query`;
      throw new SqlError('42803', message, at(outer));
    });
  }

  /** The key that a column is, if it is one. */
  #keyOf({ index, type }: { readonly index: number; readonly type: DataType }): number | null {
    const known = this.#keyIndex.get(scalarKey({ kind: 'column', index, type }));
    if (known !== undefined) return known;
    // A column that the keys determine (its table's primary key is grouped) becomes a key itself.
    const table = this.#tableOf(index);
    if (table === undefined || !this.#hasGroupedKey(table)) return null;
    const key = this.#addKey({ kind: 'column', index, type });
    for (const set of this.#sets) set.push(key);
    return key;
  }

  #tableOf(index: number): ScopeTable | undefined {
    return this.#scope.tables.find((t) => t.columns.some((c) => c.index === index));
  }

  #nameOf(index: number): string {
    const table = this.#tableOf(index);
    const name = table?.columns.find((c) => c.index === index)?.name ?? '?';
    return table === undefined || table.alias === '' ? name : `${table.alias}.${name}`;
  }

  #column(column: Scalar & { kind: 'column' }): Scalar {
    const index = this.#keyOf(column);
    if (index !== null) return { kind: 'column', index, type: column.type };
    const must = 'must appear in the GROUP BY clause or be used in an aggregate function';
    throw new SqlError('42803', `column "${this.#nameOf(column.index)}" ${must}`, at(column));
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

  /** Second pass, after `plan`: placeholders of aggregates and groupings become output columns. */
  finish(s: Scalar): Scalar {
    return deepRewrite(s, (node) => {
      if (isSubquery(node)) return this.#finishSubquery(node);
      if (node.kind !== 'column' || node.index < AGGREGATE_BASE) return null;
      if (node.index >= GROUPING_BASE) return this.#grouping(node.index - GROUPING_BASE);
      return node.index >= WINDOW_BASE ? null : { ...node, index: this.#output(node.index) };
    });
  }

  /** Aggregates of this query inside a subquery. */
  #finishSubquery(node: Scalar): Scalar {
    const mapped = mapScalarChildren(node, (child) => this.finish(child));
    return mapSubqueryPlan(mapped, (plan) =>
      mapOuterColumns(plan, 1, (outer) =>
        outer.index < AGGREGATE_BASE ? outer : { ...outer, index: this.#output(outer.index) },
      ),
    );
  }

  #output(placeholder: number): number {
    return this.keys.length + must(this.#callIndex[placeholder - AGGREGATE_BASE]);
  }

  /** GROUPING(a, b): a bit per argument, 1 where the grouping set does not hold it. */
  #grouping(n: number): Scalar {
    const { args } = must(this.#collected.groupings[n]);
    const keys = args.map((a) => {
      const index = this.#keyIndex.get(scalarKey(a));
      if (index === undefined) {
        const message = 'arguments to GROUPING must be grouping expressions of the associated query level';
        throw new SqlError('42803', message, at(a));
      }
      return index;
    });
    const bits = this.#sets.map((set) =>
      keys.reduce((mask, k) => (mask << 1) | (set.includes(k) ? 0 : 1), 0),
    );
    const literal = (value: number): Scalar => ({ kind: 'literal', value, type: types.int4 });
    const first = must(bits[0]);
    if (bits.every((b) => b === first)) return literal(first);
    const setColumn: Scalar = { kind: 'column', index: this.keys.length + this.#callCount, type: types.int8 };
    return {
      kind: 'case',
      whens: bits.map((b, i) => ({ when: this.#equals(setColumn, i), then: literal(b) })),
      otherwise: null,
      type: types.int4,
    };
  }

  /** Direct arguments of ordered-set aggregates have one value in a group. */
  #checkDirect(): void {
    for (const { direct, position } of this.#collected.aggregates) {
      for (const s of direct ?? []) {
        this.rewrite(s);
        if (this.#sets.length > 1 && levelsOf(s).has(0)) {
          throw unsupported(
            'columns in direct arguments of an ordered-set aggregate over GROUPING SETS',
            position,
          );
        }
      }
    }
  }

  /** The Aggregate node over `input`, once every expression has been through `rewrite`. */
  plan(input: LogicalPlan): LogicalPlan {
    this.#checkDirect();
    const exprs: Scalar[] = [];
    const known = new Map<string, number>();
    const add = (s: Scalar): number => {
      const key = scalarKey(s);
      const same = known.get(key);
      if (same !== undefined && !isVolatile(s)) return same;
      known.set(key, exprs.length);
      return exprs.push(s) - 1;
    };
    const keys = this.keys.map(add);
    const aggregates: AggregateCall[] = [];
    const calls = new Map<string, number>();
    for (const a of this.#collected.aggregates) {
      const call: AggregateCall = {
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
      };
      const key = aggregateKey(call);
      const index = calls.get(key) ?? aggregates.push(call) - 1;
      calls.set(key, index);
      this.#callIndex.push(index);
    }
    this.#callCount = aggregates.length;
    const below = project(
      input,
      exprs,
      exprs.map((s, i) => (s.kind === 'column' ? must(input.schema[s.index]).name : `expr${i}`)),
    );
    const node = aggregate(below, keys, aggregates);
    if (this.#sets.length === 1) return node;
    const nullable = node.schema.map((c, i) => (i < keys.length ? { ...c, nullable: true } : c));
    const schema: Schema = [...nullable, { name: 'grouping_set', type: types.int8, nullable: false }];
    return { kind: 'Aggregate', input: below, keys, aggregates, sets: this.#sets, schema };
  }
}

const at = (s: Scalar): { readonly position?: number } => {
  const position = positionOf(s);
  return position === undefined ? {} : { position };
};
