/**
 * A SELECT to a plan, in the order in which it means something: FROM, WHERE, GROUP BY, HAVING, windows, set-returning
 * functions, select list, DISTINCT, ORDER BY, LIMIT.
 *
 * All expressions are bound over the FROM row first, with aggregates, windows and set-returning functions standing as
 * placeholder columns; then each stage is planned and the expressions are rewritten to its output.
 */
import { must } from '../../common/assert.ts';
import { type Column, type Schema, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Expr, WindowSpec } from '../../parser/ast/expr.ts';
import type { OrderItem, Query, Select, SelectItem } from '../../parser/ast/query.ts';
import type { SortKey } from '../plan/aggregateCall.ts';
import { distinct, filter, topN } from '../plan/construct.ts';
import { scalarKey } from '../plan/fingerprint.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { isNullable } from '../plan/scalars.ts';
import { isWorkingTable } from '../plan/workingTable.ts';
import { coerceBoolean, defaultUnknown, textByDefault } from './coerce.ts';
import { outputName } from './columnNames.ts';
import { requireEquality } from './comparable.ts';
import {
  AGGREGATE_BASE,
  type Collected,
  type ExprContext,
  newCollected,
  TABLE_FUNCTION_BASE,
  WINDOW_BASE,
} from './context.ts';
import { bindCondition, bindExpr } from './expr.ts';
import { bindFrom } from './from.ts';
import { groupingSets, Regrouping } from './grouping.ts';
import { operatorCall } from './operators.ts';
import {
  type BoundNested,
  exprContext,
  limited,
  ordinal,
  outputColumn,
  type QueryContext,
  sortKey,
} from './query.ts';
import { deepRewrite } from './rewrite.ts';
import { Scope } from './scope.ts';
import { SetReturning, setsIn } from './setReturning.ts';
import { expandStar, type Item } from './star.ts';
import { planWindows } from './windows.ts';

/** Position in the select list, or a further expression. */
type Target = number | Scalar;

interface BoundOrderItem {
  readonly item: OrderItem;
  readonly target: Target;
}

type Rewrite = (s: Scalar) => Scalar;

/** Everything of a SELECT above WHERE, over the FROM row. */
interface BoundParts {
  readonly items: readonly Item[];
  readonly sets: readonly (readonly Scalar[])[];
  readonly having: Scalar | null;
  readonly qualify: Scalar | null;
  readonly order: readonly BoundOrderItem[];
  readonly distinctOn: readonly Target[];
}

export function bindSelect(select: Select, query: Query | null, context: QueryContext): BoundNested {
  return new SelectBinder(select, query, context).bind();
}

class SelectBinder {
  readonly #select: Select;
  readonly #query: Query | null;
  readonly #context: QueryContext;
  readonly #collected: Collected = newCollected();
  readonly #scope: Scope;
  #plan: LogicalPlan;
  readonly #base: ExprContext;
  readonly #sets: SetReturning;
  readonly #readsWorkingTable: boolean;

  constructor(select: Select, query: Query | null, context: QueryContext) {
    this.#select = select;
    this.#query = query;
    this.#context = context;
    const from = bindFrom(select.from, query ?? select, context);
    this.#plan = from.plan;
    this.#scope = new Scope(from, context.parent);
    const tables = [...from.tables, ...from.unreachable];
    this.#readsWorkingTable = tables.some((t) => t.relation !== null && isWorkingTable(t.relation));
    const windows = new Map<string, WindowSpec>();
    for (const w of select.windows) {
      if (windows.has(w.name.name)) {
        const message = `window "${w.name.name}" is already defined`;
        throw new SqlError('42P20', message, { position: w.spec.span.start });
      }
      windows.set(w.name.name, w.spec);
    }
    this.#sets = new SetReturning(this.#collected.tableFunctions);
    this.#base = { ...exprContext(context.env, this.#scope, context.ctes), windows };
  }

  /** A context in which calls are collected. */
  #collecting(clause: string, allowWindows: boolean): ExprContext {
    return {
      ...this.#base,
      clause,
      collected: this.#collected,
      allowWindows,
      allowSets: allowWindows && clause !== 'QUALIFY',
    };
  }

  bind(): BoundNested {
    const select = this.#select;
    const items = select.items.flatMap((item) => this.#bindItem(item));
    if (select.where !== null) {
      this.#filter(bindCondition(select.where, { ...this.#base, clause: 'WHERE' }, 'WHERE'));
    }
    const having =
      select.having === null
        ? null
        : bindCondition(select.having, this.#collecting('HAVING', false), 'HAVING');
    const qualify =
      select.qualify === null ? null : bindExpr(select.qualify, this.#collecting('QUALIFY', true));
    const order = (this.#query?.orderBy ?? []).map((item) => this.#bindOrderItem(item, items));
    const sets = groupingSets(select.groupBy, select.groupByDistinct, (e) => this.#bindGroupExpr(e, items));
    const distinctOn = (select.distinct ?? []).map((e) => this.#bindDistinctOn(e, items));
    return this.#planAll({ items, sets, having, qualify, order, distinctOn });
  }

  #planAll(bound: BoundParts): BoundNested {
    const { groupBy } = this.#select;
    const parts = this.#planGroupedSets(bound);
    const { items, having, qualify } = parts;
    const { aggregates, groupings } = this.#collected;
    this.#refuseRecursiveAggregate();
    const aggregated = groupBy.length > 0 || aggregates.length > 0 || having !== null || groupings.length > 0;
    const further = [...parts.order.map((o) => o.target), ...parts.distinctOn].flatMap((t) =>
      typeof t === 'number' ? [] : [t],
    );
    const exprs = [...items.map((i) => i.expr), ...(qualify === null ? [] : [qualify]), ...further];
    const toInput = aggregated ? this.#aggregate(parts.sets, exprs, having) : (s: Scalar): Scalar => s;
    const toWindow = this.#planWindows(toInput);
    if (qualify !== null) {
      this.#filter(coerceBoolean(toWindow(qualify), 'QUALIFY', this.#context.env));
    }
    const toOutput = this.#planTableFunctions(toWindow);
    return this.#project(items, parts.order, parts.distinctOn, toOutput);
  }

  /** Not over the working table of a recursion, which holds the rows of one iteration only. */
  #refuseRecursiveAggregate(): void {
    const [first] = this.#collected.aggregates;
    if (first === undefined || !this.#readsWorkingTable) return;
    throw new SqlError('42P19', "aggregate functions are not allowed in a recursive query's recursive term", {
      position: first.position,
    });
  }

  #filter(condition: Scalar): void {
    this.#plan = filter(this.#plan, condition);
  }

  #bindItem(item: SelectItem): readonly Item[] {
    const { expr } = item;
    const context = this.#collecting('SELECT', true);
    if (expr.kind === 'Star') return expandStar(expr, this.#scope, context, bindExpr);
    const bound = textByDefault(bindExpr(expr, context), this.#context.env);
    return [{ name: item.alias?.name ?? outputName(expr), expr: bound, position: expr.span.start }];
  }

  // Names that may mean output columns

  /** GROUP BY: an ordinal, an input column, an output name, or an expression. */
  #bindGroupExpr(expr: Expr, items: readonly Item[]): Scalar {
    const numbered = ordinal(expr, items.length, 'GROUP BY');
    const scalar =
      numbered !== null
        ? groupable(must(items[numbered]))
        : (this.#groupName(expr, items) ?? this.#groupExpr(expr));
    requireEquality(scalar.type, expr.span.start);
    return scalar;
  }

  #groupExpr(expr: Expr): Scalar {
    const { aggregates, groupings } = this.#collected;
    const [before, groupingsBefore] = [aggregates.length, groupings.length];
    const context = { ...this.#collecting('GROUP BY', false), allowSets: true };
    const scalar = defaultUnknown(bindExpr(expr, context), this.#context.env);
    const aggregate = aggregates[before];
    if (aggregate !== undefined) {
      const { position } = aggregate;
      throw new SqlError('42803', 'aggregate functions are not allowed in GROUP BY', { position });
    }
    const grouping = groupings[groupingsBefore];
    if (grouping !== undefined) {
      const { position } = grouping;
      throw new SqlError('42803', 'grouping operations are not allowed in GROUP BY', { position });
    }
    return scalar;
  }

  /** The select item that a name means, when no input column has that name. */
  #groupName(expr: Expr, items: readonly Item[]): Scalar | null {
    if (expr.kind !== 'ColumnRef' || expr.parts.length !== 1) return null;
    const name = must(expr.parts[0]).name;
    const isInput = [...this.#scope.columns, ...this.#scope.joined].some((c) => c.name === name);
    const matching = items.filter((i) => i.name === name);
    const item = matching[0];
    if (isInput || item === undefined) return null;
    if (matching.some((m) => scalarKey(m.expr) !== scalarKey(item.expr))) {
      throw new SqlError('42702', `GROUP BY "${name}" is ambiguous`, { position: expr.span.start });
    }
    return groupable(item);
  }

  #bindOrderItem(item: OrderItem, items: readonly Item[]): BoundOrderItem {
    return { item, target: this.#outputTarget(item.expr, items, 'ORDER BY') };
  }

  #bindDistinctOn(expr: Expr, items: readonly Item[]): Target {
    const target = this.#outputTarget(expr, items, 'DISTINCT ON');
    requireEquality((typeof target === 'number' ? must(items[target]).expr : target).type, expr.span.start);
    return target;
  }

  /** An output name or number, else an expression, which may be one of the select list's. */
  #outputTarget(expr: Expr, items: readonly Item[], clause: string): Target {
    const named = this.#outputName(expr, items, clause);
    if (named !== null) return named;
    const scalar = defaultUnknown(bindExpr(expr, this.#collecting(clause, true)), this.#context.env);
    const key = scalarKey(scalar);
    const index = items.findIndex((i) => scalarKey(i.expr) === key);
    return index < 0 ? scalar : index;
  }

  /** An output name that occurs twice for the same expression is not ambiguous. */
  #outputName(expr: Expr, items: readonly Item[], clause: string): number | null {
    const columns: Schema = items.map((i) => ({ name: i.name, type: i.expr.type, nullable: true }));
    if (expr.kind !== 'ColumnRef' || expr.parts.length !== 1) return outputColumn(expr, columns, clause);
    const name = must(expr.parts[0]).name;
    const found = items.flatMap((i, n) => (i.name === name ? [n] : []));
    const keys = new Set(found.map((n) => scalarKey(must(items[n]).expr)));
    return keys.size === 1 ? must(found[0]) : outputColumn(expr, columns, clause);
  }

  // Stages

  /** Plans the aggregation and gives the rewrite of the FROM row's expressions to its output. */
  #aggregate(sets: readonly (readonly Scalar[])[], exprs: readonly Scalar[], having: Scalar | null): Rewrite {
    const { env } = this.#context;
    const position = this.#select.span.start;
    const equals = (a: Scalar, n: number): Scalar =>
      operatorCall('=', [a, { kind: 'literal', value: BigInt(n), type: types.int8 }], position, env);
    const regrouping = new Regrouping(sets, this.#scope, this.#collected, equals);
    const { windows, tableFunctions } = this.#collected;
    const waiting = this.#sets.waiting();
    const inWindows = windows.flatMap((w) => [
      ...w.args,
      ...w.partitionBy,
      ...w.orderBy.map((o) => o.expr),
      ...(w.filter === null ? [] : [w.filter]),
    ]);
    const all = [
      ...exprs,
      ...(having === null ? [] : [having]),
      ...inWindows,
      ...tableFunctions.flatMap((t, i) => (waiting.has(i) ? t.args : [])),
    ];
    const rewritten = new Map(all.map((s) => [s, regrouping.rewrite(s)]));
    this.#plan = regrouping.plan(this.#plan);
    const finish: Rewrite = (s) => regrouping.finish(must(rewritten.get(s), 'every expression is regrouped'));
    if (having !== null) this.#filter(finish(having));
    return finish;
  }

  #planWindows(toInput: Rewrite): Rewrite {
    const { windows } = this.#collected;
    if (windows.length === 0) return toInput;
    const { plan, columns } = planWindows(this.#plan, windows, toInput, this.#context.env, this.#scope);
    this.#plan = plan;
    const isWindow = (node: Scalar): node is Scalar & { kind: 'column' } =>
      node.kind === 'column' && node.index >= WINDOW_BASE && node.index < TABLE_FUNCTION_BASE;
    return (s) =>
      deepRewrite(toInput(s), (node) =>
        isWindow(node) ? { ...node, index: must(columns[node.index - WINDOW_BASE]) } : null,
      );
  }

  /** Set-returning functions that GROUP BY names give their rows before the aggregation. */
  #planGroupedSets(parts: BoundParts): BoundParts {
    const named = new Set(parts.sets.flat().flatMap(setsIn));
    if (named.size === 0) return parts;
    this.#plan = this.#sets.plan(this.#plan, named, (s) => s);
    const settle: Rewrite = (s) => this.#sets.replace(s);
    const settleTarget = (t: Target): Target => (typeof t === 'number' ? t : settle(t));
    this.#sets.settle();
    return {
      items: parts.items.map((i) => ({ ...i, expr: settle(i.expr) })),
      sets: parts.sets.map((set) => set.map(settle)),
      having: parts.having,
      qualify: parts.qualify === null ? null : settle(parts.qualify),
      order: parts.order.map((o) => ({ ...o, target: settleTarget(o.target) })),
      distinctOn: parts.distinctOn.map(settleTarget),
    };
  }

  /** The other set-returning functions, over the rows of the aggregation and the windows. */
  #planTableFunctions(toInput: Rewrite): Rewrite {
    const left = this.#sets.waiting();
    if (left.size === 0) return toInput;
    this.#plan = this.#sets.plan(this.#plan, left, toInput);
    return (s) => this.#sets.replace(toInput(s));
  }

  #project(
    items: readonly Item[],
    order: readonly BoundOrderItem[],
    distinctOn: readonly Target[],
    toOutput: Rewrite,
  ): BoundNested {
    const input = this.#plan;
    const exprs = items.map((i) => toOutput(i.expr));
    const column = (name: string, e: Scalar): Column => ({
      name,
      type: e.type,
      nullable: isNullable(e, input.schema),
    });
    const columns: Column[] = items.map((i, n) => column(i.name, must(exprs[n])));
    const hidden = new Map<string, number>();
    const place = (target: Target): number => {
      if (typeof target === 'number') return target;
      const key = scalarKey(target);
      const known = hidden.get(key);
      if (known !== undefined) return known;
      exprs.push(toOutput(target));
      hidden.set(key, exprs.length - 1);
      return exprs.length - 1;
    };
    const keys = order.map(({ item, target }) => {
      const index = place(target);
      return sortKey(item, index, must(exprs[index]).type);
    });
    const partition = distinctOn.map(place);
    this.#checkDistinct(keys, partition, items, order);
    const schema: Schema = exprs.map((e, n) => columns[n] ?? { ...column(`sort${n}`, e), hidden: true });
    const projected: LogicalPlan = { kind: 'Project', input, exprs, schema };
    const plan = this.#distinct(projected, partition, keys);
    const positions = items.map((i) => i.position);
    const bound: BoundNested = { plan, columns, positions, order: keys };
    return this.#query === null ? bound : limited(bound, this.#query, this.#scope, this.#context);
  }

  /** DISTINCT; DISTINCT ON is the first row of each partition. */
  #distinct(input: LogicalPlan, partition: readonly number[], order: readonly SortKey[]): LogicalPlan {
    if (this.#select.distinct === null) return input;
    if (this.#select.distinct.length === 0) return distinct(input);
    const limit: Scalar = { kind: 'literal', value: 1n, type: types.int8 };
    return topN(input, { partition, order, limit, offset: null, withTies: false, rank: null });
  }

  #checkDistinct(
    keys: readonly SortKey[],
    partition: readonly number[],
    items: readonly Item[],
    order: readonly BoundOrderItem[],
  ): void {
    if (this.#select.distinct === null) return;
    if (partition.length === 0) {
      for (const i of items) requireEquality(i.expr.type, i.position);
      const wrong = keys.findIndex((k) => k.column >= items.length);
      if (wrong < 0) return;
      throw new SqlError('42P10', 'for SELECT DISTINCT, ORDER BY expressions must appear in select list', {
        position: must(order[wrong]).item.expr.span.start,
      });
    }
    const leading = keys.slice(0, partition.length).map((k) => k.column);
    const missing = keys.length >= partition.length && partition.some((p) => !leading.includes(p));
    if (!missing && leading.every((c) => partition.includes(c))) return;
    throw new SqlError('42P10', 'SELECT DISTINCT ON expressions must match initial ORDER BY expressions', {
      position: must(this.#select.distinct[0]).span.start,
    });
  }
}

/** A select item that GROUP BY names: not an aggregate or window. */
function groupable(item: Item): Scalar {
  const { position } = item;
  deepRewrite(item.expr, (node) => {
    if (node.kind !== 'column' || node.index < AGGREGATE_BASE) return null;
    if (node.index < WINDOW_BASE) {
      throw new SqlError('42803', 'aggregate functions are not allowed in GROUP BY', { position });
    }
    if (node.index < TABLE_FUNCTION_BASE) {
      throw new SqlError('42P20', 'window functions are not allowed in GROUP BY', { position });
    }
    return null;
  });
  return item.expr;
}
