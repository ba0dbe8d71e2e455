/**
 * Names to columns. A scope is the row that an expression sees: the columns of a FROM clause in plan order. `parent` is
 * the row of the query around (one `outer` depth further out), so the chain of scopes mirrors how plans nest.
 */
import type { RelationEntry } from '../../common/catalog.ts';
import { type DataType, type Schema, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Ident } from '../../parser/ast/common.ts';
import type { Scalar } from '../plan/scalar.ts';
import type { ExprContext } from './context.ts';
import { type FoundName, placed } from './environment.ts';
import {
  ambiguousColumn,
  lateralForbidden,
  missingColumn,
  missingColumnOf,
  missingTable,
  tooManyParts,
} from './nameErrors.ts';

export interface ScopeColumn {
  readonly name: string;
  readonly type: DataType;
  readonly nullable: boolean;
  /** Column of the plan. */
  readonly index: number;
  /** Not part of `*` (row ids). */
  readonly hidden: boolean;
  /** Joined away by USING or NATURAL: only its qualified name is visible. */
  readonly merged: boolean;
}

/** A column that stands for one of each side of a USING join. */
export interface MergedColumn extends ScopeColumn {
  readonly expr: Scalar;
}

export interface ScopeTable {
  readonly alias: string;
  readonly schema: string | null;
  readonly relation: RelationEntry | null;
  /** A function in FROM that gives plain values: its name means the value, not a row. */
  readonly scalar: boolean;
  readonly columns: readonly (ScopeColumn | MergedColumn)[];
  /** Of a table that an outer join may find no row of: the column of the plan that is NULL then and never else. */
  readonly present?: ScopeColumn;
}

interface ScopeParts {
  readonly tables?: readonly ScopeTable[];
  readonly joined?: readonly MergedColumn[];
  /** Tables of this level that the expression may not name. Only hints speak of them. */
  readonly unreachable?: readonly ScopeTable[];
  /** The left side of a RIGHT or FULL join: visible to its right side, but not to be used there. */
  readonly forbidden?: boolean;
}

export class Scope {
  readonly tables: readonly ScopeTable[];
  /** Columns of USING joins; unqualified names find them before the columns they stand for. */
  readonly joined: readonly MergedColumn[];
  readonly unreachable: readonly ScopeTable[];
  readonly forbidden: boolean;
  readonly parent: Scope | null;
  /** What is being bound over this row at the moment, when that is a subquery: where its outer aggregates go. */
  current: ExprContext | null = null;

  constructor(parts: ScopeParts, parent: Scope | null) {
    this.tables = parts.tables ?? [];
    this.joined = parts.joined ?? [];
    this.unreachable = parts.unreachable ?? [];
    this.forbidden = parts.forbidden ?? false;
    this.parent = parent;
  }

  get columns(): readonly ScopeColumn[] {
    return this.tables.flatMap((t) => t.columns);
  }
}

/** Number of levels from the scope outwards. */
export function depthOf(scope: Scope | null): number {
  let depth = 0;
  for (let s = scope; s !== null; s = s.parent) depth++;
  return depth;
}

/** A table's scope entry over plan columns that start at `offset`. */
export function scopeTable(
  alias: string,
  relation: RelationEntry | null,
  columns: Schema,
  offset = 0,
  scalar = false,
): ScopeTable {
  return {
    alias,
    schema: relation?.schema ?? null,
    relation,
    scalar,
    columns: columns.map((c, i) => ({
      name: c.name,
      type: c.type,
      nullable: c.nullable,
      index: offset + i,
      hidden: c.hidden === true,
      merged: false,
    })),
  };
}

/** A column of the row `depth` levels out. */
export function reference(index: number, type: DataType, depth: number): Scalar {
  return depth === 0 ? { kind: 'column', index, type } : { kind: 'outer', depth, index, type };
}

/** The columns that `*` means, in order. */
export function starColumns(
  scope: Scope,
): readonly { readonly name: string; readonly expr: Scalar; readonly nullable: boolean }[] {
  const merged = scope.joined.map((j) => ({ name: j.name, expr: j.expr, nullable: j.nullable }));
  const plain = scope.columns.filter((c) => !c.hidden && !c.merged);
  return [
    ...merged,
    ...plain.map((c) => ({ name: c.name, expr: reference(c.index, c.type, 0), nullable: c.nullable })),
  ];
}

function findUnqualified(scope: Scope, name: string, position: number): ScopeColumn | MergedColumn | null {
  const joined = scope.joined.filter((c) => c.name === name);
  const plain = scope.columns.filter((c) => c.name === name && !c.merged);
  if (plain.length + joined.length > 1) throw ambiguousColumn(name, position);
  const found = joined[0] ?? plain[0] ?? null;
  if (found !== null && scope.forbidden) {
    const table = scope.tables.find((t) => t.columns.some((c) => c.name === name));
    throw lateralForbidden(table?.alias ?? name, position);
  }
  return found;
}

/** The table of that name in one scope. */
export function findTable(
  scope: Scope,
  schema: string | null,
  alias: string,
  position: number,
): ScopeTable | null {
  const found = scope.tables.filter((t) => t.alias === alias && (schema === null || t.schema === schema));
  if (found.length > 1) throw new SqlError('42P09', `table reference "${alias}" is ambiguous`, { position });
  if (found.length === 1 && scope.forbidden) throw lateralForbidden(alias, position);
  return found[0] ?? null;
}

function columnScalar(column: ScopeColumn | MergedColumn, depth: number, position: number): Scalar {
  return placed(columnValue(column, depth), position);
}

/** What a column's name stands for, `depth` levels further in. */
export function columnValue(column: ScopeColumn | MergedColumn, depth: number): Scalar {
  return 'expr' in column ? outwards(column.expr, depth) : reference(column.index, column.type, depth);
}

/** A merged column's expression (columns, casts, COALESCE) seen from `depth` levels further in. */
function outwards(expr: Scalar, depth: number): Scalar {
  if (depth === 0) return { ...expr };
  switch (expr.kind) {
    case 'column':
      return reference(expr.index, expr.type, depth);
    case 'coalesce':
      return { ...expr, operands: expr.operands.map((o) => outwards(o, depth)) };
    case 'cast':
      return { ...expr, operand: outwards(expr.operand, depth) };
    default:
      return expr;
  }
}

/**
 * A whole row of a table as a struct, NULL where an outer join found none; the value itself for a function that gives
 * plain values.
 */
function wholeRow(table: ScopeTable, depth: number): Scalar {
  const visible = table.columns.filter((c) => !c.hidden);
  const only = visible[0];
  if (table.scalar && only !== undefined) return reference(only.index, only.type, depth);
  const type: DataType = { id: 'struct', fields: visible.map((c) => ({ name: c.name, type: c.type })) };
  const row: Scalar = { kind: 'row', items: visible.map((c) => columnValue(c, depth)), type };
  if (table.present === undefined) return row;
  const operand = reference(table.present.index, table.present.type, depth);
  const when: Scalar = { kind: 'isNull', operand, negated: true, type: types.bool };
  return { kind: 'case', whens: [{ when, then: row }], otherwise: null, type };
}

/** Resolves `c`, `t.c`, `s.t.c`, `db.s.t.c`; the nearest scope that knows the name wins. */
export function resolveColumn(
  scope: Scope | null,
  parts: readonly Ident[],
  position: number,
  database: string,
  trace?: (found: FoundName) => void,
): Scalar {
  const names = parts.map((p) => p.name);
  if (names.length > 4 || (names.length === 4 && names[0] !== database)) throw tooManyParts(names, position);
  const name = names.at(-1) ?? '';
  const table = names.at(-2);
  if (table === undefined) return unqualified(scope, name, position, trace);
  const schema = names.at(-3) ?? null;
  let depth = 0;
  for (let s = scope; s !== null; s = s.parent, depth++) {
    const entry = findTable(s, schema, table, position);
    if (entry === null) continue;
    const columns = entry.columns.filter((c) => c.name === name);
    if (columns.length > 1) throw ambiguousColumn(name, position);
    const column = columns[0];
    if (column === undefined) throw missingColumnOf(entry, name, position);
    trace?.({ table: entry, column: entry.columns.indexOf(column), name });
    return columnScalar(column, depth, position);
  }
  throw missingTable(scope, table, position);
}

function unqualified(
  scope: Scope | null,
  name: string,
  position: number,
  trace?: (found: FoundName) => void,
): Scalar {
  let depth = 0;
  for (let s = scope; s !== null; s = s.parent, depth++) {
    const found = findUnqualified(s, name, position);
    if (found === null) continue;
    const table = s.tables.find((t) => t.columns.some((c) => c === found)) ?? null;
    trace?.({ table, column: table?.columns.indexOf(found) ?? null, name });
    return columnScalar(found, depth, position);
  }
  depth = 0;
  for (let s = scope; s !== null; s = s.parent, depth++) {
    const entry = findTable(s, null, name, position);
    if (entry === null) continue;
    trace?.({ table: entry, column: null, name });
    return placed(wholeRow(entry, depth), position);
  }
  throw missingColumn(scope, name, position);
}
