/**
 * More random expressions by type of result: functions of every family over subexpressions. None of them can fail at run
 * time; what could is guarded by CASE. Floats stay multiples of powers of two, so that sums do not depend on their order.
 */
import type { Random } from './random.ts';
import { type SqlType, sqlName } from './schema.ts';

/** A subexpression of a type. */
type Sub = (type: SqlType) => string;

type Makers = readonly (() => string)[];

const jsonScalars: readonly SqlType[] = [
  'int4',
  'numeric',
  'text',
  'date',
  'timestamp',
  'bool',
  'texts',
  'uuid',
];

/** `document` where it is of a kind, else NULL. */
function ofKind(document: string, kind: string, use: (document: string) => string): string {
  return `CASE jsonb_typeof(${document}) WHEN '${kind}' THEN ${use(document)} END`;
}

function integers(sub: Sub, random: Random): Makers {
  return [
    () => {
      const divisor = sub('int4');
      return `CASE WHEN ${divisor} <> 0 THEN ${random.int(5, 40)} / ${divisor} END`;
    },
    () => {
      const digits = sub('text');
      return `CASE WHEN ${digits} ~ '^[0-9]{1,6}$' THEN CAST(${digits} AS int) ELSE ${sub('int4')} END`;
    },
    () => ofKind(sub('jsonb'), 'array', (d) => `jsonb_array_length(${d})`),
    () => {
      const member = `(${sub('jsonb')} -> 'a')`;
      return ofKind(member, 'number', (d) => `CAST(CAST(${d} AS numeric) AS int)`);
    },
    () =>
      `CAST(extract(${random.pick(['isodow', 'week', 'doy', 'quarter', 'isoyear'])} FROM ${sub('date')}) AS int)`,
    () => `gcd(${sub('int4')}, ${sub('int4')})`,
    () => `scale(${sub('numeric')})`,
    () => `bit_length(${sub('text')})`,
    () => `array_upper(${sub('ints')}, 1)`,
    () => `cardinality(${sub('texts')})`,
    () => `array_position(${sub('texts')}, ${sub('text')})`,
    () => `(ROW(${sub('int4')}, CAST(${sub('text')} AS text))).f1`,
    () => `regexp_instr(${sub('text')}, '[bx]')`,
    () => `array_length(string_to_array(${sub('text')}, 'b'), 1)`,
    () => `(~ ${sub('int4')})`,
    () => `(${sub('int4')} << 1)`,
    () => `num_nonnulls(${sub('jsonb')}, ${sub('texts')}, ${sub('interval')})`,
    () => `CAST(extract(minute FROM ${sub('interval')}) AS int)`,
    () => `length(${sub('bytea')})`,
    () => `CASE WHEN array_length(${sub('ints')}, 1) > 0 THEN ${sub('int4')} ELSE 1 END`,
  ];
}

function numerics(sub: Sub, random: Random): Makers {
  return [
    () => `(${sub('numeric')} / NULLIF(${sub('numeric')}, 0))`,
    () => `(${sub('numeric')} / NULLIF(${sub('int4')}, 0))`,
    () => `(${sub('numeric')} % NULLIF(${sub('numeric')}, 0))`,
    () => `CAST(${sub('numeric')} AS numeric(24,${random.int(0, 8)}))`,
    () => `round(sqrt(abs(${sub('numeric')})), 8)`,
    () => `power(${sub('numeric')}, 2)`,
    () => `trim_scale(${sub('numeric')})`,
    () => `round(${sub('numeric')})`,
    () => `sign(${sub('numeric')})`,
    () => `abs(${sub('numeric')})`,
    () => `-(${sub('numeric')})`,
    () => `extract(epoch FROM ${sub('timestamp')})`,
    () => `extract(second FROM ${sub('time')})`,
    () => `extract(day FROM ${sub('interval')})`,
    () => `CAST(${sub('float8')} AS numeric)`,
    () => ofKind(`(${sub('jsonb')} -> 0)`, 'number', (d) => `CAST(${d} AS numeric)`),
    () => `greatest(1.5, ${sub('numeric')})`,
    () => `round(ln(abs(${sub('numeric')}) + 1), 6)`,
  ];
}

function texts(sub: Sub, random: Random): Makers {
  return [
    () => `CAST(${sub('numeric')} AS text)`,
    () => `CAST(${sub('float8')} AS text)`,
    () => `CAST(${sub('timestamp')} AS text)`,
    () =>
      `to_char(${sub('date')}, '${random.pick(['Day DD Mon YYYY', 'IYYY-IW', 'FMMonth, FMDDth', 'Q DDD'])}')`,
    () => `to_char(${sub('timestamptz')}, 'HH12:MI:SS AM')`,
    () => `repeat(${sub('text')}, ${random.int(0, 2)})`,
    () => `encode(${sub('bytea')}, '${random.pick(['hex', 'base64', 'escape'])}')`,
    () => `to_hex(${sub('int4')})`,
    () => `(ROW(${sub('int4')}, CAST(${sub('text')} AS text))).f2`,
    () => `format('%5s|%-4s|%%', ${sub('text')}, ${sub('int4')})`,
    () => `regexp_replace(${sub('text')}, '(a)(b)?', '\\2<\\1>')`,
    () => `regexp_substr(${sub('text')}, '[ab]{2}')`,
    () => `split_part(${sub('text')}, 'a', ${random.pick([-1, 1, 2])})`,
    () => `substring(${sub('text')} FROM ${random.int(-1, 3)})`,
    () => `quote_literal(${sub('text')})`,
    () => `btrim(${sub('text')}, 'ax')`,
    () => `rpad(${sub('text')}, ${random.int(0, 4)}, ${random.pick(["'z'", "''", "'ü'"])})`,
    () => `(${sub('texts')})[${random.int(1, 2)}]`,
    () => `CAST(${sub(random.pick<SqlType>(['ints', 'texts']))} AS text)`,
    () => `array_to_string(${sub('texts')}, '/', 'none')`,
    () => `jsonb_pretty(${sub('jsonb')})`,
    () => `(${sub('jsonb')} #>> '{a,b,0}')`,
    () => `array_to_string(regexp_split_to_array(${sub('text')}, 'b*'), '.')`,
    () => `right(${sub('text')}, ${random.int(-1, 2)})`,
    () => `concat(${sub('numeric')}, ${sub('interval')}, ${sub('ints')})`,
    () => `CASE WHEN length(${sub('text')}) > 2 THEN upper(${sub('text')}) ELSE NULL END`,
  ];
}

function dates(type: SqlType, sub: Sub, random: Random): Makers {
  if (type === 'date')
    return [
      () => `make_date(2024, 1 + abs(${sub('int4')} % 12), 1 + abs(${sub('int4')} % 28))`,
      () => `CAST(date_trunc('${random.pick(['month', 'quarter', 'week'])}', ${sub('date')}) AS date)`,
      () => `CAST((${sub('date')} + interval '1 month -1 day') AS date)`,
      () => `greatest(${sub('date')}, date '2024-01-03')`,
    ];
  if (type === 'timestamp')
    return [
      () => `(${sub('date')} + ${sub('time')})`,
      () => `(${sub('timestamp')} + interval '1 mon -1 days +01:00')`,
      () => `date_trunc('${random.pick(['minute', 'quarter', 'year', 'decade'])}', ${sub('timestamp')})`,
      () => `(${sub('date')} - ${sub('interval')})`,
    ];
  if (type === 'timestamptz')
    return [
      () => `to_timestamp(1704067200 + ${sub('int4')} % 1000)`,
      () => `(${sub('timestamptz')} + ${sub('interval')})`,
      () => `date_trunc('day', ${sub('timestamptz')}, 'America/New_York')`,
      () => `(${sub('timestamp')} AT TIME ZONE 'Europe/Berlin')`,
    ];
  return [
    () => `make_interval(0, 0, 0, ${random.int(0, 3)}, ${sub('int2')})`,
    () => `(${sub('timestamptz')} - ${sub('timestamptz')})`,
    () => `(${sub('time')} - ${sub('time')})`,
    () => `(${sub('interval')} / 2)`,
    () => `justify_days(${sub('interval')})`,
    () => `justify_interval(${sub('interval')})`,
    () => `(${sub('interval')} - ${sub('interval')})`,
    () => `date_trunc('day', ${sub('interval')})`,
  ];
}

const paths = [
  '$.**',
  '$.a.b',
  '$[last]',
  '$[0 to 1]',
  '$[*] ? (@.type() == "number")',
  '$.* ? (@ starts with "x")',
  '$.a ? (@ like_regex "^[a-c]")',
  '$.a ? (exists(@.b))',
  '$.a + 1',
  'strict $.a',
  '$[*].a',
  '-$.a',
  '$.a.double()',
];

function documents(sub: Sub, random: Random): Makers {
  return [
    () => `jsonb_path_query_array(${sub('jsonb')}, '${random.pick(paths)}', '{}', true)`,
    () => `jsonb_path_query_first(${sub('jsonb')}, '${random.pick(paths)}', '{}', true)`,
    () =>
      `jsonb_path_query_array(${sub('jsonb')}, '$[*] ? (@ >= $x)', jsonb_build_object('x', ${sub('int4')}))`,
    () => {
      const type = random.pick(jsonScalars);
      return `to_jsonb(CAST(${sub(type)} AS ${sqlName[type]}))`;
    },
    () => ofKind(sub('jsonb'), 'object', (d) => `(${d} - 'a')`),
    () => ofKind(sub('jsonb'), 'array', (d) => `(${d} - 0)`),
    () => ofKind(sub('jsonb'), 'object', (d) => `(${d} || '{"z": 1}')`),
    () => ofKind(sub('jsonb'), 'object', (d) => `jsonb_set(${d}, '{a,b}', ${sub('jsonb')}, true)`),
    () => ofKind(sub('jsonb'), 'array', (d) => `jsonb_insert(${d}, '{0}', '"new"')`),
    () => ofKind(sub('jsonb'), 'object', (d) => `(${d} #- '{a,b}')`),
    () => `jsonb_strip_nulls(${sub('jsonb')})`,
    () => `CAST(row_to_json(ROW(${sub('int4')}, ${sub('numeric')}, ${sub('texts')})) AS jsonb)`,
    () => `CAST(array_to_json(${sub('ints')}) AS jsonb)`,
    () => `(${sub('jsonb')} -> -1)`,
    () => `CAST(format('{"k": %s}', coalesce(CAST(${sub('int4')} AS text) || '.50', 'null')) AS jsonb)`,
  ];
}

/** More makers of an expression of `type`. */
export function furtherOperations(type: SqlType, sub: Sub, random: Random): Makers {
  switch (type) {
    case 'int4':
      return integers(sub, random);
    case 'int8':
      return [
        () => `CAST(round(${sub('float8')}) AS bigint)`,
        () => `CAST(${sub('numeric')} AS bigint)`,
        () => `(${sub('int8')} / NULLIF(${sub('int8')}, 0))`,
        () => `CAST(extract(epoch FROM ${sub('timestamptz')}) AS bigint)`,
        () => `lcm(CAST(${sub('int4')} AS bigint), 6)`,
        () => `CAST(length(${sub('text')}) AS bigint)`,
      ];
    case 'int2':
      return [
        () => `CAST(length(${sub('text')}) % 30 AS smallint)`,
        () => `CASE WHEN ${sub('int2')} <> 0 THEN ${sub('int2')} END`,
        () => `(${sub('int2')} % 3::smallint)`,
      ];
    case 'numeric':
      return numerics(sub, random);
    case 'float8':
      return [
        () => `(${sub('float8')} / 4)`,
        () => `(trunc(${sub('float8')}) + 0)`,
        () => `(ceil(${sub('float8')}) + 0)`,
        () => `(sign(${sub('float8')}) + 0)`,
        () => `(${sub('float8')} * ${sub('int2')} + 0)`,
        () => `CAST(CAST(${sub('int4')} AS text) AS float8)`,
      ];
    case 'text':
      return texts(sub, random);
    case 'bool':
      return [
        () => `isfinite(${sub('date')})`,
        () => `jsonb_path_exists(${sub('jsonb')}, '${random.pick(paths)}', '{}', true)`,
        () => `(${sub('text')} LIKE '%' || ${sub('text')})`,
        () => `(${sub('texts')} @> ARRAY[${sub('text')}])`,
        () => `(${sub('text')} = ANY (CAST(${sub('texts')} AS text[])))`,
        () => `(${sub('jsonb')} @> jsonb_build_object('a', ${sub('int4')}))`,
        () => `CAST(${sub('int4')} AS boolean)`,
        () => `(ROW(${sub('int4')}, ${sub('numeric')}, ${sub('text')}) <= ROW(${sub('int4')}, 1.50, 'b'))`,
        () => `(${sub('text')} ~ '^(a|b)+\\d*$')`,
        () => `CAST(CASE WHEN ${sub('bool')} THEN 't' ELSE 'no' END AS boolean)`,
      ];
    case 'date':
    case 'timestamp':
    case 'timestamptz':
    case 'interval':
      return dates(type, sub, random);
    case 'varchar':
      return [
        () => `CAST(left(${sub('text')}, 2) AS varchar)`,
        () => `CAST(${sub('varchar')} AS varchar(1))`,
        () => `CAST(${sub('jsonb')} AS varchar(6))`,
      ];
    case 'time':
      return [
        () => `(${sub('time')} - ${sub('interval')})`,
        () => `make_time(abs(${sub('int4')} % 24), 30, 1.5)`,
        () => `CAST(${sub('timestamptz')} AS time)`,
      ];
    case 'uuid':
      return [() => `CAST(md5(${sub('text')}) AS uuid)`];
    case 'bytea':
      return [
        () => `substring(${sub('bytea')} FROM 1 FOR 1)`,
        () => `sha256(convert_to(${sub('text')}, 'UTF8'))`,
        () => `decode(to_hex(${sub('int4')} & 15) || '0', 'hex')`,
      ];
    case 'jsonb':
      return documents(sub, random);
    case 'ints':
      return [
        () => `ARRAY(SELECT DISTINCT x FROM unnest(${sub('ints')}) AS x ORDER BY x)`,
        () => `ARRAY(SELECT x + 1 FROM unnest(${sub('ints')}) WITH ORDINALITY AS u(x, o) ORDER BY o DESC)`,
        () => `(${sub('ints')})[2:]`,
        () => `array_fill(${sub('int4')}, ARRAY[${random.int(0, 2)}])`,
        () => `(ARRAY[${sub('int4')}, NULL] || ${sub('ints')})`,
        () => `CASE WHEN ${sub('bool')} THEN ${sub('ints')} ELSE '{}' END`,
      ];
    case 'texts':
      return [
        () => `ARRAY[${sub('text')}, ${sub('text')}]`,
        () => `string_to_array(${sub('text')}, ${random.pick(["'b'", 'NULL', "''", "'a', 'b'"])})`,
        () => `regexp_split_to_array(${sub('text')}, '[ab]')`,
        () => `regexp_match(${sub('text')}, '(a)|(b)')`,
        () => `array_append(${sub('texts')}, ${sub('text')})`,
        () => `(${sub('texts')} || ${sub('texts')})`,
        () => `array_remove(${sub('texts')}, ${sub('text')})`,
        () => `(${sub('texts')})[1:1]`,
        () => `CAST(${sub('ints')} AS text[])`,
        () => `ARRAY[${sub('varchar')}]::${sqlName.texts}`,
      ];
  }
}
