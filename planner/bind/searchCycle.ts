/**
 * SEARCH and CYCLE of WITH RECURSIVE, written out as the SQL standard and PostgreSQL do: both terms become derived tables,
 * and more columns are computed over them, which the recursive term takes along from its reference to the item.
 *
 * - SEARCH DEPTH FIRST BY a SET s: s is the path of ROW(a) down to the row, so that ORDER BY s is depth first.
 * - SEARCH BREADTH FIRST BY a SET s: s is ROW(depth, a).
 * - CYCLE a SET m USING p: p is the path of ROW(a), m tells whether ROW(a) is on the path already; the recursion does not
 *   go on from such a row.
 */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Ident } from '../../parser/ast/common.ts';
import type { Cte, Query, QueryBody, Select, SetOperation, TableRef } from '../../parser/ast/query.ts';
import { parse } from '../../parser/parse.ts';
import { printExpr } from '../../parser/print.ts';

type Clauses = Pick<Cte, 'search' | 'cycle'>;

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The columns that the clauses add, in order. */
export function addedColumns({ search, cycle }: Clauses): readonly Ident[] {
  return [
    ...(search === undefined ? [] : [search.sequence]),
    ...(cycle === undefined ? [] : [cycle.mark, cycle.path]),
  ];
}

/** Throws as PostgreSQL does for columns that are not there, or there twice. */
export function checkClauses({ search, cycle }: Clauses, names: readonly string[]): void {
  const fail = (message: string, { span }: Ident, code: '42601' | '42701' = '42601'): SqlError =>
    new SqlError(code, message, { position: span.start });
  const checkList = (columns: readonly Ident[], what: string): void => {
    columns.forEach((column, i) => {
      const shown = `${what} column "${column.name}"`;
      if (!names.includes(column.name)) throw fail(`${shown} not in WITH query column list`, column);
      const twice = columns.findIndex((c) => c.name === column.name) < i;
      if (twice) throw fail(`${shown} specified more than once`, column, '42701');
    });
  };
  const checkNew = (column: Ident, what: string): void => {
    if (!names.includes(column.name)) return;
    throw fail(`${what} column name "${column.name}" already used in WITH query column list`, column);
  };
  if (search !== undefined) {
    checkList(search.by, 'search');
    checkNew(search.sequence, 'search sequence');
  }
  if (cycle === undefined) return;
  checkList(cycle.columns, 'cycle');
  checkNew(cycle.mark, 'cycle mark');
  checkNew(cycle.path, 'cycle path');
  const same = (a: Ident, b: Ident, message: string): void => {
    if (a.name === b.name) throw fail(message, b);
  };
  same(cycle.mark, cycle.path, 'cycle mark column name and cycle path column name are the same');
  if (search === undefined) return;
  same(cycle.mark, search.sequence, 'search sequence column name and cycle mark column name are the same');
  same(cycle.path, search.sequence, 'search sequence column name and cycle path column name are the same');
}

/** The item's union with the columns of the clauses; `names` are the columns of the item without them. */
export function writtenOut(cte: Cte, union: SetOperation, names: readonly string[]): SetOperation {
  const { search, cycle } = cte;
  const right = selectOf(union.right, 'right');
  const left = selectOf(union.left, 'left');
  const row = (columns: readonly Ident[], first = ''): string =>
    `ROW(${first}${columns.map((c) => quoted(c.name)).join(', ')})`;
  const base: string[] = names.map(quoted);
  const step: string[] = names.map(quoted);
  if (search !== undefined) {
    const sequence = quoted(search.sequence.name);
    if (search.order === 'depth') {
      base.push(`ARRAY[${row(search.by)}]`);
      step.push(`${sequence} || ${row(search.by)}`);
    } else {
      base.push(row(search.by, '0::bigint, '));
      step.push(row(search.by, `(${sequence}).f1 + 1::bigint, `));
    }
  }
  let where = '';
  if (cycle !== undefined) {
    const found = cycle.values === null ? 'true' : printExpr(cycle.values.found);
    const otherwise = cycle.values === null ? 'false' : printExpr(cycle.values.otherwise);
    const key = row(cycle.columns);
    const path = quoted(cycle.path.name);
    base.push(`CASE WHEN false THEN ${found} ELSE ${otherwise} END`, `ARRAY[${key}]`);
    step.push(`CASE WHEN ${key} = ANY (${path}) THEN ${found} ELSE ${otherwise} END`, `${path} || ${key}`);
    where = ` WHERE ${quoted(cycle.mark.name)} <> ${found}`;
  }
  const added = addedColumns(cte).map((c) => c.name);
  return {
    ...union,
    left: over(left, '*TLOCRN*', names, base, ''),
    right: over(takingAlong(right, cte, added), '*TROCRN*', [...names, ...added], step, where),
  };
}

/** PostgreSQL does not see parentheses around a query. */
function selectOf(body: QueryBody, side: 'left' | 'right'): QueryBody {
  if (body.kind === 'ParenQuery') {
    const { query } = body;
    const plain =
      query.with === null && query.orderBy.length === 0 && query.limit === null && query.offset === null;
    return plain ? selectOf(query.body, side) : body;
  }
  if (body.kind !== 'SetOperation') return body;
  const message = `with a SEARCH or CYCLE clause, the ${side} side of the UNION must be a SELECT`;
  throw new SqlError('0A000', message, { position: body.span.start });
}

/** The recursive term with the added columns of its reference to the item behind its own. */
function takingAlong(body: QueryBody, { name }: Cte, added: readonly string[]): QueryBody {
  const alias = body.kind === 'Select' ? body.from.map((ref) => aliasIn(ref, name.name)) : [];
  const found = alias.find((a) => a !== null);
  if (body.kind !== 'Select' || found === undefined || found === null) {
    const place = 'must be at the top level of its right-hand SELECT';
    const message = `with a SEARCH or CYCLE clause, the recursive reference to WITH query "${name.name}" ${place}`;
    throw new SqlError('0A000', message, { position: body.span.start });
  }
  const items = added.map((column) => `${quoted(found)}.${quoted(column)}`);
  return { ...body, items: [...body.items, ...selectFrom(`SELECT ${items.join(', ')}`).items] };
}

/** What the item is called where a FROM item names it; null where it does not. */
function aliasIn(ref: TableRef, name: string): string | null {
  if (ref.kind === 'Join') return aliasIn(ref.left, name) ?? aliasIn(ref.right, name);
  if (ref.kind !== 'NamedTable') return null;
  const { parts } = ref.name;
  return parts.length === 1 && parts[0]?.name === name ? (ref.alias?.name?.name ?? name) : null;
}

function selectFrom(sql: string): Select {
  const statement = must(parse(sql)[0]).statement;
  const body = statement.kind === 'SelectStatement' ? statement.query.body : null;
  return must(body?.kind === 'Select' ? body : null, 'the text is a SELECT');
}

/** SELECT outputs FROM (body) AS alias (names) where. */
function over(
  body: QueryBody,
  alias: string,
  names: readonly string[],
  outputs: readonly string[],
  where: string,
): Select {
  const list = names.map(quoted).join(', ');
  const sql = `SELECT ${outputs.join(', ')} FROM (SELECT 1) AS ${quoted(alias)} (${list})${where}`;
  const select = selectFrom(sql);
  const [table] = select.from;
  const derived = must(table?.kind === 'DerivedTable' ? table : null, 'a derived table');
  const query: Query = { ...derived.query, body, span: body.span };
  return { ...select, from: [{ ...derived, query }], span: body.span };
}
