/**
 * Random queries over given tables: joins, subqueries, grouping, windows, set operations, DISTINCT, ORDER BY and LIMIT.
 * Every query has one right answer as a multiset of rows: where rows are cut off, the order is total up to equal rows.
 */
import { must } from '../../common/assert.ts';
import { comparable, Expressions, type ScopeColumn, type Subqueries } from './expressions.ts';
import type { UserFunction } from './functions.ts';
import { Grouping } from './grouping.ts';
import type { Random } from './random.ts';
import type { SqlType, Table } from './schema.ts';
import { shapedQuery } from './shapes.ts';
import { functionItem, valuesItem, valuesList } from './sources.ts';
import { windowCall } from './windows.ts';

export interface Output {
  readonly name: string;
  readonly type: SqlType;
  readonly wide: boolean;
}

export interface Query {
  readonly sql: string;
  readonly columns: readonly Output[];
  /** True when ORDER BY says the order of all rows, up to equal ones. */
  readonly ordered?: boolean;
}

export interface FromClause {
  readonly sql: string;
  readonly scope: readonly ScopeColumn[];
  /** Columns that together name one row; null where there are none. */
  readonly unique: readonly string[] | null;
  /** True when it reads items to its left. */
  readonly lateral?: boolean;
}

const MAX_DEPTH = 2;

/** Types without min and max. */
const withoutExtremes: readonly SqlType[] = ['bool', 'uuid', 'bytea', 'jsonb', 'ints', 'texts'];

export class Queries implements Subqueries {
  readonly #random: Random;
  readonly #tables: readonly Table[];
  readonly #expressions: Expressions;
  readonly #grouping: Grouping;
  readonly #functions: readonly UserFunction[];
  #depth = 0;
  #alias = 0;

  constructor(
    random: Random,
    tables: readonly Table[],
    risky = false,
    functions: readonly UserFunction[] = [],
  ) {
    this.#random = random;
    this.#tables = tables;
    this.#functions = functions;
    this.#expressions = new Expressions(random, this, risky, functions);
    this.#grouping = new Grouping(random, this.#expressions);
  }

  /** A whole query with columns c0, c1, ... */
  query(): Query {
    this.#depth = 0;
    this.#alias = 0;
    return this.#query(null, []);
  }

  #name(prefix: string): string {
    return `${prefix}${this.#alias++}`;
  }

  #query(types: readonly SqlType[] | null, outer: readonly ScopeColumn[]): Query {
    const random = this.#random;
    this.#depth++;
    try {
      const kind = random.next();
      if (this.#depth <= MAX_DEPTH && kind < 0.14) return this.#setOperation(types, outer);
      if (this.#depth <= MAX_DEPTH && kind < 0.22 && outer.length === 0) return this.#with(types);
      if (this.#depth <= MAX_DEPTH && kind < 0.45 && outer.length === 0 && types === null)
        return this.#shaped();
      if (kind > 0.98) return this.#values(types);
      return this.#select(types, outer);
    } finally {
      this.#depth--;
    }
  }

  #shaped(): Query {
    const query = shapedQuery({
      random: this.#random,
      expressions: this.#expressions,
      name: (prefix) => this.#name(prefix),
      base: () => this.#baseItem(),
      table: () => this.#baseItem(this.#tables.filter((t) => t.hasId)),
      from: () => this.#from(),
    });
    return this.#random.chance(0.2)
      ? this.#cut(`SELECT * FROM (${query.sql}) AS ${this.#name('q')}`, query.columns)
      : query;
  }

  #values(types: readonly SqlType[] | null): Query {
    const wanted = types ?? [this.#random.pick(comparable), this.#random.pick(comparable)];
    const names = wanted.map((_, i) => `c${i}`);
    const sql = `SELECT * FROM (${valuesList(wanted, this.#random)}) AS ${this.#name('v')}(${names.join(', ')})`;
    return { sql, columns: wanted.map((type, i) => ({ name: `c${i}`, type, wide: false })) };
  }

  #with(types: readonly SqlType[] | null): Query {
    const random = this.#random;
    const inner = this.#query(null, []);
    const name = this.#name('w');
    const from = `${name}`;
    const alias = this.#name('q');
    const scope = inner.columns.map((c) => ({ sql: `${alias}.${c.name}`, type: c.type, wide: c.wide }));
    let clause: FromClause = { sql: `${from} AS ${alias}`, scope, unique: null };
    if (random.chance(0.5)) clause = this.#join(clause, this.#derived(name, inner));
    const outer = this.#selectOver(clause, types, []);
    const hint = random.pick(['', '', 'MATERIALIZED ', 'NOT MATERIALIZED ']);
    return { ...outer, sql: `WITH ${name} AS ${hint}(${inner.sql}) ${outer.sql}` };
  }

  #derived(name: string, query: Query): FromClause {
    const alias = this.#name('q');
    return {
      sql: `${name} AS ${alias}`,
      scope: query.columns.map((c) => ({ sql: `${alias}.${c.name}`, type: c.type, wide: c.wide })),
      unique: null,
    };
  }

  #setOperation(types: readonly SqlType[] | null, outer: readonly ScopeColumn[]): Query {
    const random = this.#random;
    const wanted = types ?? Array.from({ length: random.int(1, 3) }, () => random.pick(comparable));
    const left = this.#select(wanted, outer, false);
    const right = this.#select(wanted, outer, false);
    const op = random.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT', 'INTERSECT ALL', 'EXCEPT ALL']);
    let sql = `(${left.sql}) ${op} (${right.sql})`;
    if (random.chance(0.2)) {
      const third = this.#select(wanted, outer, false);
      sql = `${sql} ${random.pick(['UNION ALL', 'UNION', 'EXCEPT', 'INTERSECT'])} (${third.sql})`;
    }
    const columns = left.columns.map((c, i) => ({ ...c, wide: c.wide || must(right.columns[i]).wide }));
    return this.#cut(sql, columns);
  }

  // FROM

  #baseItem(tables = this.#tables): FromClause {
    const table = this.#random.pick(tables);
    const alias = this.#name('t');
    return {
      sql: `${table.name} AS ${alias}`,
      scope: table.columns.map((c) => ({ sql: `${alias}.${c.name}`, type: c.type, wide: c.wide })),
      unique: table.hasId ? [`${alias}.id`] : null,
    };
  }

  #fromItem(lateral: readonly ScopeColumn[]): FromClause {
    const random = this.#random;
    const kind = random.next();
    if (this.#depth < MAX_DEPTH && kind < 0.15) {
      const isLateral = lateral.length > 0 && random.chance(0.5);
      const query = this.#query(null, isLateral ? lateral : []);
      return this.#derived(`${isLateral ? 'LATERAL ' : ''}(${query.sql})`, query);
    }
    if (kind < 0.19) return valuesItem(this.#name('v'), random);
    if (kind < 0.26) {
      const reads = lateral.length > 0 && random.chance(0.7) ? lateral : [];
      return functionItem(this.#name('f'), reads, random, this.#expressions, this.#functions);
    }
    if (kind < 0.3) {
      const alias = this.#name('g');
      const bound = lateral.filter((c) => c.type === 'int4' && !c.wide);
      const end = bound.length > 0 && random.chance(0.5) ? random.pick(bound).sql : String(random.int(0, 4));
      return {
        sql: `generate_series(1, ${end}) AS ${alias}(n)`,
        scope: [{ sql: `${alias}.n`, type: 'int4', wide: false }],
        unique: [`${alias}.n`],
      };
    }
    return this.#baseItem();
  }

  #join(left: FromClause, right: FromClause): FromClause {
    const random = this.#random;
    const both = [...left.scope, ...right.scope];
    const unique = left.unique === null || right.unique === null ? null : [...left.unique, ...right.unique];
    const correlated =
      right.lateral === true || right.sql.startsWith('LATERAL') || right.sql.startsWith('generate_series');
    const kinds = correlated
      ? ['JOIN', 'LEFT JOIN', 'CROSS JOIN']
      : ['JOIN', 'JOIN', 'LEFT JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN', 'CROSS JOIN', ','];
    const kind = random.pick(kinds);
    if (kind === 'CROSS JOIN' || kind === ',')
      return { sql: `${left.sql}${kind === ',' ? '' : ' '}${kind} ${right.sql}`, scope: both, unique };
    const common = this.#commonColumns(left, right);
    // Both sides' columns keep their qualified names.
    if (common !== null && common.length > 0 && random.chance(0.25)) {
      if (random.chance(0.3)) return { sql: `${left.sql} NATURAL ${kind} ${right.sql}`, scope: both, unique };
      const using = random.some(common, 2).join(', ');
      return { sql: `${left.sql} ${kind} ${right.sql} USING (${using})`, scope: both, unique };
    }
    return {
      sql: `${left.sql} ${kind} ${right.sql} ON ${this.#joinCondition(left, right, kind === 'FULL JOIN')}`,
      scope: both,
      unique,
    };
  }

  /** The names that both sides have; null unless each has them exactly once and with one type. */
  #commonColumns(left: FromClause, right: FromClause): readonly string[] | null {
    const named = (scope: readonly ScopeColumn[]): Map<string, ScopeColumn | null> => {
      const names = new Map<string, ScopeColumn | null>();
      for (const c of scope) {
        const name = c.sql.slice(c.sql.indexOf('.') + 1);
        names.set(name, names.has(name) ? null : c);
      }
      return names;
    };
    const r = named(right.scope);
    const common: string[] = [];
    for (const [name, c] of named(left.scope)) {
      const other = r.get(name);
      if (other === undefined) continue;
      if (c === null || other === null || other.type !== c.type) return null;
      common.push(name);
    }
    return common;
  }

  #joinCondition(left: FromClause, right: FromClause, equalityOnly: boolean): string {
    const random = this.#random;
    const pairs = left.scope.flatMap((l) =>
      right.scope.filter((r) => r.type === l.type).map((r) => [l.sql, r.sql] as const),
    );
    const both = [...left.scope, ...right.scope];
    if (pairs.length === 0) return equalityOnly ? 'true' : this.#expressions.predicate(both, 1);
    const equal = (): string => random.pick(pairs).join(' = ');
    // PostgreSQL joins FULL by hashing or merging only.
    if (equalityOnly)
      return random.pick([
        equal,
        () => `${equal()} AND ${equal()}`,
        () => `${equal()} AND ${this.#expressions.predicate(both, 1)}`,
      ])();
    return random.pick([
      equal,
      equal,
      () => `${equal()} AND ${this.#expressions.predicate(both, 1)}`,
      () => `${equal()} AND ${equal()}`,
      () => random.pick(pairs).join(' IS NOT DISTINCT FROM '),
      () => random.pick(pairs).join(random.pick([' < ', ' >= ', ' <> '])),
      () => this.#expressions.predicate(both, 1),
      () => `${random.pick(pairs).join(' IS NOT DISTINCT FROM ')} AND ${equal()}`,
    ])();
  }

  #from(): FromClause {
    const random = this.#random;
    let clause: FromClause = this.#fromItem([]);
    const joins = this.#depth > 1 ? random.int(0, 1) : random.pick([0, 0, 1, 1, 2]);
    if (joins === 2 && random.chance(0.25)) {
      // The right side is a join itself.
      const right = this.#join(this.#baseItem(), this.#baseItem());
      if (!right.sql.includes(',')) return this.#join(clause, { ...right, sql: `(${right.sql})` });
    }
    for (let i = 0; i < joins; i++) {
      const before = clause.sql;
      clause = this.#join(clause, this.#fromItem(clause.scope));
      // ON of a later join could not name what stands before a comma.
      if (clause.sql.startsWith(`${before},`)) break;
    }
    return clause;
  }

  // SELECT

  #select(types: readonly SqlType[] | null, outer: readonly ScopeColumn[], mayCut = true): Query {
    return this.#selectOver(this.#from(), types, outer, mayCut);
  }

  #selectOver(
    from: FromClause,
    types: readonly SqlType[] | null,
    outer: readonly ScopeColumn[],
    mayCut = true,
  ): Query {
    const random = this.#random;
    const scope = [...from.scope, ...outer];
    const where = random.chance(0.35) ? ` WHERE ${this.#expressions.predicate(scope)}` : '';
    const wanted = types ?? Array.from({ length: random.int(1, 4) }, () => random.pick(comparable));
    if (random.chance(0.3)) {
      const grouped = this.#grouping.select(from, wanted, outer);
      const list = grouped.items.map((item, i) => `${item.sql} AS c${i}`).join(', ');
      const columns = grouped.items.map((item, i) => ({ name: `c${i}`, type: item.type, wide: item.wide }));
      const sql = `SELECT ${list} FROM ${from.sql}${where}${grouped.clauses}`;
      return mayCut ? this.#cut(sql, columns) : { sql, columns };
    }
    const items = wanted.map((type) => this.#item(type, from, scope));
    const list = items.map((item, i) => `${item.sql} AS c${i}`).join(', ');
    const columns = items.map((item, i) => ({ name: `c${i}`, type: item.type, wide: item.wide }));
    const body = `${list} FROM ${from.sql}${where}`;
    if (mayCut && random.chance(0.08)) return this.#distinctOn(body, columns);
    if (mayCut && from.unique !== null && random.chance(0.1)) {
      // Ordered by what is not selected.
      const by = random.chance(0.6)
        ? random.pick(from.scope).sql
        : this.#expressions.of(random.pick<SqlType>(['int4', 'text', 'numeric', 'date']), scope, 2);
      // A constant in ORDER BY would be the place of a column.
      const key = `(${by}) ${this.#direction()}`;
      const order = [key, ...from.unique.map((u) => `${u}${this.#direction()}`)].join(', ');
      const cut = random.pick([
        `LIMIT ${random.int(1, 5)}`,
        `OFFSET ${random.int(1, 4)}`,
        `LIMIT 3 OFFSET 1`,
        `OFFSET 1 FETCH NEXT 2 ROWS WITH TIES`,
      ]);
      return { sql: `SELECT ${body} ORDER BY ${order} ${cut}`, columns, ordered: true };
    }
    const distinct = random.chance(0.15) ? 'DISTINCT ' : '';
    const sql = `SELECT ${distinct}${body}`;
    return mayCut ? this.#cut(sql, columns) : { sql, columns };
  }

  #item(type: SqlType, from: FromClause, scope: readonly ScopeColumn[]): ScopeColumn {
    const random = this.#random;
    if (random.chance(0.12)) {
      const call = windowCall(type, from, random, this.#expressions);
      if (call !== null) return call;
    }
    const alias = /^t\d+(?=\.)/.exec(random.chance(0.1) && scope.length > 0 ? random.pick(scope).sql : '');
    if (alias !== null && type === 'text') return { sql: `CAST(${alias[0]} AS text)`, type, wide: true };
    if (alias !== null && type === 'jsonb') return { sql: `to_jsonb(${alias[0]})`, type, wide: true };
    const same = scope.filter((c) => c.type === type && c.wide);
    if (same.length > 0 && random.chance(0.4)) return random.pick(same);
    return { sql: this.#expressions.of(type, scope), type, wide: false };
  }

  #direction(): string {
    return this.#random.pick(['', ' DESC', ' ASC NULLS FIRST', ' DESC NULLS LAST']);
  }

  #distinctOn(body: string, columns: readonly Output[]): Query {
    const on = columns.slice(0, this.#random.int(1, columns.length)).map((c) => c.name);
    const order = columns.map((c) => `${c.name}${this.#direction()}`).join(', ');
    const inner = `SELECT ${body}`;
    const alias = this.#name('q');
    return {
      sql: `SELECT DISTINCT ON (${on.join(', ')}) * FROM (${inner}) AS ${alias} ORDER BY ${order}`,
      columns,
      ordered: true,
    };
  }

  /** Perhaps in an order, perhaps cut off in it. */
  #cut(sql: string, columns: readonly Output[]): Query {
    const clauses = this.#orderAndLimit(columns);
    return { sql: sql + clauses, columns, ordered: clauses !== '' && !clauses.includes('WITH TIES') };
  }

  #orderAndLimit(columns: readonly Output[]): string {
    const random = this.#random;
    const kind = random.next();
    if (kind < 0.7) return '';
    const all = columns.map((c) => `${c.name}${this.#direction()}`);
    if (kind < 0.75) return ` ORDER BY ${all.join(', ')}`;
    if (kind < 0.8) return ` ORDER BY ${must(all[0])} FETCH FIRST ${random.int(1, 4)} ROWS WITH TIES`;
    const offset = random.chance(0.3) ? ` OFFSET ${random.int(0, 3)}` : '';
    const limit = random.chance(0.9) ? ` LIMIT ${random.int(0, 5)}` : '';
    return ` ORDER BY ${all.join(', ')}${limit}${offset}`;
  }

  // Subqueries

  predicate(scope: readonly ScopeColumn[]): string | null {
    if (this.#depth > MAX_DEPTH) return null;
    const random = this.#random;
    const correlated = random.chance(0.6) ? scope : [];
    const type = random.pick(comparable);
    const value = (): string => this.#expressions.of(type, scope, 1);
    const query = (): string => this.#query([type], correlated).sql;
    return random.pick([
      () => `EXISTS (${query()})`,
      () => `NOT EXISTS (${query()})`,
      () => `(${value()} IN (${query()}))`,
      () => `(${value()} NOT IN (${query()}))`,
      () => `(${value()} ${random.pick(['<', '=', '>=', '<>'])} ANY (${query()}))`,
      () => `(${value()} ${random.pick(['<', '=', '>=', '<>'])} ALL (${query()}))`,
      () => {
        const other = random.pick(comparable);
        const pair = `(${value()}, ${this.#expressions.of(other, scope, 1)})`;
        return `(${pair} ${random.pick(['IN', 'NOT IN'])} (${this.#query([type, other], correlated).sql}))`;
      },
    ])();
  }

  scalar(type: SqlType, scope: readonly ScopeColumn[]): string | null {
    if (this.#depth > MAX_DEPTH) return null;
    const random = this.#random;
    this.#depth++;
    try {
      const from = this.#from();
      const inner = [...from.scope, ...(random.chance(0.6) ? scope : [])];
      const where = random.chance(0.7) ? ` WHERE ${this.#expressions.predicate(inner, 1)}` : '';
      if (random.chance(0.3) && type === 'int8') return `(SELECT count(*) FROM ${from.sql}${where})`;
      if (type === 'ints' && random.chance(0.5)) {
        const value = this.#expressions.of('int4', inner, 1);
        return `ARRAY(SELECT ${value} AS c0 FROM ${from.sql}${where} ORDER BY c0${this.#direction()})`;
      }
      if (withoutExtremes.includes(type) || random.chance(0.3)) {
        const value = this.#expressions.of(type, inner, 1);
        return `(SELECT ${value} AS c0 FROM ${from.sql}${where} ORDER BY c0${this.#direction()} LIMIT 1)`;
      }
      // Of the inner columns alone: an aggregate over outer columns would belong to the outer query.
      const value = this.#expressions.of(type, from.scope.length === 0 ? inner : from.scope, 0);
      if (!from.scope.some((c) => value.includes(c.sql)))
        return `(SELECT max(q.v) FROM (SELECT ${value} AS v FROM ${from.sql}${where}) AS q)`;
      return `(SELECT ${random.pick(['max', 'min'])}(${value}) FROM ${from.sql}${where})`;
    } finally {
      this.#depth--;
    }
  }
}
