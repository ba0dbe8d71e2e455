/**
 * Random logical plans over the test tables: every node kind, correlated subqueries and lateral joins. All columns are
 * int4 and every order is total, so that a plan's result is determined.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import {
  aggregate,
  distinct,
  filter,
  join,
  joinSchema,
  pick,
  project,
  topN,
  unionAll,
} from '../../planner/plan/construct.ts';
import type { JoinType, LogicalPlan } from '../../planner/plan/logical.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { and, isNull, not, or } from '../../planner/plan/scalars.ts';
import { ascending, big, call, col, int, op, outer, s, scan, t, u, windowCall } from './build.ts';

const { bool, int4, int8 } = types;

export class RandomPlans {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 2654435761) + 12345) >>> 0;
  }

  #next(below: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 4294967296) * below);
  }

  #pick<T>(items: readonly T[]): T {
    return must(items[this.#next(items.length)]);
  }

  /** A plan; `outers` are the widths of the enclosing scopes, nearest last. */
  plan(depth: number, outers: readonly number[] = []): LogicalPlan {
    if (depth <= 0) return this.#leaf();
    const input = (): LogicalPlan => this.plan(depth - 1, outers);
    switch (this.#next(14)) {
      case 0:
      case 1:
      case 2: {
        const below = input();
        return filter(below, this.condition(below.schema.length, outers, depth - 1));
      }
      case 3: {
        const below = input();
        const width = below.schema.length;
        const count = 1 + this.#next(3);
        return project(
          below,
          Array.from({ length: count }, () => this.scalar(width, outers, depth - 1)),
          Array.from({ length: count }, (_, i) => `p${i}`),
        );
      }
      case 4:
      case 5:
        return this.#join(depth, outers);
      case 6: {
        const below = input();
        return this.#next(4) === 0 ? this.#groupingSets(below) : this.#aggregate(below);
      }
      case 7:
        return distinct(input());
      case 8: {
        const width = 1 + this.#next(2);
        return unionAll([this.#width(input(), width), this.#width(input(), width)]);
      }
      case 9: {
        const left = this.#width(input(), 2);
        const right = this.#width(input(), 2);
        const operator = this.#pick(['intersect', 'except'] as const);
        const schema = left.schema.map((c) => ({ ...c, nullable: true }));
        return { kind: 'SetOperation', operator, all: this.#next(2) === 0, left, right, schema };
      }
      case 10: {
        const below = input();
        const partition = this.#next(2) === 0 ? [] : [0];
        const limit = big(BigInt(this.#next(3)));
        const offset = this.#next(3) === 0 ? big(1n) : null;
        const order = ascending(...below.schema.keys());
        return topN(below, { partition, order, limit, offset, withTies: false, rank: null });
      }
      case 11:
        return this.#window(input());
      case 12:
        // Not part of the language within a correlated subquery.
        return outers.length === 0 ? this.#asofJoin(input(), input()) : input();
      default:
        return this.#leaf();
    }
  }

  #leaf(): LogicalPlan {
    const table = this.#pick([t, s, u]);
    return pick(scan(table), [0, 1]);
  }

  /** The plan with exactly `width` columns. */
  #width(plan: LogicalPlan, width: number): LogicalPlan {
    const columns = Array.from({ length: width }, (_, i) => Math.min(i, plan.schema.length - 1));
    return project(
      plan,
      columns.map((c) => col(c)),
      columns.map((_, i) => `c${i}`),
    );
  }

  #asofJoin(left: LogicalPlan, right: LogicalPlan): LogicalPlan {
    const type = this.#pick(['inner', 'left'] as const);
    const width = left.schema.length;
    const time = {
      kind: 'asof',
      left: this.#next(width),
      right: this.#next(right.schema.length),
      operator: this.#pick(['<', '<=', '>', '>='] as const),
    } as const;
    const key = this.#next(right.schema.length);
    const condition = op(col(this.#next(width)), '=', col(width + key));
    return {
      kind: 'AsofJoin',
      type,
      left,
      right,
      condition,
      time,
      schema: joinSchema(type, left.schema, right.schema),
    };
  }

  #join(depth: number, outers: readonly number[]): LogicalPlan {
    const left = this.plan(depth - 1, outers);
    const lateral = this.#next(3) === 0;
    const right = this.plan(depth - 1, lateral ? [...outers, left.schema.length] : outers);
    const all: readonly JoinType[] = lateral
      ? ['inner', 'left']
      : ['inner', 'left', 'right', 'full', 'semi', 'anti'];
    const type = this.#pick(all);
    const width = left.schema.length + right.schema.length;
    // Subqueries in conditions of these joins are not part of the language.
    const nested = type === 'inner' || type === 'left' || type === 'right' ? depth - 1 : 0;
    const equal = op(
      col(this.#next(left.schema.length)),
      '=',
      col(left.schema.length + this.#next(right.schema.length)),
    );
    const more = this.#next(2) === 0 ? [this.condition(width, outers, nested)] : [];
    return join(type, left, right, this.#next(5) === 0 ? null : and([equal, ...more]), { lateral });
  }

  #aggregate(below: LogicalPlan): LogicalPlan {
    const width = below.schema.length;
    const keys = this.#next(3) === 0 ? [] : [this.#next(width)];
    const grouped = aggregate(below, keys, [
      call(this.#pick(['max', 'min']), [this.#next(width)], below, int4),
      call('count', [], below, int8),
    ]);
    const at = keys.length;
    const counted: Scalar = {
      kind: 'cast',
      operand: col(at + 1, int8),
      type: int4,
      explicit: true,
      try: false,
    };
    return project(
      grouped,
      [...keys.map((_, i) => col(i)), col(at), counted],
      [...keys.map((_, i) => `k${i}`), 'm', 'n'],
    );
  }

  /** GROUP BY GROUPING SETS over two columns, with the set's number. */
  #groupingSets(below: LogicalPlan): LogicalPlan {
    const width = below.schema.length;
    const counts = [call('count', [], below, int8), call('max', [this.#next(width)], below, int4)];
    const base = aggregate(below, [this.#next(width), this.#next(width)], counts);
    const sets = [[0, 1], [1], [], [0]].filter(() => this.#next(3) > 0);
    const nullable = base.schema.map((c, i) => (i < 2 ? { ...c, nullable: true } : c));
    const schema = [...nullable, { name: 'set', type: int8, nullable: false }];
    if (base.kind !== 'Aggregate' || sets.length === 0) return below;
    const asInt = (c: number): Scalar => ({
      kind: 'cast',
      operand: col(c, int8),
      type: int4,
      explicit: true,
      try: false,
    });
    return project(
      { ...base, sets, schema },
      [col(0), col(1), col(3), asInt(2), asInt(4)],
      ['k', 'l', 'm', 'n', 'o'],
    );
  }

  #window(below: LogicalPlan): LogicalPlan {
    const width = below.schema.length;
    // The rank of peers does not depend on their order, a row number does.
    const fn = this.#pick(['row_number', 'rank', 'dense_rank']);
    const order = fn === 'row_number' ? ascending(...below.schema.keys()) : ascending(this.#next(width));
    const windowed: LogicalPlan = {
      kind: 'Window',
      input: below,
      partition: this.#next(2) === 0 ? [] : [this.#next(width)],
      order,
      calls: [windowCall(fn, [], int8)],
      schema: [...below.schema, { name: 'r', type: int8, nullable: false }],
    };
    const bounded =
      this.#next(2) === 0
        ? windowed
        : filter(
            windowed,
            op(col(width, int8), this.#pick(['<=', '<', '=', '>']), big(BigInt(this.#next(4)))),
          );
    const rank: Scalar = { kind: 'cast', operand: col(width, int8), type: int4, explicit: true, try: false };
    const columns = below.schema.map((_, i) => col(i));
    return project(bounded, this.#next(2) === 0 ? columns : [...columns, rank]);
  }

  /** An int4 expression over `width` columns. */
  scalar(width: number, outers: readonly number[], depth: number): Scalar {
    switch (this.#next(depth > 0 ? 8 : 6)) {
      case 0:
        return int(this.#next(4));
      case 1: {
        const level = this.#next(outers.length + 1);
        const outerWidth = outers[outers.length - level];
        return level === 0 || outerWidth === undefined
          ? col(this.#next(width))
          : outer(this.#next(outerWidth), level);
      }
      case 2:
        return op(col(this.#next(width)), '+', int(this.#next(3)));
      case 6: {
        const below = this.#aggregateRow(depth, [...outers, width]);
        return { kind: 'scalarSubquery', plan: below, type: int4 };
      }
      case 7: {
        const operands = [this.scalar(width, outers, depth - 1), int(0)];
        return { kind: 'coalesce', operands, type: int4 };
      }
      default:
        return col(this.#next(width));
    }
  }

  /** One row of one int4 column. */
  #aggregateRow(depth: number, outers: readonly number[]): LogicalPlan {
    const below = this.#correlated(depth, outers);
    if (this.#next(4) === 0) {
      const order = ascending(...below.schema.keys());
      return this.#width(
        topN(below, { partition: [], order, limit: big(1n), offset: null, withTies: false, rank: null }),
        1,
      );
    }
    const column = this.#next(below.schema.length);
    if (this.#next(2) === 0) return aggregate(below, [], [call('max', [column], below, int4)]);
    const counted: Scalar = { kind: 'cast', operand: col(0, int8), type: int4, explicit: true, try: false };
    return project(aggregate(below, [], [call('count', [], below, int8)]), [counted], ['n']);
  }

  /** A plan that surely reads the nearest outer scope. */
  #correlated(depth: number, outers: readonly number[]): LogicalPlan {
    const below = this.plan(depth - 1, outers);
    const width = must(outers.at(-1));
    const operator = this.#pick(['=', '=', '<', '<>']);
    return filter(below, op(col(this.#next(below.schema.length)), operator, outer(this.#next(width))));
  }

  condition(width: number, outers: readonly number[], depth: number): Scalar {
    const nested = (): Scalar => this.condition(width, outers, depth - 1);
    const operand = (): Scalar => this.scalar(width, outers, depth - 1);
    switch (this.#next(depth > 0 ? 11 : 5)) {
      case 0:
        return isNull(operand(), this.#next(2) === 0);
      case 5:
        return or([nested(), nested()]);
      case 6:
        return and([nested(), nested()]);
      case 7:
        return not(nested());
      case 8:
        return {
          kind: 'existsSubquery',
          plan: this.#correlated(depth, [...outers, width]),
          negated: this.#next(2) === 0,
          type: bool,
        };
      case 9:
      case 10: {
        const plan = this.#width(
          this.#next(2) === 0
            ? this.plan(depth - 1, [...outers, width])
            : this.#correlated(depth, [...outers, width]),
          1,
        );
        return {
          kind: 'quantifiedSubquery',
          quantifier: this.#pick(['any', 'all']),
          left: [operand()],
          condition: op(col(0), this.#pick(['=', '=', '<>', '<']), col(1)),
          plan,
          negated: this.#next(2) === 0,
          type: bool,
        };
      }
      default:
        return op(operand(), this.#pick(['=', '=', '<', '>=', '<>']), operand());
    }
  }
}
