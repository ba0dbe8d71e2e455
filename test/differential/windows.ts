/** Random window function calls. What depends on the order among peers gets a total order. */
import type { Expressions, ScopeColumn } from './expressions.ts';
import type { FromClause } from './queries.ts';
import type { Random } from './random.ts';
import type { SqlType } from './schema.ts';

/** A call with a result of `type`, or null when there is none over this FROM. */
const noExtremes: readonly SqlType[] = ['bool', 'interval', 'uuid', 'bytea', 'jsonb', 'ints'];

export function windowCall(
  type: SqlType,
  from: FromClause,
  random: Random,
  expressions: Expressions,
): ScopeColumn | null {
  if (from.scope.length === 0) return null;
  const scope = from.scope;
  const partition = random.chance(0.6) ? `PARTITION BY ${random.pick(scope).sql} ` : '';
  const direction = (): string => random.pick(['', ' DESC', ' NULLS FIRST']);
  const some = `${random.pick(scope).sql}${direction()}`;
  const total = from.unique === null ? null : [some, ...from.unique].join(', ');
  const value = (t: SqlType): string => expressions.of(t, scope, 1);
  const rows = random.pick([
    '',
    ' ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW',
    ' ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING',
    ' ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING',
    ' ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING',
    ' ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW',
    ' GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW',
    ' RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE TIES',
  ]);
  const made = (call: string, over: string): ScopeColumn => ({
    sql: `${call} OVER (${partition}${over})`,
    type,
    wide: type !== 'int8',
  });
  if (type === 'int8') {
    const peers = [`rank()`, `dense_rank()`, `count(*)`, `sum(${value('int4')})`];
    if (total === null || random.chance(0.4)) {
      const call = random.pick(peers);
      return made(call, random.chance(0.2) && !call.includes('rank') ? '' : `ORDER BY ${some}`);
    }
    return random.pick([
      () => made('row_number()', `ORDER BY ${total}`),
      () => made(`sum(${value('int4')})`, `ORDER BY ${total}${rows}`),
      () => made(`count(${value('text')})`, `ORDER BY ${total}${rows}`),
      () => made(`lag(${value('int8')})`, `ORDER BY ${total}`),
      () => {
        const number = scope.filter((c) => c.type === 'int4' && !c.wide);
        if (number.length === 0) return made('row_number()', `ORDER BY ${total}`);
        const frame = random.pick([
          'BETWEEN 1 PRECEDING AND 2 FOLLOWING',
          'BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING',
          '2 PRECEDING',
        ]);
        return made(`count(*)`, `ORDER BY ${random.pick(number).sql}${direction()} RANGE ${frame}`);
      },
    ])();
  }
  if (type === 'float8' && total !== null && random.chance(0.4)) {
    return made(random.pick(['percent_rank()', 'cume_dist()']), `ORDER BY ${some}`);
  }
  if (type === 'int4' && total !== null && random.chance(0.4)) {
    return made(`ntile(${random.int(1, 4)})`, `ORDER BY ${total}`);
  }
  if (noExtremes.includes(type)) return null;
  if (total === null) return made(`${random.pick(['min', 'max'])}(${value(type)})`, `ORDER BY ${some}`);
  return random.pick([
    () => made(`${random.pick(['lag', 'lead'])}(${value(type)})`, `ORDER BY ${total}`),
    () => made(`${random.pick(['lag', 'lead'])}(${value(type)}, 2)`, `ORDER BY ${total}`),
    () => made(`${random.pick(['first_value', 'last_value'])}(${value(type)})`, `ORDER BY ${total}${rows}`),
    () => made(`nth_value(${value(type)}, ${random.int(1, 3)})`, `ORDER BY ${total}${rows}`),
    () => made(`lag(${value(type)}, 1, ${value(type)})`, `ORDER BY ${total}`),
    () => made(`${random.pick(['min', 'max'])}(${value(type)})`, `ORDER BY ${total}${rows}`),
  ])();
}
