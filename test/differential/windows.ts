/**
 * Random window function calls whose result does not depend on the order of peers: functions that look at single rows are
 * ordered by a unique key. PostgreSQL 15 has no IGNORE NULLS.
 */
import type { Expressions, ScopeColumn } from './expressions.ts';
import type { FromClause } from './queries.ts';
import type { Random } from './random.ts';
import type { SqlType } from './schema.ts';

/** Types without min and max. */
const noExtremes: readonly SqlType[] = ['bool', 'interval', 'uuid', 'bytea', 'jsonb', 'ints', 'texts'];

/** RANGE offsets by the type of the ordering column. */
const rangeOffsets: Readonly<Partial<Record<SqlType, readonly string[]>>> = {
  int4: ['1', '2', '3'],
  int8: ['1', '5'],
  int2: ['1', '2'],
  numeric: ['0.5', '2.25'],
  float8: ['0.5', '3'],
  date: ["interval '1 day'", "interval '36 hours'"],
  timestamp: ["interval '6 hours'", "interval '2 days'"],
  timestamptz: ["interval '1 day'", "interval '1 month'", "interval '90 minutes'"],
  time: ["interval '1 hour'", "interval '5 hours 30 minutes'"],
  interval: ["interval '1 day'", "interval '12 hours'"],
};

export const exclusions = [
  '',
  '',
  '',
  ' EXCLUDE CURRENT ROW',
  ' EXCLUDE GROUP',
  ' EXCLUDE TIES',
  ' EXCLUDE NO OTHERS',
];

/** Start and end of a frame with offsets as `offset` writes them; the start is never after the end. */
export function bounds(random: Random, offset: () => string): string {
  const [two, one] = [offset(), offset()];
  return random.pick([
    'BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW',
    'BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING',
    'BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING',
    `BETWEEN ${one} PRECEDING AND ${two} FOLLOWING`,
    `BETWEEN ${two} PRECEDING AND ${one} PRECEDING`,
    `BETWEEN ${one} FOLLOWING AND ${two} FOLLOWING`,
    `BETWEEN UNBOUNDED PRECEDING AND ${one} PRECEDING`,
    `BETWEEN ${one} FOLLOWING AND UNBOUNDED FOLLOWING`,
    `BETWEEN CURRENT ROW AND ${one} FOLLOWING`,
    `${one} PRECEDING`,
    'CURRENT ROW',
  ]);
}

const countOffset = (random: Random) => (): string => String(random.int(0, 2));

/** A frame that does not tell peers apart; a row itself may be left out, or its other peers. */
function peerFrame(random: Random): string {
  if (random.chance(0.3)) return '';
  const exclude = random.pick(exclusions);
  if (random.chance(0.5)) return ` GROUPS ${bounds(random, countOffset(random))}${exclude}`;
  const range = random.pick([
    'BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW',
    'BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING',
    'BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING',
    'CURRENT ROW',
  ]);
  return ` RANGE ${range}${exclude}`;
}

export function anyFrame(random: Random): string {
  if (random.chance(0.2)) return '';
  if (random.chance(0.25)) return peerFrame(random);
  const mode = random.pick(['ROWS', 'ROWS', 'GROUPS']);
  return ` ${mode} ${bounds(random, countOffset(random))}${random.pick(exclusions)}`;
}

/** A call of a window function with a result of `type`; null where there is none over this FROM. */
export function windowCall(
  type: SqlType,
  from: FromClause,
  random: Random,
  expressions: Expressions,
): ScopeColumn | null {
  if (from.scope.length === 0) return null;
  const scope = from.scope;
  const by = random.some(scope, 2).map((c) => c.sql);
  const partition = random.chance(0.6) ? `PARTITION BY ${by.join(', ')} ` : '';
  const direction = (): string => random.pick(['', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST']);
  const some = `${random.pick(scope).sql}${direction()}`;
  const total = from.unique === null ? null : [some, ...from.unique].join(', ');
  const value = (t: SqlType): string => expressions.of(t, scope, 1);
  const filter = (): string =>
    random.chance(0.15) ? ` FILTER (WHERE ${expressions.predicate(scope, 0)})` : '';
  const made = (call: string, over: string): ScopeColumn => ({
    sql: `${call} OVER (${partition}${over})`,
    type,
    wide: type !== 'int8',
  });
  if (type === 'int8') {
    const sums = [`count(*)${filter()}`, `sum(${value('int4')})${filter()}`, `count(${value('text')})`];
    if (random.chance(0.25)) {
      const ranged = scope.filter((c) => rangeOffsets[c.type] !== undefined && !c.wide);
      if (ranged.length > 0) {
        const column = random.pick(ranged);
        const offset = (): string => random.pick(rangeOffsets[column.type] ?? ['0']);
        const frame = ` RANGE ${bounds(random, offset)}${random.pick(exclusions)}`;
        return made(random.pick(sums), `ORDER BY ${column.sql}${direction()}${frame}`);
      }
    }
    if (total === null || random.chance(0.4)) {
      const call = random.pick(['rank()', 'dense_rank()', ...sums]);
      if (call.includes('rank')) return made(call, `ORDER BY ${some}`);
      return made(call, random.chance(0.2) ? '' : `ORDER BY ${some}${peerFrame(random)}`);
    }
    return random.pick([
      () => made('row_number()', `ORDER BY ${total}`),
      () => made(random.pick(sums), `ORDER BY ${total}${anyFrame(random)}`),
      () => made(random.pick(sums), `ORDER BY ${total}${anyFrame(random)}`),
      () => made(`lag(${value('int8')}, ${random.int(0, 3)})`, `ORDER BY ${total}`),
    ])();
  }
  if (type === 'float8' && random.chance(0.4))
    return made(random.pick(['percent_rank()', 'cume_dist()']), `ORDER BY ${some}`);
  if (type === 'int4' && total !== null && random.chance(0.4))
    return made(`ntile(${random.int(1, 4)})`, `ORDER BY ${total}`);
  if (type === 'numeric' && total !== null && random.chance(0.5)) {
    const call = random.pick([`avg(${value('int4')})`, `sum(${value('numeric')})`]);
    return made(call, `ORDER BY ${total}${anyFrame(random)}`);
  }
  if (type === 'bool' && total !== null)
    return made(
      `${random.pick(['bool_and', 'bool_or'])}(${value('bool')})`,
      `ORDER BY ${total}${anyFrame(random)}`,
    );
  if (type === 'ints' && total !== null)
    return made(`array_agg(${value('int4')})`, `ORDER BY ${total}${anyFrame(random)}`);
  if (type === 'text' && total !== null && random.chance(0.3))
    return made(`string_agg(${value('text')}, '-')`, `ORDER BY ${total}${anyFrame(random)}`);
  if (type === 'jsonb' && total !== null && random.chance(0.3))
    return made(`jsonb_agg(${value('jsonb')})`, `ORDER BY ${total}${anyFrame(random)}`);
  if (total !== null && random.chance(0.7)) {
    return random.pick([
      () => made(`${random.pick(['lag', 'lead'])}(${value(type)})`, `ORDER BY ${total}`),
      () =>
        made(`${random.pick(['lag', 'lead'])}(${value(type)}, ${random.int(-1, 3)})`, `ORDER BY ${total}`),
      () => made(`lag(${value(type)}, 1, ${value(type)})`, `ORDER BY ${total}`),
      () => made(`lead(${value(type)}, ${value('int4')}, ${value(type)})`, `ORDER BY ${total}`),
      () =>
        made(
          `${random.pick(['first_value', 'last_value'])}(${value(type)})`,
          `ORDER BY ${total}${anyFrame(random)}`,
        ),
      () => made(`nth_value(${value(type)}, ${random.int(1, 3)})`, `ORDER BY ${total}${anyFrame(random)}`),
    ])();
  }
  if (noExtremes.includes(type)) return null;
  const frame = total === null ? `${some}${peerFrame(random)}` : `${total}${anyFrame(random)}`;
  return made(`${random.pick(['min', 'max'])}(${value(type)})${filter()}`, `ORDER BY ${frame}`);
}
