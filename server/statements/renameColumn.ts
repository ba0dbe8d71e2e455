/** ALTER ... RENAME COLUMN: the column keeps its place, views over it their own columns' names. */
import { must } from '../../common/assert.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Ident, Option } from '../../parser/ast/common.ts';
import type { ColumnRef, Expr } from '../../parser/ast/expr.ts';
import type { CreateSource, CreateTable, TableElement } from '../../parser/ast/statement.ts';
import { printExpr, printStatement } from '../../parser/print.ts';
import { type AnyNode, walk } from '../../parser/walk.ts';
import { changeCatalog } from '../definitions/definitions.ts';
import { makingStatement, rewriteIndex } from '../definitions/ownStatement.ts';
import { identifier, substituted } from '../definitions/rewrite.ts';
import {
  type CatalogObject,
  isRelation,
  type RelationObject,
  type SourceObject,
  type TableObject,
} from '../objects.ts';
import { refuseColumn } from '../sinks/refusals.ts';
import { lateRelationOf, lateStatement } from '../time/lateRelation.ts';
import { isFedByName } from './alterFed.ts';
import type { StatementContext } from './statement.ts';

/** The expression with `to` for the column `from` of the row it is over. */
function renamedIn<T extends AnyNode>(tree: T, from: string, to: string): T {
  const replacements = new Map<unknown, unknown>();
  walk(tree, (node: AnyNode) => {
    const ref = node as AnyNode & (ColumnRef | { readonly kind: 'Other' });
    if (ref.kind !== 'ColumnRef' || ref.parts.at(-1)?.name !== from) return;
    replacements.set(ref, { ...ref, parts: [...ref.parts.slice(0, -1), identifier(to)] });
  });
  return substituted(tree, replacements);
}

const inExpr = (expr: Expr | null, from: string, to: string): Expr | null =>
  expr === null ? null : renamedIn(expr, from, to);

function renamedElement(element: TableElement, from: string, to: string): TableElement {
  const ident = (i: Ident): Ident => (i.name === from ? identifier(to) : i);
  switch (element.kind) {
    case 'ColumnDefinition':
      return { ...element, name: ident(element.name), generated: inExpr(element.generated, from, to) };
    case 'PrimaryKey':
      return { ...element, columns: element.columns.map(ident) };
    case 'Watermark':
      return { ...element, column: ident(element.column), expr: renamedIn(element.expr, from, to) };
    case 'TableWildcard':
    case 'OtherConstraint':
      return element;
  }
}

function renamedOption(option: Option, from: string, to: string): Option {
  const { value } = option;
  const names = option.name === 'ttl_column' && value.kind !== 'secret' && String(value.value) === from;
  return names ? { ...option, value: { kind: 'string', value: to } } : option;
}

/** `included`: which clause of INCLUDE gives the column; -1: none. */
function renamedStatement(
  statement: CreateTable | CreateSource,
  included: number,
  from: string,
  to: string,
): CreateTable | CreateSource {
  const elements = statement.elements.map((e) => renamedElement(e, from, to));
  const options = statement.options.map((o) => renamedOption(o, from, to));
  const include = statement.include.map((clause, i) =>
    i === included ? { ...clause, alias: identifier(to) } : clause,
  );
  if (statement.kind === 'CreateSource') return { ...statement, elements, include, options };
  const versionColumns = statement.versionColumns.map((v) => (v.name === from ? identifier(to) : v));
  return { ...statement, elements, include, options, versionColumns };
}

/** Which clause of INCLUDE fills the column; -1: none. Theirs are the last of the visible ones. */
function includeOf(object: TableObject | SourceObject, column: number): number {
  const made = makingStatement(object);
  if (made.kind !== 'CreateTable' && made.kind !== 'CreateSource') return -1;
  const visible = object.columns.flatMap((c, i) => (c.hidden === true ? [] : [i]));
  const at = visible.indexOf(column) - (visible.length - made.include.length);
  return Math.max(-1, at);
}

/** A connector finds its fields by the columns' names: whether it can go on by others. */
function refuseConnected(object: TableObject | SourceObject, column: number, from: Ident): void {
  if (object.source === null || object.columns[column]?.generated !== null) return;
  if (object.kind === 'table' && isFedByName(object)) return;
  throw unsupported(
    `renaming a column that connector ${object.source.connector.name} fills`,
    from.span.start,
    'Rename it in a view over the relation.',
  );
}

function renameStored(
  object: TableObject | SourceObject,
  column: number,
  from: string,
  to: string,
): () => void {
  const before = { sql: object.sql, columns: object.columns, watermark: object.watermark };
  const made = makingStatement(object);
  const statement = renamedStatement(
    must(made.kind === 'CreateTable' || made.kind === 'CreateSource' ? made : null),
    includeOf(object, column),
    from,
    to,
  );
  object.sql = printStatement(statement);
  object.columns = object.columns.map((c, i) => ({
    ...c,
    name: i === column ? to : c.name,
    generated: inExpr(c.generated, from, to),
  }));
  const mark = statement.elements.find((e) => e.kind === 'Watermark');
  if (mark?.kind === 'Watermark' && object.watermark !== null) {
    object.watermark = { ...object.watermark, expression: printExpr(mark.expr) };
  }
  show(object);
  return () => {
    object.sql = before.sql;
    object.columns = before.columns;
    object.watermark = before.watermark;
    show(object);
  };
}

function show(object: TableObject | SourceObject): void {
  object.entry.columns = object.columns;
  object.entry.watermark = object.watermark;
}

function renameLate(late: TableObject, from: string, to: string): () => void {
  const before = { sql: late.sql, columns: late.columns };
  late.columns = late.columns.map((c) => (c.name === from ? { ...c, name: to } : c));
  late.entry.columns = late.columns;
  late.sql = lateStatement(late.name, late.columns);
  return () => {
    late.sql = before.sql;
    late.columns = before.columns;
    late.entry.columns = late.columns;
  };
}

/** The connector fills the column from the field of its new name from now on; one of INCLUDE as before. */
function goOnByName(object: RelationObject, column: number, from: string, context: StatementContext): void {
  if (object.kind !== 'table' || !isFedByName(object)) return;
  const [renamed, source] = [must(object.columns[column]), must(object.source)];
  if (renamed.generated !== null) return;
  const physical = (c: TableObject['columns'][number]): boolean => c.generated === null && c.hidden !== true;
  const config = { ...source.config, columns: object.columns.filter(physical) };
  if (includeOf(object, column) >= 0) {
    source.config = config;
    return;
  }
  source.changeColumns(config, (row) => row);
  context.notice({
    severity: 'NOTICE',
    state: '00000',
    message: `column "${renamed.name}" is filled from fields of that name from now on, no longer from "${from}"`,
  });
}

/** A view's columns are named after its name from now on. */
function renameOfView(
  object: Extract<RelationObject, { kind: 'view' | 'materialized view' }>,
  column: number,
  to: string,
): () => void {
  const before = { sql: object.sql, columns: object.columns };
  const statement = makingStatement(object);
  object.columns = object.columns.map((c, i) => (i === column ? { ...c, name: to } : c));
  object.entry.columns = object.columns;
  if (statement.kind === 'CreateView' || statement.kind === 'CreateMaterializedView') {
    const columns = object.columns.filter((c) => c.hidden !== true).map((c) => identifier(c.name));
    object.sql = printStatement({ ...statement, columns });
  }
  return () => {
    object.sql = before.sql;
    object.columns = before.columns;
    object.entry.columns = before.columns;
  };
}

/** Only inside `exclusive`. */
export function renameColumn(object: CatalogObject, from: Ident, to: Ident, context: StatementContext): void {
  if (!isRelation(object)) {
    throw new SqlError('42809', `cannot rename columns of ${object.kind} "${object.name}"`, {
      position: from.span.start,
    });
  }
  const column = object.columns.findIndex((c) => c.name === from.name && c.hidden !== true);
  if (column < 0) {
    throw new SqlError('42703', `column "${from.name}" does not exist`, { position: from.span.start });
  }
  const { database } = context;
  refuseColumn(database, object, column);
  const late =
    object.kind === 'table' || object.kind === 'source' ? lateRelationOf(database, object.id) : null;
  const taken = [object, ...(late === null ? [] : [late])].some((r) =>
    r.columns.some((c) => c.name === to.name),
  );
  if (taken) {
    throw new SqlError('42701', `column "${to.name}" of relation "${object.name}" already exists`, {
      position: to.span.start,
    });
  }
  const changedOf = (r: RelationObject) =>
    r.columns.flatMap((c, position) =>
      c.hidden === true ? [] : [{ before: c.name, now: c.name === from.name ? to.name : c.name, position }],
    );
  const changed = new Map([object, ...(late === null ? [] : [late])].map((r) => [r.id, changedOf(r)]));
  if (object.kind === 'table' || object.kind === 'source') refuseConnected(object, column, from);
  changeCatalog(context, {
    what: `rename column ${from.name} of ${object.kind} ${object.name}`,
    ids: new Set(changed.keys()),
    names: [],
    changed,
    make: () => {
      const undo =
        object.kind === 'table' || object.kind === 'source'
          ? renameStored(object, column, from.name, to.name)
          : renameOfView(object, column, to.name);
      const undoLate = late === null ? null : renameLate(late, from.name, to.name);
      return () => {
        undo();
        undoLate?.();
      };
    },
  });
  goOnByName(object, column, from.name, context);
  for (const dependent of database.catalog.dependents(object.id)) {
    if (dependent.kind === 'index') rewriteIndex(database.catalog, dependent);
  }
}
