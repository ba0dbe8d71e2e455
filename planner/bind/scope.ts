/**
 * Names to columns. A scope is the row that an expression sees: the columns of a FROM clause in plan order. `parent` is
 * the row of the query around (one `outer` depth further out).
 */
import type { RelationEntry } from '../../common/catalog.ts';
import type { DataType, Schema } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Ident } from '../../parser/ast/common.ts';
import type { Scalar } from '../plan/scalar.ts';
import { placed } from './environment.ts';

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

export interface ScopeTable {
  readonly alias: string;
  readonly schema: string | null;
  readonly relation: RelationEntry | null;
  readonly columns: readonly ScopeColumn[];
  /** A function's single column: its name stands for the value, not for a row. */
  readonly scalar?: boolean;
}

export class Scope {
  readonly tables: readonly ScopeTable[];
  /** Columns that stand for several (USING of a FULL join), before all others. */
  readonly joined: readonly (ScopeColumn & { readonly expr: Scalar })[];
  readonly parent: Scope | null;

  constructor(
    tables: readonly ScopeTable[],
    parent: Scope | null,
    joined: readonly (ScopeColumn & { readonly expr: Scalar })[] = [],
  ) {
    this.tables = tables;
    this.parent = parent;
    this.joined = joined;
  }

  get columns(): readonly ScopeColumn[] {
    return this.tables.flatMap((t) => t.columns);
  }
}

/** A table's scope entry over plan columns that start at `offset`. */
export function scopeTable(
  alias: string,
  schema: string | null,
  relation: RelationEntry | null,
  columns: Schema,
  offset: number,
): ScopeTable {
  return {
    alias,
    schema,
    relation,
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

interface Found {
  readonly column: ScopeColumn;
  readonly expr: Scalar | null;
}

function ambiguous(name: string, position: number): SqlError {
  return new SqlError('42702', `column reference "${name}" is ambiguous`, { position });
}

function findUnqualified(scope: Scope, name: string, position: number): Found | null {
  const joined = scope.joined.filter((c) => c.name === name);
  if (joined.length > 1) throw ambiguous(name, position);
  const plain = scope.columns.filter((c) => c.name === name && !c.merged);
  if (plain.length + joined.length > 1) throw ambiguous(name, position);
  if (joined[0] !== undefined) return { column: joined[0], expr: joined[0].expr };
  return plain[0] === undefined ? null : { column: plain[0], expr: null };
}

export function findTable(
  scope: Scope,
  schema: string | null,
  alias: string,
  position: number,
): ScopeTable | null {
  const found = scope.tables.filter((t) => t.alias === alias && (schema === null || t.schema === schema));
  if (found.length > 1) throw new SqlError('42P09', `table reference "${alias}" is ambiguous`, { position });
  return found[0] ?? null;
}

function columnScalar(found: Found, depth: number, position: number): Scalar {
  const { column, expr } = found;
  if (depth === 0)
    return expr ?? placed({ kind: 'column', index: column.index, type: column.type }, position);
  if (expr !== null && expr.kind !== 'column') {
    throw new SqlError(
      '0A000',
      `a correlated reference to the merged column "${column.name}" of a FULL JOIN is not supported`,
      { position },
    );
  }
  const index = expr?.kind === 'column' ? expr.index : column.index;
  return placed({ kind: 'outer', depth, index, type: column.type }, position);
}

/** Levenshtein distance, capped. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The closest name, if close enough to be meant. */
export function didYouMean(name: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.min(3, Math.floor(name.length / 2) + 1);
  for (const candidate of candidates) {
    const d = distance(name, candidate);
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

function columnHint(scope: Scope | null, table: string | null, name: string): { readonly hint?: string } {
  for (let s = scope; s !== null; s = s.parent) {
    for (const t of s.tables) {
      if (table !== null && t.alias !== table) continue;
      const guess = didYouMean(
        name,
        t.columns.filter((c) => !c.hidden).map((c) => c.name),
      );
      if (guess !== null) return { hint: `Perhaps you meant to reference the column "${t.alias}.${guess}".` };
    }
  }
  return {};
}

export function missingTable(scope: Scope | null, name: string, position: number): SqlError {
  for (let s = scope; s !== null; s = s.parent) {
    const aliased = s.tables.find((t) => t.relation?.name === name && t.alias !== name);
    if (aliased === undefined) continue;
    return new SqlError('42P01', `invalid reference to FROM-clause entry for table "${name}"`, {
      position,
      hint: `Perhaps you meant to reference the table alias "${aliased.alias}".`,
    });
  }
  const guess = didYouMean(name, scope?.tables.map((t) => t.alias) ?? []);
  return new SqlError('42P01', `missing FROM-clause entry for table "${name}"`, {
    position,
    ...(guess === null ? {} : { hint: `Perhaps you meant to reference the table alias "${guess}".` }),
  });
}

/** A whole row of a table as a struct. */
function wholeRow(table: ScopeTable, depth: number): Scalar {
  const visible = table.columns.filter((c) => !c.hidden);
  const only = visible[0];
  if (table.scalar === true && only !== undefined) {
    return depth === 0
      ? { kind: 'column', index: only.index, type: only.type }
      : { kind: 'outer', depth, index: only.index, type: only.type };
  }
  return {
    kind: 'row',
    items: visible.map((c) =>
      depth === 0
        ? { kind: 'column' as const, index: c.index, type: c.type }
        : { kind: 'outer' as const, depth, index: c.index, type: c.type },
    ),
    type: { id: 'struct', fields: visible.map((c) => ({ name: c.name, type: c.type })) },
  };
}

/** Resolves `c`, `t.c`, `s.t.c`; the nearest scope that knows the name wins. */
export function resolveColumn(scope: Scope | null, parts: readonly Ident[], position: number): Scalar {
  const names = parts.map((p) => p.name);
  const name = names[names.length - 1] ?? '';
  const table = names.length >= 2 ? (names[names.length - 2] ?? '') : null;
  const schema = names.length >= 3 ? (names[names.length - 3] ?? '') : null;
  let depth = 0;
  for (let s = scope; s !== null; s = s.parent, depth++) {
    if (table === null) {
      const found = findUnqualified(s, name, position);
      if (found !== null) return columnScalar(found, depth, position);
      continue;
    }
    const entry = findTable(s, schema, table, position);
    if (entry === null) continue;
    const columns = entry.columns.filter((c) => c.name === name);
    if (columns.length > 1) throw ambiguous(name, position);
    const column = columns[0];
    if (column === undefined) {
      throw new SqlError('42703', `column ${table}.${name} does not exist`, {
        position,
        ...columnHint(s, table, name),
      });
    }
    return columnScalar({ column, expr: null }, depth, position);
  }
  if (table === null) {
    depth = 0;
    for (let s = scope; s !== null; s = s.parent, depth++) {
      const entry = findTable(s, null, name, position);
      if (entry !== null) return placed(wholeRow(entry, depth), position);
    }
    throw new SqlError('42703', `column "${name}" does not exist`, {
      position,
      ...columnHint(scope, null, name),
    });
  }
  throw missingTable(scope, table, position);
}
