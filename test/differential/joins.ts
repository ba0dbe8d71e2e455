/**
 * Random joins of three to six tables: chains and stars over shared keys, comma lists with WHERE, inner and outer kinds,
 * equalities (also null-safe, also USING) with further conditions. Most go by the unique key, so that rows do not multiply.
 */
import { must } from '../../common/assert.ts';
import type { ScopeColumn } from './expressions.ts';
import type { FromClause, Query } from './queries.ts';
import { listed, output, type Parts } from './shapes.ts';

/** Tables that join by a key with few values, at most; each multiplies the rows by some. */
const MOST_BY_FEW = 2;

class Joining {
  readonly #parts: Parts;
  readonly #star: boolean;
  #few = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#star = parts.random.chance(0.4);
  }

  /** An equality of the new item with what stands before it; null where they have no types in common. */
  equality(before: readonly ScopeColumn[], item: FromClause): string | null {
    const { random } = this.#parts;
    const own = item.scope.filter((c) => c.type === 'int4' && !c.wide);
    const others = before.filter((c) => c.type === 'int4' && !c.wide);
    const id = own.find((c) => c.sql.endsWith('.id'));
    // In a star every table joins the same column.
    const other = this.#star ? others[0] : others.length === 0 ? undefined : random.pick(others);
    if (other === undefined) return null;
    if (id !== undefined && (this.#few >= MOST_BY_FEW || random.chance(0.6)))
      return `${id.sql} = ${other.sql}`;
    if (own.length === 0 || this.#few >= MOST_BY_FEW) return null;
    this.#few++;
    const op = random.pick(['=', '=', '=', 'IS NOT DISTINCT FROM']);
    const same = before.filter((b) => item.scope.some((c) => c.type === b.type && b.type !== 'bool'));
    if (same.length === 0 || random.chance(0.6)) return `${random.pick(own).sql} ${op} ${other.sql}`;
    const pair = random.pick(same);
    const mate = random.pick(item.scope.filter((c) => c.type === pair.type));
    return `${mate.sql} ${op} ${pair.sql}`;
  }

  /** A condition on columns of both sides that is no equality. */
  residual(before: readonly ScopeColumn[], item: FromClause): string {
    const { random, expressions } = this.#parts;
    const pairs = before.flatMap((b) =>
      item.scope.filter((c) => c.type === b.type).map((c) => [b, c] as const),
    );
    if (pairs.length === 0 || random.chance(0.4)) return expressions.predicate([...before, ...item.scope], 0);
    const [a, b] = random.pick(pairs);
    return `${a.sql} ${random.pick(['<', '<=', '>', '<>', 'IS DISTINCT FROM'])} ${b.sql}`;
  }
}

function itemOf(parts: Parts): FromClause {
  return parts.random.chance(0.8) ? parts.table() : parts.base();
}

/** A comma list; every condition is in WHERE, in random order. */
function commaList(parts: Parts, count: number): { sql: string; scope: readonly ScopeColumn[] } {
  const { random } = parts;
  const joining = new Joining(parts);
  const first = itemOf(parts);
  const scope = [...first.scope];
  const list = [first.sql];
  const conditions: string[] = [];
  for (let i = 1; i < count; i++) {
    const item = itemOf(parts);
    const equal = joining.equality(scope, item);
    // Without a key it would be a product: it is left out.
    if (equal === null) continue;
    conditions.push(equal);
    if (random.chance(0.25)) conditions.push(joining.residual(scope, item));
    list.push(item.sql);
    scope.push(...item.scope);
  }
  const ordered = random.some(conditions.length === 0 ? ['true'] : conditions, conditions.length + 1);
  const rest = conditions.filter((c) => !ordered.includes(c));
  return { sql: `${list.join(', ')} WHERE ${[...ordered, ...rest].join(' AND ')}`, scope };
}

/** JOIN ... ON; some of the joins outer. */
function joinList(parts: Parts, count: number): { sql: string; scope: readonly ScopeColumn[] } {
  const { random, expressions } = parts;
  const joining = new Joining(parts);
  const inner = random.chance(0.5);
  const first = itemOf(parts);
  const scope = [...first.scope];
  let sql = first.sql;
  for (let i = 1; i < count; i++) {
    const item = itemOf(parts);
    const equal = joining.equality(scope, item);
    if (equal === null) continue;
    const kinds = inner ? ['JOIN'] : ['JOIN', 'LEFT JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'];
    let kind = random.pick(kinds);
    // PostgreSQL joins FULL by merging or hashing, which IS NOT DISTINCT FROM has no way for.
    if (kind === 'FULL JOIN' && equal.includes('DISTINCT')) kind = 'LEFT JOIN';
    const more = random.chance(0.3) ? ` AND ${joining.residual(scope, item)}` : '';
    const on = random.chance(0.5)
      ? `${equal}${more}`
      : `${more.slice(5)}${more === '' ? '' : ' AND '}${equal}`;
    sql += ` ${kind} ${item.sql} ON ${on}`;
    scope.push(...item.scope);
  }
  const where = random.chance(0.4) ? ` WHERE ${expressions.predicate(scope, 1)}` : '';
  return { sql: sql + where, scope };
}

/** All tables have `id` and `k`; USING merges them on the way. */
function usingList(parts: Parts, count: number): { sql: string; scope: readonly ScopeColumn[] } {
  const { random } = parts;
  const items = Array.from({ length: count }, () => parts.table());
  const kinds = ['JOIN', 'JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'];
  let sql = must(items[0]).sql;
  for (const item of items.slice(1))
    sql += ` ${random.pick(kinds)} ${item.sql} USING (${random.pick(['id', 'id', 'id, k'])})`;
  // Joins by `id` alone make a second `k` that has no name of its own: only one list of columns is used after it.
  const scope = items.flatMap((item) => item.scope);
  const merged: ScopeColumn = { sql: 'id', type: 'int4', wide: false };
  const all = sql.includes('(id)') && sql.includes('(id, k)');
  if (!all) return { sql, scope: [merged, ...scope] };
  return { sql: sql.replaceAll('(id, k)', '(id)'), scope: [merged, ...scope] };
}

/** Three to six tables. */
export function manyJoins(parts: Parts): Query {
  const { random } = parts;
  const count = random.int(3, 6);
  const { sql, scope } = random.pick([commaList, joinList, joinList, usingList])(parts, count);
  const columns = random.some(scope, 5);
  const kind = random.next();
  if (kind < 0.3) {
    const key = must(columns[0]);
    const list = `${key.sql} AS c0, count(*) AS c1`;
    const made: Query['columns'] = [
      { name: 'c0', type: key.type, wide: key.wide },
      { name: 'c1', type: 'int8', wide: false },
    ];
    return { sql: `SELECT ${list} FROM ${sql} GROUP BY ${key.sql}`, columns: made };
  }
  const distinct = kind < 0.4 ? 'DISTINCT ' : '';
  return { sql: `SELECT ${distinct}${listed(columns)} FROM ${sql}`, columns: output(columns) };
}
