/** Random grouped selects: GROUP BY, grouping sets, aggregates with DISTINCT, FILTER and ORDER BY, HAVING. */
import type { Expressions, ScopeColumn } from './expressions.ts';
import type { FromClause } from './queries.ts';
import type { Random } from './random.ts';
import { type SqlType, sqlName } from './schema.ts';

export interface Grouped {
  readonly items: readonly ScopeColumn[];
  /** GROUP BY and HAVING, with a space in front. */
  readonly clauses: string;
}

export class Grouping {
  readonly #random: Random;
  readonly #expressions: Expressions;

  constructor(random: Random, expressions: Expressions) {
    this.#random = random;
    this.#expressions = expressions;
  }

  select(from: FromClause, types: readonly SqlType[], outer: readonly ScopeColumn[]): Grouped {
    const random = this.#random;
    const keys = this.#keys(from);
    // Inside an aggregate only columns of this query count.
    const aggregateScope = from.scope;
    const items = types.map((type): ScopeColumn => {
      const fitting = keys.filter((k) => k.type === type);
      if (fitting.length > 0 && random.chance(0.7)) return random.pick(fitting);
      if (type === 'int4' && keys.length > 0 && random.chance(0.2))
        return { sql: `grouping(${keys.map((k) => k.sql).join(', ')})`, type, wide: false };
      return {
        sql: this.#aggregate(type, aggregateScope),
        type,
        wide: type === 'numeric' || type === 'float8',
      };
    });
    const groupBy = keys.length === 0 ? '' : ` GROUP BY ${this.#groupBy(keys.map((k) => k.sql))}`;
    const having =
      random.chance(0.25) && from.scope.length > 0 ? ` HAVING ${this.#having(from.scope, keys, outer)}` : '';
    return { items, clauses: groupBy + having };
  }

  #keys(from: FromClause): readonly ScopeColumn[] {
    const random = this.#random;
    if (random.chance(0.25) || from.scope.length === 0) return [];
    const columns = random.some(from.scope, 2);
    if (random.chance(0.3)) {
      const type = random.pick<SqlType>(['int4', 'text', 'bool', 'date']);
      const sql = this.#expressions.of(type, from.scope, 1);
      // A constant or a subquery as a key is another matter.
      if (from.scope.some((c) => sql.includes(c.sql)) && !sql.includes('SELECT'))
        columns.push({ sql, type, wide: false });
    }
    return columns;
  }

  #groupBy(keys: readonly string[]): string {
    const random = this.#random;
    const plain = keys.join(', ');
    if (random.chance(0.75)) return plain;
    return random.pick([
      () => `ROLLUP (${plain})`,
      () => `CUBE (${plain})`,
      () => `GROUPING SETS ((${plain}), ())`,
      () => `GROUPING SETS (${keys.map((k) => `(${k})`).join(', ')})`,
      () => `GROUPING SETS ((${plain}), (${keys[0]}), ())`,
      () => `${keys[0]}, ROLLUP (${plain})`,
      () => `DISTINCT ROLLUP (${plain}), CUBE (${keys[0]})`,
      () => `GROUPING SETS (ROLLUP (${plain}), (${keys[0]}))`,
    ])();
  }

  #filter(scope: readonly ScopeColumn[]): string {
    return this.#random.chance(0.25) ? ` FILTER (WHERE ${this.#expressions.predicate(scope, 1)})` : '';
  }

  /** An aggregate call with a result of `type`. */
  #aggregate(type: SqlType, scope: readonly ScopeColumn[]): string {
    const random = this.#random;
    const value = (t: SqlType): string => {
      const wide = scope.filter((c) => c.type === t);
      return random.chance(0.3) && wide.length > 0
        ? random.pick(wide).sql
        : this.#expressions.of(t, scope, 1);
    };
    const plain = (t: SqlType): string => this.#expressions.of(t, scope, 1);
    const distinct = random.chance(0.2) ? 'DISTINCT ' : '';
    const call = (): string => {
      switch (type) {
        case 'int8':
          return random.pick([
            () => 'count(*)',
            () =>
              `count(${distinct}${value(random.pick<SqlType>(['int4', 'text', 'date', 'bool', 'numeric']))})`,
            () => `sum(${distinct}${plain('int4')})`,
            () => `sum(${distinct}${plain('int2')})`,
            () => `count(${distinct}(${value('int4')}, ${value('text')}))`,
            () => `regr_count(${plain('float8')}, ${plain('int4')})`,
            () => `${random.pick(['bit_and', 'bit_or', 'bit_xor'])}(${distinct}${plain('int8')})`,
            () =>
              `percentile_disc(${random.pick(['0', '0.3', '0.5', '1'])}) WITHIN GROUP (ORDER BY ${plain('int8')})`,
            () => `mode() WITHIN GROUP (ORDER BY ${plain('int8')})`,
          ])();
        case 'numeric':
          return random.pick([
            () => `sum(${distinct}${plain('numeric')})`,
            () => `avg(${distinct}${plain('int4')})`,
            () => `sum(${plain('int8')})`,
            () => `avg(${distinct}${plain('numeric')})`,
            () =>
              `${random.pick(['stddev', 'var_pop', 'variance', 'stddev_pop', 'var_samp'])}(${distinct}${plain('int4')})`,
            () =>
              `round(CAST(${random.pick(['corr', 'covar_pop', 'covar_samp', 'regr_slope', 'regr_intercept', 'regr_r2', 'regr_sxx', 'regr_sxy', 'regr_avgx'])}(${plain('int4')}, ${plain('int2')}) AS numeric), 6)`,
          ])();
        case 'float8':
          return random.pick([
            () => `sum(${plain('float8')})`,
            () => `avg(${plain('float8')})`,
            () => `percentile_cont(0.5) WITHIN GROUP (ORDER BY ${plain('float8')})`,
            () =>
              `percentile_cont(${random.pick(['0', '0.25', '1'])}) WITHIN GROUP (ORDER BY ${plain('float8')} DESC)`,
          ])();
        case 'bool':
          return `${random.pick(['bool_and', 'bool_or', 'every'])}(${distinct}${value('bool')})`;
        case 'text':
          return random.pick([
            () => `${random.pick(['min', 'max'])}(${value('text')})`,
            () => {
              const v = plain('text');
              return `string_agg(${distinct}${v}, ',' ORDER BY ${v}${random.pick(['', ' DESC'])})`;
            },
            () => {
              const v = plain('int4');
              return `CAST(array_agg(${distinct}${v} ORDER BY ${v}${random.pick(['', ' DESC', ' NULLS FIRST'])}) AS text)`;
            },
          ])();
        case 'int4':
          return random.pick([
            () => `${random.pick(['min', 'max'])}(${distinct}${value('int4')})`,
            () => `percentile_disc(0.5) WITHIN GROUP (ORDER BY ${value('int4')} DESC)`,
            () => `mode() WITHIN GROUP (ORDER BY ${value('int4')})`,
          ])();
        case 'int2':
        case 'date':
        case 'timestamp':
        case 'timestamptz':
        case 'interval':
        case 'varchar':
        case 'time':
          return `${random.pick(['min', 'max'])}(${distinct}${value(type)})`;
        case 'ints':
          return random.pick([
            () => `array_agg(DISTINCT ${plain('int4')})`,
            () => {
              const v = plain('int4');
              return `array_agg(${v} ORDER BY ${v}${random.pick(['', ' DESC', ' NULLS FIRST'])})`;
            },
          ])();
        case 'texts':
          return random.pick([
            () => `array_agg(DISTINCT ${plain('text')})`,
            () => {
              const v = plain('text');
              return `array_agg(${v} ORDER BY ${v}${random.pick(['', ' DESC', ' NULLS FIRST'])})`;
            },
            () => `max(${value('texts')})`,
          ])();
        case 'uuid':
        case 'bytea': {
          const v = value(type);
          return `CAST((array_agg(${v} ORDER BY ${v}))[1] AS ${sqlName[type]})`;
        }
        case 'jsonb': {
          const v = plain('jsonb');
          return random.pick([
            `jsonb_agg(${distinct}${v} ORDER BY ${v})`,
            `to_jsonb(count(${v}))`,
            `jsonb_agg(DISTINCT ${v})`,
          ]);
        }
      }
    };
    const made = call();
    if (/^(CAST|to_jsonb|round)\(/.test(made)) return made;
    return made + this.#filter(scope);
  }

  #having(
    scope: readonly ScopeColumn[],
    keys: readonly ScopeColumn[],
    outer: readonly ScopeColumn[],
  ): string {
    const random = this.#random;
    const plainKeys = keys.filter((k) => !k.wide);
    return random.pick([
      () => `count(*) > ${random.int(0, 2)}`,
      () => `max(${this.#expressions.of('int4', scope, 0)}) >= ${random.int(0, 4)}`,
      () => `(${this.#expressions.predicate([...plainKeys, ...outer], 0)} OR count(*) = 1)`,
      // A subquery does not know keys that are expressions.
      () => {
        const columns = plainKeys.filter((k) => /^\w+\.\w+$/.test(k.sql));
        return `(${this.#expressions.predicate([...columns, ...outer], 2)} OR count(*) = 2)`;
      },
      () => `count(DISTINCT ${this.#expressions.of('text', scope, 0)}) < count(*)`,
      // The inner query reads an aggregate of this one.
      () =>
        `(SELECT count(*) FROM (VALUES (1), (2)) AS h(x) WHERE h.x <= count(${random.pick(scope).sql})) > 1`,
    ])();
  }
}
