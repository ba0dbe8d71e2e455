/** Random scalar expressions of a wanted type over the columns in scope. None of them can fail at run time. */
import type { UserFunction } from './functions.ts';
import { furtherOperations } from './operations.ts';
import type { Random } from './random.ts';
import { type SqlType, sqlName, typedLiteral } from './schema.ts';

export interface ScopeColumn {
  readonly sql: string;
  readonly type: SqlType;
  /** May hold extremes: only compared, grouped and ordered. */
  readonly wide: boolean;
}

/** Makes a subquery predicate or a scalar subquery; null where the depth is used up. */
export interface Subqueries {
  predicate(scope: readonly ScopeColumn[]): string | null;
  scalar(type: SqlType, scope: readonly ScopeColumn[]): string | null;
}

export const comparable: readonly SqlType[] = [
  'int4',
  'int8',
  'int2',
  'numeric',
  'float8',
  'text',
  'bool',
  'date',
  'timestamp',
  'timestamptz',
  'interval',
  'varchar',
  'time',
  'uuid',
  'bytea',
  'jsonb',
  'ints',
  'texts',
];

/** Types whose extremes no function here fails on, or computes inexactly. */
const tame: ReadonlySet<SqlType> = new Set(['text', 'varchar', 'texts', 'uuid', 'bool', 'bytea', 'jsonb']);

const comparisons = ['=', '<>', '<', '<=', '>', '>=', '=', '!='];

export class Expressions {
  readonly #random: Random;
  readonly #subqueries: Subqueries | null;
  readonly #risky: boolean;
  readonly #functions: readonly UserFunction[];

  /** `risky` expressions may fail on some rows. `functions`: those of users that may be called. */
  constructor(
    random: Random,
    subqueries: Subqueries | null,
    risky = false,
    functions: readonly UserFunction[] = [],
  ) {
    this.#functions = functions;
    this.#random = random;
    this.#subqueries = subqueries;
    this.#risky = risky;
  }

  /** An expression of `type`. */
  of(type: SqlType, scope: readonly ScopeColumn[], depth = 2): string {
    const random = this.#random;
    const columns = scope.filter((c) => c.type === type && (!c.wide || tame.has(type)));
    if (columns.length > 0 && random.chance(depth === 0 ? 0.8 : 0.5)) return random.pick(columns).sql;
    if (depth === 0)
      return random.chance(0.08) ? `CAST(NULL AS ${sqlName[type]})` : typedLiteral(type, random);
    if (random.chance(0.06)) {
      const subquery = this.#subqueries?.scalar(type, scope) ?? null;
      if (subquery !== null) return subquery;
    }
    if (random.chance(0.05)) {
      const fitting = this.#functions.filter((f) => f.result === type && f.rows === null);
      if (fitting.length > 0) {
        const called = random.pick(fitting);
        return `${called.name}(${called.parameters.map((t) => this.of(t, scope, depth - 1)).join(', ')})`;
      }
    }
    if (random.chance(0.25)) return this.#conditional(type, scope, depth);
    if (this.#risky && random.chance(0.2)) {
      const sub = (t: SqlType): string => this.of(t, scope, depth - 1);
      if (type === 'int4')
        return random.pick([
          () => `(${sub('int4')} / ${sub('int4')})`,
          () => `CAST(${sub('text')} AS int)`,
        ])();
      if (type === 'numeric') return `(${sub('numeric')} / ${sub('int4')})`;
      if (type === 'date') return `CAST(${sub('text')} AS date)`;
    }
    return this.#operation(type, scope, depth);
  }

  #conditional(type: SqlType, scope: readonly ScopeColumn[], depth: number): string {
    const random = this.#random;
    const sub = (): string => this.of(type, scope, depth - 1);
    switch (random.int(0, 5)) {
      case 0:
        return `CASE WHEN ${this.predicate(scope, depth - 1)} THEN ${sub()} ELSE ${sub()} END`;
      case 1:
        return `CASE WHEN ${this.predicate(scope, depth - 1)} THEN ${sub()} WHEN ${this.predicate(scope, depth - 1)} THEN ${sub()} END`;
      case 2:
        return `COALESCE(${sub()}, ${sub()})`;
      case 3:
        return `NULLIF(${sub()}, ${sub()})`;
      case 4:
        return `${random.pick(['GREATEST', 'LEAST'])}(${sub()}, ${sub()}, ${sub()})`;
      default: {
        const on = random.pick(comparable);
        return `CASE ${this.of(on, scope, depth - 1)} WHEN ${this.of(on, scope, 0)} THEN ${sub()} ELSE ${sub()} END`;
      }
    }
  }

  #operation(type: SqlType, scope: readonly ScopeColumn[], depth: number): string {
    const random = this.#random;
    const sub = (t: SqlType): string => this.of(t, scope, depth - 1);
    if (type === 'texts' || random.chance(0.3)) return random.pick(furtherOperations(type, sub, random))();
    switch (type) {
      case 'int4':
        return random.pick([
          () => `(${sub('int4')} + ${sub('int4')})`,
          () => `(${sub('int4')} - ${sub('int2')})`,
          () => `(${sub('int4')} * ${random.int(-2, 3)})`,
          () => `(${sub('int4')} / NULLIF(${sub('int4')}, 0))`,
          () => `(${sub('int4')} % NULLIF(${sub('int4')}, 0))`,
          () => `-(${sub('int4')})`,
          () => `abs(${sub('int4')})`,
          () => `length(${sub('text')})`,
          () => `position(${sub('text')} IN ${sub('text')})`,
          () => `CAST(${sub('bool')} AS int)`,
          () => `(${sub('date')} - ${sub('date')})`,
          () => `CAST(${sub('numeric')} AS int)`,
          () => `CAST(${sub('float8')} AS int)`,
          () => `(${sub('int4')} & ${sub('int4')})`,
          () => `CAST(extract(day FROM ${sub('date')}) AS int)`,
          () => `sign(${sub('int4')})::int`,
          () => `(${sub('ints')})[${random.int(0, 2)}]`,
          () => `array_length(${sub('ints')}, 1)`,
          () => `CAST(extract(hour FROM ${sub('time')}) AS int)`,
          () => `octet_length(${sub('bytea')})`,
          () => `ascii(${sub('varchar')})`,
          () => `cardinality(${sub('ints')})`,
          () => `array_position(${sub('ints')}, ${sub('int4')})`,
          () => `strpos(${sub('text')}, ${sub('text')})`,
          () => `regexp_count(${sub('text')}, 'a|b')`,
          () => `num_nulls(${sub('text')}, ${sub('date')}, ${sub('int4')})`,
          () => `CAST(width_bucket(${sub('numeric')}, 0, 10, 4) AS int)`,
          () => `CAST(date_part('dow', ${sub('timestamp')}) AS int)`,
          () => `(${sub('int4')} # ${sub('int4')})`,
          () => `(${sub('int4')} >> 1)`,
        ])();
      case 'int8':
        return random.pick([
          () => `(${sub('int8')} + ${sub('int4')})`,
          () => `(${sub('int8')} - ${sub('int8')})`,
          () => `CAST(${sub('int4')} AS bigint)`,
          () => `(${sub('int2')} * ${sub('int8')} % 1000)`,
          () => `mod(${sub('int8')}, 7)`,
          () => `(${sub('int8')} | ${random.int(0, 7)})`,
        ])();
      case 'int2':
        return random.pick([
          () => `CAST(${sub('bool')} AS int)::smallint`,
          () => `CAST((${sub('int4')}) % 100 AS smallint)`,
          () => `abs(${sub('int2')})`,
        ])();
      case 'numeric':
        return random.pick([
          () => `(${sub('numeric')} + ${sub('numeric')})`,
          () => `(${sub('numeric')} - ${sub('int4')})`,
          () => `(${sub('numeric')} * ${sub('numeric')})`,
          () => `(${sub('numeric')} / 4)`,
          () => `round(${sub('numeric')}, ${random.int(-1, 1)})`,
          () => `floor(${sub('numeric')})`,
          () => `ceil(${sub('numeric')})`,
          () => `CAST(${sub('int4')} AS numeric)`,
          () => `CAST(${sub('int8')} AS numeric(20,2))`,
          () => `extract(hour FROM ${sub('timestamp')})`,
          () => `extract(epoch FROM ${sub('interval')})`,
          () => `trunc(${sub('numeric')}, 1)`,
          () => `mod(${sub('numeric')}, 3)`,
          () => `div(${sub('numeric')}, 2)`,
          () => `CAST(${sub('jsonb')} #>> '{a}' IS NULL AS int)::numeric`,
        ])();
      case 'float8':
        return random
          .pick([
            () => `(${sub('float8')} + ${sub('float8')})`,
            () => `(${sub('float8')} * 2)`,
            () => `(${sub('int4')} - ${sub('float8')})`,
            () => `abs(${sub('float8')})`,
            () => `CAST(${sub('int4')} AS double precision)`,
            () => `floor(${sub('float8')})`,
            () => `round(${sub('float8')})`,
          ])()
          .replace(/^(floor|round|abs)\((.*)\)$/s, '($1($2) + 0)');
      case 'text':
        return random.pick([
          () => `(${sub('text')} || ${sub('text')})`,
          () => `upper(${sub('text')})`,
          () => `lower(${sub('text')})`,
          () => `substring(${sub('text')} FROM ${random.int(0, 2)} FOR ${random.int(0, 3)})`,
          () => `left(${sub('text')}, ${random.int(-1, 3)})`,
          () => `replace(${sub('text')}, 'a', ${sub('text')})`,
          () => `trim(${sub('text')})`,
          () => `lpad(${sub('text')}, ${random.int(0, 5)}, 'xy')`,
          () => `reverse(${sub('text')})`,
          () => `CAST(${sub('int4')} AS text)`,
          () => `CAST(${sub('date')} AS text)`,
          () => `CAST(${sub('bool')} AS text)`,
          () => `(${sub('text')} || ${sub('int4')})`,
          () => `concat(${sub('text')}, ${sub('int4')}, ${sub('bool')})`,
          () => `to_char(${sub('timestamp')}, 'YYYY-MM-DD HH24')`,
          () => `CAST(${sub('text')} AS varchar(2))::text`,
          () => `split_part(${sub('text')}, 'b', 1)`,
          () => `(${sub('jsonb')} ->> 'a')`,
          () => `jsonb_typeof(${sub('jsonb')})`,
          () => `array_to_string(${sub('ints')}, ',', '*')`,
          () => `CAST(${sub(random.pick<SqlType>(['uuid', 'time', 'varchar', 'bytea']))} AS text)`,
          () => `(${sub('varchar')} || ${sub('text')})`,
          () => `to_char(${sub('int4')}, 'FM990')`,
          () => `regexp_replace(${sub('text')}, '[ab]+', 'z', 'g')`,
          () => `initcap(${sub('varchar')})`,
          () => `(${sub('jsonb')} #>> '{0}')`,
          () => `(regexp_match(${sub('text')}, '([ab])(.?)'))[${random.int(1, 2)}]`,
          () => `substring(${sub('text')} FROM '[a-b]+')`,
          () => `translate(${sub('text')}, 'ab', 'x')`,
          () => `overlay(${sub('text')} PLACING 'q' FROM 1 FOR ${random.int(0, 2)})`,
          () => `concat_ws('-', ${sub('text')}, ${sub('int4')}, ${sub('varchar')})`,
          () => `format('%s/%L/%I', ${sub('text')}, ${sub('text')}, COALESCE(${sub('text')}, 'x'))`,
          () => `quote_nullable(${sub('text')})`,
          () => `md5(${sub('text')})`,
          () => `CAST(${sub('jsonb')} AS text)`,
          () => `CAST(${sub('interval')} AS text)`,
          () => `CAST(${sub('timestamptz')} AS text)`,
          () => `CAST(ROW(${sub('int4')}, ${sub('text')}) AS text)`,
          () => `array_to_string(string_to_array(${sub('text')}, 'b'), '|', '?')`,
          () => `rtrim(${sub('text')}, 'b')`,
          () => `to_char(${sub('numeric')}, 'S990.0')`,
        ])();
      case 'bool':
        return this.predicate(scope, depth - 1);
      case 'date':
        return random.pick([
          () => `(${sub('date')} + ${random.int(-3, 3)})`,
          () => `CAST(${sub('timestamp')} AS date)`,
          () => `(${sub('date')} - CAST(${sub('int2')} AS int))`,
        ])();
      case 'timestamp':
        return random.pick([
          () => `(${sub('timestamp')} + interval '1 hour')`,
          () => `(${sub('date')} + interval '1 month')`,
          () => `date_trunc('${random.pick(['hour', 'day', 'month', 'week'])}', ${sub('timestamp')})`,
          () => `CAST(${sub('date')} AS timestamp)`,
          () => `(${sub('timestamp')} - ${sub('interval')})`,
          () => `(${sub('timestamptz')} AT TIME ZONE 'Europe/Paris')`,
          () => `date_bin(interval '5 hours', ${sub('timestamp')}, timestamp '2024-01-01')`,
        ])();
      case 'timestamptz':
        return random.pick([
          () => `(${sub('timestamptz')} - interval '30 minutes')`,
          () => `CAST(${sub('timestamp')} AS timestamptz)`,
          () => `(${sub('timestamp')} AT TIME ZONE 'UTC')`,
        ])();
      case 'interval':
        return random.pick([
          () => `(${sub('interval')} + interval '1 day')`,
          () => `(${sub('interval')} * 2)`,
          () => `-(${sub('interval')})`,
          () => `(${sub('timestamp')} - ${sub('timestamp')})`,
          () => `age(${sub('timestamp')}, ${sub('timestamp')})`,
          () => `justify_hours(${sub('interval')})`,
        ])();
      case 'varchar':
        return random.pick([
          () => `CAST(${sub('text')} AS varchar(3))`,
          () => `CAST(${sub('int4')} AS varchar)`,
        ])();
      case 'time':
        return random.pick([
          () => `(${sub('time')} + interval '90 minutes')`,
          () => `CAST(${sub('timestamp')} AS time)`,
        ])();
      case 'uuid':
        return `COALESCE(${sub('uuid')}, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')`;
      case 'bytea':
        return random.pick([
          () => `(${sub('bytea')} || ${sub('bytea')})`,
          () => `convert_to(${sub('text')}, 'UTF8')`,
        ])();
      case 'jsonb':
        return random.pick([
          () => `(${sub('jsonb')} -> 'a')`,
          () => `(${sub('jsonb')} -> 0)`,
          () => `to_jsonb(${sub(random.pick<SqlType>(['int4', 'bool', 'ints']))})`,
          () => `jsonb_build_object('a', ${sub('int4')}, 'b', ${sub('text')})`,
          () => `jsonb_build_array(${sub('int4')}, ${sub('jsonb')})`,
          () => `(${sub('jsonb')} #> '{a}')`,
          () =>
            `jsonb_path_query_first(${sub('jsonb')}, '${random.pick(['$.a', '$[*]', '$.a ? (@ > 0)', '$.size()', '$.type()'])}')`,
          () => `jsonb_path_query_array(${sub('jsonb')}, '${random.pick(['$.*', '$[*]', '$.a.type()'])}')`,
          () => `jsonb_strip_nulls(jsonb_build_object('n', ${sub('int4')}))`,
          () => `to_jsonb(ROW(${sub('int4')}, ${sub('text')}))`,
          () => `(jsonb_build_array(${sub('int4')}) || ${sub('jsonb')})`,
          () => `jsonb_set(jsonb_build_object('a', 1), '{a}', ${sub('jsonb')})`,
          () => `jsonb_build_object('a', ${sub('bool')}, 'c', ${sub('date')}) - 'a'`,
        ])();
      case 'ints':
        return random.pick([
          () => `ARRAY[${sub('int4')}, ${sub('int4')}]`,
          () => `(${sub('ints')} || ${sub('int4')})`,
          () => `array_append(${sub('ints')}, ${sub('int4')})`,
          () => `array_remove(${sub('ints')}, ${sub('int4')})`,
          () => `(${sub('ints')})[1:1]`,
          () => `array_cat(${sub('ints')}, ${sub('ints')})`,
          () => `array_replace(${sub('ints')}, 1, ${sub('int4')})`,
          () => `array_prepend(${sub('int4')}, ${sub('ints')})`,
          () => `array_positions(${sub('ints')}, ${sub('int4')})`,
        ])();
    }
  }

  /** A condition. */
  predicate(scope: readonly ScopeColumn[], depth = 2): string {
    const random = this.#random;
    if (depth > 0 && random.chance(0.3)) {
      const sub = (): string => this.predicate(scope, depth - 1);
      return random.pick([
        () => `(${sub()} AND ${sub()})`,
        () => `(${sub()} OR ${sub()})`,
        () => `NOT (${sub()})`,
        () => `((${sub()}) IS ${random.pick(['TRUE', 'NOT TRUE', 'FALSE', 'UNKNOWN', 'NOT UNKNOWN'])})`,
      ])();
    }
    if (depth > 0 && random.chance(0.15)) {
      const subquery = this.#subqueries?.predicate(scope) ?? null;
      if (subquery !== null) return subquery;
    }
    if (random.chance(0.15) && scope.length > 0) {
      // Columns with extremes are compared as they are.
      const column = random.pick(scope);
      const others = scope.filter((c) => c.type === column.type);
      return `(${column.sql} ${random.pick([...comparisons, 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM'])} ${random.pick(others).sql})`;
    }
    return this.#simple(scope, Math.max(0, depth - 1));
  }

  #simple(scope: readonly ScopeColumn[], depth: number): string {
    const random = this.#random;
    const type = random.pick(comparable);
    const sub = (t: SqlType = type): string => this.of(t, scope, depth);
    return random.pick([
      () => `(${sub()} ${random.pick(comparisons)} ${sub()})`,
      () => `(${sub()} ${random.pick(comparisons)} ${sub()})`,
      () => `(${sub('int4')} ${random.pick(comparisons)} ${sub('int8')})`,
      () => `(${sub('int4')} ${random.pick(comparisons)} ${sub('numeric')})`,
      () => `(${sub('date')} ${random.pick(comparisons)} ${sub('timestamp')})`,
      () => `(${sub()} IS ${random.pick(['', 'NOT '])}NULL)`,
      () => `(${sub()} ${random.pick(['', 'NOT '])}BETWEEN ${sub()} AND ${sub()})`,
      () => `(${sub()} ${random.pick(['', 'NOT '])}IN (${sub()}, ${sub()}, ${sub()}))`,
      () => `(${sub()} IS ${random.pick(['', 'NOT '])}DISTINCT FROM ${sub()})`,
      () =>
        `(${sub('text')} ${random.pick(['LIKE', 'NOT LIKE', 'ILIKE'])} ${random.pick(["'a%'", "'%b'", "'_b%'", "'%'", "'a'"])})`,
      () => `(${sub('text')} ${random.pick(['~', '!~', '~*'])} ${random.pick(["'^a'", "'b+'", "'[a-c]$'"])})`,
      () =>
        `((${sub('int4')}, ${sub('text')}) ${random.pick(['=', '<>', '<', '>='])} (${sub('int4')}, ${sub('text')}))`,
      () => `(${sub('int4')} = ANY (ARRAY[${sub('int4')}, ${sub('int4')}]))`,
      () => `(${sub('int4')} > ALL (ARRAY[${sub('int4')}, 2, NULL]))`,
      () => `(${sub('int4')} = ANY (CAST(${sub('ints')} AS int[])))`,
      () => `(${sub('ints')} ${random.pick(['@>', '<@', '&&'])} ${sub('ints')})`,
      () => `(${sub('jsonb')} ${random.pick(['@>', '<@'])} ${sub('jsonb')})`,
      () => `(${sub('jsonb')} ? ${sub('text')})`,
      () => `(${sub('varchar')} ${random.pick(comparisons)} ${sub('text')})`,
      () => `(${sub('float8')} ${random.pick(comparisons)} ${sub('numeric')})`,
      () => `(${sub('timestamp')} ${random.pick(comparisons)} ${sub('timestamptz')})`,
      () => `((${sub('date')}, ${sub('date')}) OVERLAPS (${sub('date')}, ${sub('date')}))`,
      () => `(ROW(${sub('int4')}, ${sub('text')}) IS ${random.pick(['', 'NOT '])}NULL)`,
      () =>
        `(ROW(${sub('int4')}, ${sub('text')}) IS ${random.pick(['', 'NOT '])}DISTINCT FROM ROW(${sub('int4')}, ${sub('text')}))`,
      () => `((${sub('int4')}, ${sub('date')}) IN ((${sub('int4')}, ${sub('date')}), (1, NULL)))`,
      () => `(${sub('text')} ${random.pick(['', 'NOT '])}SIMILAR TO '(a|b)%')`,
      () => `(${sub('jsonb')} @? '${random.pick(['$.a', '$[*] ? (@ == "x")', '$.a ? (@ > 1)'])}')`,
      () => `(${sub('jsonb')} @@ '${random.pick(['$.a == 1', '$[0] > 1', 'exists($.b)'])}')`,
      () => `(${sub('jsonb')} ${random.pick(['?|', '?&'])} ARRAY['a', ${sub('text')}])`,
      () =>
        `(${sub('text')} ${random.pick(['LIKE', 'NOT LIKE'])} ${random.pick(['ANY', 'ALL'])} (ARRAY['a%', ${sub('text')}]))`,
      () => `starts_with(${sub('text')}, ${sub('text')})`,
      () => `(${sub()} ${random.pick(['', 'NOT '])}BETWEEN SYMMETRIC ${sub()} AND ${sub()})`,
      () =>
        `(${sub('int4')} ${random.pick(['<', '=', '<>'])} ${random.pick(['ANY', 'ALL'])} (CAST(${sub('ints')} AS int[])))`,
    ])();
  }
}
