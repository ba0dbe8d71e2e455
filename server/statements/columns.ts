/** Table elements to columns, keys and watermarks: shared by CREATE TABLE and CREATE SOURCE. */
import { must } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import { type DataType, types } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { ColumnDefinition, TableElement } from '../../parser/ast/statement.ts';
import { type BindEnvironment, bindOverRow, bindStandalone } from '../../planner/bind/bind.ts';
import { coerceAssign } from '../../planner/bind/coerce.ts';
import { dataTypeOf } from '../../planner/bind/typeNames.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { hasSubquery, usedColumns, volatilityOf } from '../../planner/plan/scalars.ts';
import type { TableColumn } from '../objects.ts';
import { bindEnvironment } from '../planning.ts';
import type { StatementContext } from './statement.ts';

export interface TableShape {
  readonly columns: readonly TableColumn[];
  /** Declared primary key, empty when there is none. */
  readonly primaryKey: readonly number[];
  readonly watermark: RelationEntry['watermark'];
}

/** Columns as written; `fixed` are those that a connector brings when none are written. */
export function tableShape(
  elements: readonly TableElement[],
  fixed: readonly { readonly name: string; readonly type: DataType }[] | null,
  name: string,
  context: StatementContext,
): TableShape {
  const definitions = elements.flatMap((e) => (e.kind === 'ColumnDefinition' ? [e] : []));
  for (const e of elements) {
    if (e.kind === 'TableWildcard') throw unsupported('* in a column list', e.span.start);
    if (e.kind === 'OtherConstraint') throw unsupported(e.construct, e.span.start);
  }
  const plain: TableColumn[] = [];
  if (definitions.length === 0 && fixed !== null) {
    for (const c of fixed) plain.push({ ...c, nullable: true, default: null, generated: null });
  }
  for (const d of definitions) plain.push(columnOf(d, plain, context));
  const keyNames = keyColumns(elements, definitions, name);
  const primaryKey = keyNames.map(({ name, position }) => {
    const index = plain.findIndex((c) => c.name === name);
    if (index < 0) throw new SqlError('42703', `column "${name}" named in key does not exist`, { position });
    return index;
  });
  const columns = plain.map((c, i) => (primaryKey.includes(i) ? { ...c, nullable: false } : c));
  checkGenerated(columns, context);
  return { columns, primaryKey, watermark: watermarkOf(elements, columns, context) };
}

/** A DEFAULT expression stands alone: no columns, no subqueries. */
function bindDefault(expr: Expr, env: BindEnvironment): Scalar {
  if (expr.kind === 'ColumnRef') {
    throw new SqlError('0A000', 'cannot use column reference in DEFAULT expression', {
      position: expr.span.start,
    });
  }
  const bound = bindStandalone(expr, env, 'DEFAULT expressions');
  if (hasSubquery(bound)) {
    throw new SqlError('0A000', 'cannot use subquery in DEFAULT expression', { position: expr.span.start });
  }
  return bound;
}

function columnOf(
  d: ColumnDefinition,
  before: readonly TableColumn[],
  context: StatementContext,
): TableColumn {
  const position = d.span.start;
  const { name } = d.name;
  if (before.some((c) => c.name === name))
    throw new SqlError('42701', `column "${name}" specified more than once`, { position: d.name.span.start });
  if (d.unique) throw unsupported('UNIQUE', position, 'Declare a PRIMARY KEY instead.');
  const other = d.otherConstraints[0];
  if (other !== undefined) throw unsupported(other, position);
  const env = bindEnvironment(context);
  let type: DataType;
  if (d.type !== null) type = dataTypeOf(d.type, env);
  else if (d.generated !== null)
    type = bindOverRow(d.generated, '', before, env, 'column generation expressions').type;
  else throw new SqlError('42601', `column "${name}" has no type`, { position });
  if (type.id === 'unknown' || type.id === 'void') type = types.text;
  if (d.default !== null) {
    if (d.generated !== null)
      throw new SqlError('42601', `both default and generation expression specified for column "${name}"`, {
        position,
      });
    const bound = bindDefault(d.default, env);
    coerceAssign(bound, type, name, d.default.span.start, env);
  }
  return { name, type, nullable: d.notNull !== true, default: d.default, generated: d.generated };
}

function keyColumns(
  elements: readonly TableElement[],
  definitions: readonly ColumnDefinition[],
  table: string,
): readonly { readonly name: string; readonly position: number }[] {
  const inline = definitions
    .filter((d) => d.primaryKey)
    .map((d) => ({ name: d.name.name, position: d.name.span.start }));
  const clauses = elements.flatMap((e) => (e.kind === 'PrimaryKey' ? [e] : []));
  if (clauses.length + (inline.length > 0 ? 1 : 0) > 1 || inline.length > 1) {
    throw new SqlError('42P16', `multiple primary keys for table "${table}" are not allowed`, {
      position: clauses[0]?.span.start ?? inline[1]?.position ?? 0,
    });
  }
  return inline.length > 0
    ? inline
    : (clauses[0]?.columns.map((c) => ({ name: c.name, position: c.span.start })) ?? []);
}

function checkGenerated(columns: readonly TableColumn[], context: StatementContext): void {
  const env = bindEnvironment(context);
  for (const column of columns) {
    if (column.generated === null) continue;
    const bound = bindOverRow(column.generated, '', columns, env, 'column generation expressions');
    if (hasSubquery(bound)) {
      throw new SqlError('0A000', 'cannot use subquery in column generation expression', {
        position: column.generated.span.start,
      });
    }
    if (volatilityOf(bound) === 'volatile') {
      throw new SqlError('42P17', 'generation expression is not immutable', {
        position: column.generated.span.start,
      });
    }
    refuseChained(bound, columns, column);
    coerceAssign(bound, column.type, column.name, column.generated.span.start, env);
  }
}

function refuseChained(bound: Scalar, columns: readonly TableColumn[], column: TableColumn): void {
  for (const index of usedColumns(bound)) {
    const used = columns[index];
    if (used === undefined || used.generated === null) continue;
    throw new SqlError(
      '42P17',
      `cannot use generated column "${used.name}" in column generation expression`,
      {
        detail: 'A generated column cannot reference another generated column.',
        position: must(column.generated).span.start,
      },
    );
  }
}

function watermarkOf(
  elements: readonly TableElement[],
  columns: readonly TableColumn[],
  context: StatementContext,
): RelationEntry['watermark'] {
  const marks = elements.flatMap((e) => (e.kind === 'Watermark' ? [e] : []));
  const mark = marks[0];
  if (mark === undefined) return null;
  if (marks.length > 1)
    throw new SqlError('42P16', 'multiple watermark definition is not supported yet', {
      position: must(marks[1]).span.start,
    });
  const column = columns.findIndex((c) => c.name === mark.column.name);
  if (column < 0)
    throw new SqlError('42703', `column "${mark.column.name}" does not exist`, {
      position: mark.column.span.start,
    });
  const bound = bindOverRow(mark.expr, '', columns, bindEnvironment(context), 'WATERMARK');
  const { type } = must(columns[column]);
  if (bound.type.id !== type.id) {
    throw new SqlError(
      '42804',
      'The data types of the watermark expression and the watermarked column must be the same',
      { position: mark.expr.span.start },
    );
  }
  return { column, expression: context.textOf(mark.expr) };
}
