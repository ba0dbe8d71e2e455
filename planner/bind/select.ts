/**
 * A SELECT to a plan, in the order in which it means something: FROM, WHERE, GROUP BY, HAVING, windows, set-returning
 * functions, select list, DISTINCT, ORDER BY, LIMIT.
 *
 * All expressions are bound over the FROM row first, with aggregates, windows and set-returning functions standing as
 * placeholder columns; then each stage is planned and the expressions are rewritten to its output.
 */
import { must } from '../../common/assert.ts';
import { type Column, type DataType, type Schema, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Expr, WindowSpec } from '../../parser/ast/expr.ts';
import type { OrderItem, Query, Select, SelectItem } from '../../parser/ast/query.ts';
import type { SortKey } from '../plan/aggregateCall.ts';
import { scalarKey } from '../plan/fingerprint.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { isNullable } from '../plan/scalars.ts';
import { coerceBoolean, defaultUnknown } from './coerce.ts';
import { outputName } from './columnNames.ts';
import {
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
  outputColumn,
  type QueryContext,
  unknownLiterals,
} from './query.ts';
import { deepRewrite } from './rewrite.ts';
import { findTable, missingTable, Scope } from './scope.ts';
import { planWindows } from './windows.ts';

interface Item {
  readonly name: string;
  readonly expr: Scalar;
  readonly position: number;
}

interface BoundOrderItem {
  readonly item: OrderItem;
  /** Position in the select list, or a further expression. */
  readonly target: number | Scalar;
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

  constructor(select: Select, query: Query | null, context: QueryContext) {
    this.#select = select;
    this.#query = query;
    this.#context = context;
    const from = bindFrom(select.from, {
      env: context.env,
      ctes: context.ctes,
      parent: context.parent,
      left: null,
    });
    this.#plan = from.plan;
    this.#scope = new Scope(from.tables, context.parent, from.joined);
    const windows = new Map<string, WindowSpec>();
    for (const w of select.windows) {
      if (windows.has(w.name.name)) {
        throw new SqlError('42P20', `window "${w.name.name}" is already defined`, {
          position: w.name.span.start,
        });
      }
      windows.set(w.name.name, w.spec);
    }
    this.#base = { ...exprContext(context.env, this.#scope, context.ctes), windows };
  }

  /** A context in which calls are collected. */
  #collecting(clause: string, allowWindows: boolean): ExprContext {
    return { ...this.#base, clause, collected: this.#collected, allowWindows };
  }

  bind(): BoundNested {
    const select = this.#select;
    if (select.where !== null) {
      const condition = bindCondition(select.where, { ...this.#base, clause: 'WHERE' }, 'WHERE');
      this.#filter(condition);
    }
    const items = select.items.flatMap((item) => this.#bindItem(item));
    const sets = groupingSets(select.groupBy, (e) => this.#bindGroupExpr(e, items));
    const having =
      select.having === null
        ? null
        : bindCondition(select.having, this.#collecting('HAVING', false), 'HAVING');
    const qualify =
      select.qualify === null ? null : bindExpr(select.qualify, this.#collecting('QUALIFY', true));
    const order = (this.#query?.orderBy ?? []).map((item) => this.#bindOrderItem(item, items));
    const distinctOn = (select.distinct ?? []).map((e) => this.#bindDistinctOn(e, items));

    const aggregated =
      select.groupBy.length > 0 ||
      this.#collected.aggregates.length > 0 ||
      having !== null ||
      this.#collected.groupings.length > 0;
    const toInput = aggregated
      ? this.#aggregate(sets, items, having, order, distinctOn, qualify)
      : (s: Scalar): Scalar => s;
    const toWindow = this.#planWindows(toInput);
    if (qualify !== null) this.#filter(coerceBoolean(toWindow(qualify), 'QUALIFY', this.#context.env));
    const toOutput = this.#planTableFunctions(toWindow);
    return this.#project(items, order, distinctOn, toOutput);
  }

  #filter(condition: Scalar): void {
    this.#plan = { kind: 'Filter', input: this.#plan, condition, schema: this.#plan.schema };
  }

  // Select list

  #bindItem(item: SelectItem): Item[] {
    const { expr } = item;
    const position = expr.span.start;
    if (expr.kind === 'Star') return this.#expandStar(expr, position);
    const bound = bindExpr(expr, this.#collecting('SELECT', true));
    let scalar = bound;
    if (bound.type.id === 'unknown') {
      scalar = defaultUnknown(bound, this.#context.env);
      if (bound.kind === 'literal') unknownLiterals.add(scalar);
    }
    return [{ name: item.alias?.name ?? outputName(expr), expr: scalar, position }];
  }

  #expandStar(star: Expr & { kind: 'Star' }, position: number): Item[] {
    let items: Item[];
    if (star.of !== null) {
      const operand = bindExpr(star.of, this.#collecting('SELECT', true));
      if (operand.type.id !== 'struct') {
        throw new SqlError('42809', `type ${operand.type.id} is not composite`, { position });
      }
      items = operand.type.fields.map((f, index) => ({
        name: f.name,
        expr: { kind: 'field', operand, index, type: f.type },
        position,
      }));
    } else if (star.qualifier !== null) {
      items = this.#tableStar(
        star.qualifier.map((q) => q.name),
        position,
      );
    } else {
      if (this.#scope.tables.length === 0) {
        throw new SqlError('42601', 'SELECT * with no tables specified is not valid', { position });
      }
      const merged = this.#scope.joined.map((j): Item => ({ name: j.name, expr: j.expr, position }));
      const plain = this.#scope.columns.filter((c) => !c.hidden && !c.merged);
      items = [
        ...merged,
        ...plain.map(
          (c): Item => ({ name: c.name, expr: { kind: 'column', index: c.index, type: c.type }, position }),
        ),
      ];
    }
    if (star.except.length === 0) return items;
    const dropped = new Set(star.except.map((e) => must(e.parts[e.parts.length - 1]).name));
    for (const e of star.except) bindExpr(e, this.#base);
    return items.filter((i) => !dropped.has(i.name));
  }

  #tableStar(qualifier: readonly string[], position: number): Item[] {
    const alias = must(qualifier[qualifier.length - 1]);
    const schema = qualifier.length > 1 ? (qualifier[qualifier.length - 2] ?? null) : null;
    let depth = 0;
    for (let scope: Scope | null = this.#scope; scope !== null; scope = scope.parent, depth++) {
      const table = findTable(scope, schema, alias, position);
      if (table === null) continue;
      return table.columns
        .filter((c) => !c.hidden)
        .map(
          (c): Item => ({
            name: c.name,
            expr:
              depth === 0
                ? { kind: 'column', index: c.index, type: c.type }
                : { kind: 'outer', depth, index: c.index, type: c.type },
            position,
          }),
        );
    }
    throw missingTable(this.#scope, alias, position);
  }

  // Names that may mean output columns

  /** GROUP BY: an ordinal, an input column, an output name, or an expression. */
  #bindGroupExpr(expr: Expr, items: readonly Item[]): Scalar {
    const grouped = (item: Item): Scalar => {
      const forbidden =
        this.#collected.aggregates.length + this.#collected.windows.length > 0 && hasPlaceholder(item.expr);
      if (forbidden)
        throw new SqlError('42803', 'aggregate functions are not allowed in GROUP BY', {
          position: item.position,
        });
      return item.expr;
    };
    if (expr.kind === 'Literal' && expr.value.type === 'string')
      throw new SqlError('42601', 'non-integer constant in GROUP BY', { position: expr.span.start });
    if (expr.kind === 'Literal' && expr.value.type === 'number') {
      const n = Number(expr.value.text);
      const item = Number.isInteger(n) ? items[n - 1] : undefined;
      if (item === undefined) {
        throw Number.isInteger(n)
          ? new SqlError('42P10', `GROUP BY position ${n} is not in select list`, {
              position: expr.span.start,
            })
          : new SqlError('42601', 'non-integer constant in GROUP BY', { position: expr.span.start });
      }
      return grouped(item);
    }
    if (expr.kind === 'ColumnRef' && expr.parts.length === 1) {
      const name = must(expr.parts[0]).name;
      const isInput =
        this.#scope.columns.some((c) => c.name === name) || this.#scope.joined.some((c) => c.name === name);
      const matching = items.filter((i) => i.name === name);
      const item = matching[0];
      if (!isInput && item !== undefined) {
        if (matching.some((m) => scalarKey(m.expr) !== scalarKey(item.expr))) {
          throw new SqlError('42702', `GROUP BY "${name}" is ambiguous`, { position: expr.span.start });
        }
        return grouped(item);
      }
    }
    return defaultUnknown(bindExpr(expr, { ...this.#base, clause: 'GROUP BY' }), this.#context.env);
  }

  #bindOrderItem(item: OrderItem, items: readonly Item[]): BoundOrderItem {
    const columns: Schema = items.map((i) => ({ name: i.name, type: i.expr.type, nullable: true }));
    const named = this.#outputColumn(item.expr, columns, items);
    if (named !== null) return { item, target: named };
    return {
      item,
      target: this.#matchItem(
        defaultUnknown(bindExpr(item.expr, this.#collecting('ORDER BY', true)), this.#context.env),
        items,
      ),
    };
  }

  /** An output name that occurs twice for the same expression is not ambiguous. */
  #outputColumn(expr: Expr, columns: Schema, items: readonly Item[]): number | null {
    if (expr.kind === 'ColumnRef' && expr.parts.length === 1) {
      const name = must(expr.parts[0]).name;
      const found = items.flatMap((i, n) => (i.name === name ? [n] : []));
      const first = found[0];
      if (
        first !== undefined &&
        found.every((n) => scalarKey(must(items[n]).expr) === scalarKey(must(items[first]).expr))
      )
        return first;
    }
    return outputColumn(expr, columns);
  }

  #matchItem(scalar: Scalar, items: readonly Item[]): number | Scalar {
    const key = scalarKey(scalar);
    const index = items.findIndex((i) => scalarKey(i.expr) === key);
    return index < 0 ? scalar : index;
  }

  #bindDistinctOn(expr: Expr, items: readonly Item[]): number | Scalar {
    const columns: Schema = items.map((i) => ({ name: i.name, type: i.expr.type, nullable: true }));
    const named = this.#outputColumn(expr, columns, items);
    if (named !== null) return named;
    return this.#matchItem(
      defaultUnknown(bindExpr(expr, this.#collecting('DISTINCT ON', true)), this.#context.env),
      items,
    );
  }

  // Stages

  #aggregate(
    sets: readonly (readonly Scalar[])[],
    items: readonly Item[],
    having: Scalar | null,
    order: readonly BoundOrderItem[],
    distinctOn: readonly (number | Scalar)[],
    qualify: Scalar | null,
  ): (s: Scalar) => Scalar {
    const { env } = this.#context;
    const equals = (a: Scalar, n: number): Scalar =>
      operatorCall(
        '=',
        [a, { kind: 'literal', value: BigInt(n), type: types.int8 }],
        this.#select.span.start,
        env,
      );
    const regrouping = new Regrouping(sets, this.#scope, this.#collected, equals);
    const rewritten = new Map<Scalar, Scalar>();
    const first = (s: Scalar): void => {
      if (!rewritten.has(s)) rewritten.set(s, regrouping.rewrite(s));
    };
    for (const item of items) first(item.expr);
    if (having !== null) first(having);
    if (qualify !== null) first(qualify);
    for (const o of order) if (typeof o.target !== 'number') first(o.target);
    for (const d of distinctOn) if (typeof d !== 'number') first(d);
    for (const w of this.#collected.windows) {
      for (const s of [
        ...w.args,
        ...w.partitionBy,
        ...w.orderBy.map((o) => o.expr),
        ...(w.filter === null ? [] : [w.filter]),
      ])
        first(s);
    }
    for (const t of this.#collected.tableFunctions) for (const s of t.args) first(s);
    this.#plan = regrouping.plan(this.#plan);
    const finish = (s: Scalar): Scalar => regrouping.finish(rewritten.get(s) ?? regrouping.rewrite(s));
    if (having !== null) this.#filter(finish(having));
    return finish;
  }

  #planWindows(toInput: (s: Scalar) => Scalar): (s: Scalar) => Scalar {
    const { windows } = this.#collected;
    if (windows.length === 0) return toInput;
    const { plan, columns } = planWindows(this.#plan, windows, toInput, this.#context.env);
    this.#plan = plan;
    return (s) =>
      deepRewrite(toInput(s), (node) =>
        node.kind === 'column' && node.index >= WINDOW_BASE && node.index < TABLE_FUNCTION_BASE
          ? { ...node, index: must(columns[node.index - WINDOW_BASE]) }
          : null,
      );
  }

  #planTableFunctions(toInput: (s: Scalar) => Scalar): (s: Scalar) => Scalar {
    const { tableFunctions } = this.#collected;
    if (tableFunctions.length === 0) return toInput;
    const base = this.#plan.schema.length;
    const columns: Column[] = [];
    const starts = tableFunctions.map((t) => {
      const start = base + columns.length;
      for (const c of t.columns) columns.push({ ...c, nullable: true });
      return start;
    });
    this.#plan = {
      kind: 'TableFunction',
      input: this.#plan,
      calls: tableFunctions.map((t) => ({ fn: t.fn, args: t.args.map(toInput) })),
      ordinality: false,
      schema: [...this.#plan.schema, ...columns],
    };
    const replace = (index: number, type: DataType): Scalar => {
      const call = must(tableFunctions[index]);
      const start = must(starts[index]);
      if (call.columns.length === 1) return { kind: 'column', index: start, type };
      return {
        kind: 'row',
        items: call.columns.map((c, i) => ({ kind: 'column', index: start + i, type: c.type })),
        type,
      };
    };
    return (s) =>
      deepRewrite(toInput(s), (node) =>
        node.kind === 'column' && node.index >= TABLE_FUNCTION_BASE
          ? replace(node.index - TABLE_FUNCTION_BASE, node.type)
          : null,
      );
  }

  #project(
    items: readonly Item[],
    order: readonly BoundOrderItem[],
    distinctOn: readonly (number | Scalar)[],
    toOutput: (s: Scalar) => Scalar,
  ): BoundNested {
    const exprs = items.map((i) => {
      const out = toOutput(i.expr);
      if (unknownLiterals.has(i.expr)) unknownLiterals.add(out);
      return out;
    });
    const column = (name: string, e: Scalar): Column => ({
      name,
      type: e.type,
      nullable: isNullable(e, this.#plan.schema),
    });
    const columns: Column[] = items.map((i, n) => column(i.name, must(exprs[n])));
    const hidden = new Map<string, number>();
    const place = (target: number | Scalar): number => {
      if (typeof target === 'number') return target;
      const key = scalarKey(target);
      const known = hidden.get(key);
      if (known !== undefined) return known;
      exprs.push(toOutput(target));
      hidden.set(key, exprs.length - 1);
      return exprs.length - 1;
    };
    const keys = order.map(
      ({ item, target }): SortKey => ({
        column: place(target),
        descending: item.direction === 'desc',
        nullsFirst: item.nulls === null ? item.direction === 'desc' : item.nulls === 'first',
      }),
    );
    const partition = distinctOn.map(place);
    this.#checkDistinct(keys, partition, columns.length, order);
    const schema: Schema = exprs.map((e, n) => columns[n] ?? { ...column(`sort${n}`, e), hidden: true });
    let plan: LogicalPlan = { kind: 'Project', input: this.#plan, exprs, schema };
    if (this.#select.distinct !== null) {
      plan =
        partition.length === 0
          ? { kind: 'Distinct', input: plan, schema }
          : this.#distinctOn(plan, partition, keys);
    }
    const bound: BoundNested = { plan, columns, order: keys };
    return this.#query === null ? bound : limited(bound, this.#query, this.#context);
  }

  /** The first row of each partition. */
  #distinctOn(input: LogicalPlan, partition: readonly number[], order: readonly SortKey[]): LogicalPlan {
    const limit: Scalar = { kind: 'literal', value: 1n, type: types.int8 };
    return {
      kind: 'TopN',
      input,
      partition,
      order,
      limit,
      offset: null,
      withTies: false,
      rank: null,
      schema: input.schema,
    };
  }

  #checkDistinct(
    keys: readonly SortKey[],
    partition: readonly number[],
    width: number,
    order: readonly BoundOrderItem[],
  ): void {
    if (this.#select.distinct === null) return;
    if (partition.length === 0) {
      const wrong = keys.findIndex((k) => k.column >= width);
      if (wrong >= 0) {
        throw new SqlError('42P10', 'for SELECT DISTINCT, ORDER BY expressions must appear in select list', {
          position: must(order[wrong]).item.expr.span.start,
        });
      }
      return;
    }
    const leading = new Set(keys.slice(0, partition.length).map((k) => k.column));
    const mismatch =
      keys.length > 0 && keys.slice(0, partition.length).some((k) => !partition.includes(k.column));
    if (mismatch || (keys.length >= partition.length && partition.some((p) => !leading.has(p)))) {
      throw new SqlError('42P10', 'SELECT DISTINCT ON expressions must match initial ORDER BY expressions', {
        position: must(this.#select.distinct[0]).span.start,
      });
    }
  }
}

/** True when the expression holds an aggregate or window placeholder. */
function hasPlaceholder(s: Scalar): boolean {
  let found = false;
  deepRewrite(s, (node) => {
    if (node.kind === 'column' && node.index >= 1 << 20 && node.index < TABLE_FUNCTION_BASE) found = true;
    return null;
  });
  return found;
}
