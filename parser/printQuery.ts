/** Queries as SQL text, on one line. */
import { must } from '../common/assert.ts';
import type { Expr } from './ast/expr.ts';
import type {
  Cte,
  GroupItem,
  LimitClause,
  Query,
  QueryBody,
  Select,
  SelectItem,
  SetOperation,
  TableAlias,
  TableRef,
  WithClause,
} from './ast/query.ts';
import { PRIMARY } from './precedence.ts';
import { ExprPrinter } from './printExpr.ts';

/** Functions that would be read as time windows if they stood in FROM without quotes. */
const windowFunctions = new Set(['tumble', 'hop', 'cumulate', 'session', 'gap_fill']);

export class QueryPrinter extends ExprPrinter {
  query(query: Query): string {
    const parts: string[] = [];
    if (query.with !== null) parts.push(this.withClause(query.with));
    parts.push(this.#body(query.body));
    if (query.orderBy.length > 0) parts.push(this.orderBy(query.orderBy));
    if (query.limit !== null && !query.limit.withTies) parts.push(this.#limit(query.limit));
    if (query.offset !== null) parts.push(`OFFSET ${this.expr(query.offset)}`);
    if (query.limit?.withTies) parts.push(this.#limit(query.limit));
    parts.push(...query.locking);
    return parts.join(' ');
  }

  withClause(clause: WithClause): string {
    return `WITH ${clause.recursive ? 'RECURSIVE ' : ''}${clause.ctes.map((cte) => this.#cte(cte)).join(', ')}`;
  }

  #cte(cte: Cte): string {
    const name = this.ident(cte.name) + this.columns(cte.columns);
    if (cte.body.kind === 'changelog') return `${name} AS CHANGELOG FROM ${this.name(cte.body.relation)}`;
    const materialized =
      cte.materialized === null ? '' : cte.materialized ? 'MATERIALIZED ' : 'NOT MATERIALIZED ';
    const clauses = this.#search(cte.search) + this.#cycle(cte.cycle);
    return `${name} AS ${materialized}(${this.query(cte.body.query)})${clauses}`;
  }

  #search(clause: Cte['search']): string {
    if (clause === undefined) return '';
    const by = clause.by.map((column) => this.ident(column)).join(', ');
    return ` SEARCH ${clause.order.toUpperCase()} FIRST BY ${by} SET ${this.ident(clause.sequence)}`;
  }

  #cycle(clause: Cte['cycle']): string {
    if (clause === undefined) return '';
    const { values } = clause;
    const columns = clause.columns.map((column) => this.ident(column)).join(', ');
    const to =
      values === null
        ? ''
        : ` TO ${this.atLeast(values.found, PRIMARY)} DEFAULT ${this.atLeast(values.otherwise, PRIMARY)}`;
    return ` CYCLE ${columns} SET ${this.ident(clause.mark)}${to} USING ${this.ident(clause.path)}`;
  }

  /** ` (a, b)`, or nothing for an empty list. */
  protected columns(columns: readonly { readonly name: string }[]): string {
    if (columns.length === 0) return '';
    return ` (${columns.map((column) => this.word(column.name)).join(', ')})`;
  }

  protected word(name: string): string {
    return this.ident({ kind: 'Ident', name, quoted: false, span: { start: 0, end: 0 } });
  }

  #limit(limit: LimitClause): string {
    if (limit.withTies) {
      const count = limit.count === null ? '1' : this.atLeast(limit.count, PRIMARY);
      return `FETCH FIRST ${count} ROWS WITH TIES`;
    }
    return `LIMIT ${limit.count === null ? 'ALL' : this.expr(limit.count)}`;
  }

  #body(body: QueryBody): string {
    switch (body.kind) {
      case 'Select':
        return this.#select(body);
      case 'SetOperation':
        return this.#setOperation(body);
      case 'Values':
        return `VALUES ${body.rows.map((row) => `(${this.exprs(row)})`).join(', ')}`;
      case 'ParenQuery':
        return `(${this.query(body.query)})`;
      case 'TableCommand':
        return `TABLE ${this.name(body.name)}`;
    }
  }

  #setOperation(operation: SetOperation): string {
    const { corresponding } = operation;
    const by =
      corresponding === null
        ? ''
        : ` CORRESPONDING${corresponding.length > 0 ? ` BY${this.columns(corresponding)}` : ''}`;
    const operator = `${operation.operator.toUpperCase()}${operation.all ? ' ALL' : ''}${by}`;
    const left = this.#operand(operation.left, setLevel(operation));
    return `${left} ${operator} ${this.#operand(operation.right, setLevel(operation) + 1)}`;
  }

  #operand(body: QueryBody, minimum: number): string {
    const text = this.#body(body);
    return body.kind === 'SetOperation' && setLevel(body) < minimum ? `(${text})` : text;
  }

  #select(select: Select): string {
    const parts = ['SELECT'];
    if (select.distinct !== null) {
      parts.push(select.distinct.length === 0 ? 'DISTINCT' : `DISTINCT ON (${this.exprs(select.distinct)})`);
    }
    if (select.items.length > 0) parts.push(this.items(select.items));
    if (select.from.length > 0) parts.push(`FROM ${this.tables(select.from)}`);
    if (select.where !== null) parts.push(`WHERE ${this.expr(select.where)}`);
    if (select.groupBy.length > 0) {
      const items = select.groupBy.map((item) => this.#groupItem(item)).join(', ');
      parts.push(`GROUP BY ${select.groupByDistinct ? 'DISTINCT ' : ''}${items}`);
    }
    if (select.having !== null) parts.push(`HAVING ${this.expr(select.having)}`);
    if (select.windows.length > 0) {
      const windows = select.windows.map(
        (window) => `${this.ident(window.name)} AS ${this.windowSpec(window.spec)}`,
      );
      parts.push(`WINDOW ${windows.join(', ')}`);
    }
    if (select.qualify !== null) parts.push(`QUALIFY ${this.expr(select.qualify)}`);
    return parts.join(' ');
  }

  items(items: readonly SelectItem[]): string {
    return items
      .map((item) => this.expr(item.expr) + (item.alias === null ? '' : ` AS ${this.ident(item.alias)}`))
      .join(', ');
  }

  #groupItem(item: GroupItem): string {
    switch (item.kind) {
      case 'GroupExpr':
        return this.expr(item.expr);
      case 'GroupEmpty':
        return '()';
      case 'Rollup':
      case 'Cube':
        return `${item.kind.toUpperCase()}(${item.sets.map((set) => this.#groupSet(set)).join(', ')})`;
      case 'GroupingSets':
        return `GROUPING SETS (${item.sets.map((set) => this.#groupItem(set)).join(', ')})`;
      case 'GroupList':
        return `(${this.exprs(item.exprs)})`;
    }
  }

  #groupSet(set: readonly Expr[]): string {
    return set.length === 1 ? this.expr(must(set[0])) : `(${this.exprs(set)})`;
  }

  // FROM

  tables(tables: readonly TableRef[]): string {
    return tables.map((table) => this.table(table)).join(', ');
  }

  table(table: TableRef): string {
    switch (table.kind) {
      case 'NamedTable':
        return this.name(table.name) + this.#asOf(table.asOf) + this.alias(table.alias) + this.#sample(table);
      case 'DerivedTable':
        return `${lateral(table.lateral)}(${this.query(table.query)})${this.alias(table.alias)}`;
      case 'TableFunction':
        return this.#tableFunction(table);
      case 'WindowTable':
        return this.#windowTable(table);
      case 'Join':
        return this.#join(table);
    }
  }

  #asOf(asOf: Extract<TableRef, { kind: 'NamedTable' }>['asOf']): string {
    if (asOf === null) return '';
    return ` FOR SYSTEM_TIME AS OF ${asOf.kind === 'proctime' ? 'PROCTIME()' : this.expr(asOf.expr)}`;
  }

  #sample({ sample }: Extract<TableRef, { kind: 'NamedTable' }>): string {
    if (sample === undefined) return '';
    const seed = sample.seed === null ? '' : ` REPEATABLE (${this.expr(sample.seed)})`;
    return ` TABLESAMPLE ${this.name(sample.method)}(${this.exprs(sample.arguments)})${seed}`;
  }

  #tableFunction(table: Extract<TableRef, { kind: 'TableFunction' }>): string {
    const calls = table.calls.map((call, i) => {
      const text = this.call(call);
      const only = call.name.parts.length === 1 ? must(call.name.parts[0]).name : '';
      const named = windowFunctions.has(only) ? `"${only}"${text.slice(only.length)}` : text;
      const columns = table.definitions?.[i] ?? null;
      return columns === null ? named : `${named} AS (${this.#aliasColumns(columns)})`;
    });
    const called = table.rowsFrom ? `ROWS FROM (${calls.join(', ')})` : must(calls[0]);
    return (
      lateral(table.lateral) +
      called +
      (table.withOrdinality ? ' WITH ORDINALITY' : '') +
      this.alias(table.alias)
    );
  }

  #windowTable(table: Extract<TableRef, { kind: 'WindowTable' }>): string {
    const keys = this.exprs(table.partitionBy);
    const partition =
      table.partitionBy.length === 0
        ? ''
        : ` PARTITION BY ${table.partitionBy.length === 1 ? keys : `(${keys})`}`;
    const input = this.table(table.relation) + partition;
    const list = [input, ...table.arguments.map((argument) => this.expr(argument))].join(', ');
    return `${table.function}(${list})${this.alias(table.alias)}`;
  }

  #join(join: Extract<TableRef, { kind: 'Join' }>): string {
    const natural = join.condition?.kind === 'natural' ? 'NATURAL ' : '';
    const words = join.type === 'inner' ? 'JOIN' : `${join.type.toUpperCase()} JOIN`;
    const right =
      join.right.kind === 'Join' && join.right.alias === null
        ? `(${this.table(join.right)})`
        : this.table(join.right);
    const text = `${this.table(join.left)} ${natural}${join.asof ? 'ASOF ' : ''}${words} ${right}${this.#condition(join.condition)}`;
    return join.alias === null ? text : `(${text})${this.alias(join.alias)}`;
  }

  #condition(condition: Extract<TableRef, { kind: 'Join' }>['condition']): string {
    if (condition === null || condition.kind === 'natural') return '';
    if (condition.kind === 'on') return ` ON ${this.expr(condition.expr)}`;
    const alias = condition.alias === undefined ? '' : ` AS ${this.ident(condition.alias)}`;
    return ` USING${this.columns(condition.columns)}${alias}`;
  }

  #aliasColumns(columns: TableAlias['columns']): string {
    return columns
      .map((c) => this.ident(c.name) + (c.type === null ? '' : ` ${this.type(c.type)}`))
      .join(', ');
  }

  alias(alias: TableAlias | null): string {
    if (alias === null) return '';
    const list = alias.columns.length === 0 ? '' : ` (${this.#aliasColumns(alias.columns)})`;
    return ` AS${alias.name === null ? '' : ` ${this.ident(alias.name)}`}${list}`;
  }
}

const lateral = (is: boolean): string => (is ? 'LATERAL ' : '');

/** INTERSECT binds tighter than UNION and EXCEPT. */
function setLevel(operation: SetOperation): number {
  return operation.operator === 'intersect' ? 2 : 1;
}
