/** Table elements to columns, keys and watermarks: shared by CREATE TABLE and CREATE SOURCE. */
import { must } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import { type DataType, types } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { ColumnDefinition, TableElement } from '../../parser/ast/statement.ts';
import { type BindEnvironment, bindOverRow, bindStandalone } from '../../planner/bind/bind.ts';
import { coerceAssign } from '../../planner/bind/coerce.ts';
import { dataTypeOf } from '../../planner/bind/typeNames.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { hasSubquery, usedColumns, volatilityOf } from '../../planner/plan/scalars.ts';
import { isMomentary } from '../../planner/time/temporalFilter.ts';
import type { TableColumn } from '../objects.ts';
import { bindEnvironment } from '../planning.ts';
import { isProctime } from '../time/rowExpander.ts';
import { timeUnitOf } from '../time/units.ts';
import type { StatementContext } from './statement.ts';

export interface TableShape {
  readonly columns: readonly TableColumn[];
  /** Declared primary key, empty when there is none. */
  readonly primaryKey: readonly number[];
  readonly watermark: DeclaredWatermark | null;
  /** Expressions of generated columns, by column. */
  readonly generated: readonly (Scalar | null)[];
  /** Generated columns that are proctime(). */
  readonly processTime: readonly number[];
}

/** WATERMARK FOR column AS expression [WITH TTL]. */
export interface DeclaredWatermark {
  readonly column: number;
  /** As SQL. */
  readonly expression: string;
  readonly bound: Scalar;
  readonly withTtl: boolean;
  readonly position: number;
}

/** What the catalog says of it. */
export function catalogWatermark(watermark: DeclaredWatermark | null): RelationEntry['watermark'] {
  return watermark === null ? null : { column: watermark.column, expression: watermark.expression };
}

/**
 * Columns as written; `fixed` are those that a connector brings: when none are written, when all written ones are
 * generated, and where `*` stands; `included` follow all others (INCLUDE).
 */
export function tableShape(
  elements: readonly TableElement[],
  fixed: readonly { readonly name: string; readonly type: DataType }[] | null,
  name: string,
  context: StatementContext,
  included: readonly { readonly name: string; readonly type: DataType }[] = [],
): TableShape {
  const definitions = elements.flatMap((e) => (e.kind === 'ColumnDefinition' ? [e] : []));
  for (const e of elements) {
    if (e.kind === 'TableWildcard' && fixed === null) {
      throw unsupported(
        '* in a column list',
        e.span.start,
        'Name the columns: this connector has none of its own.',
      );
    }
    if (e.kind === 'OtherConstraint') throw unsupported(e.construct, e.span.start);
  }
  const plain: TableColumn[] = [];
  const addFixed = (): void => {
    for (const c of fixed ?? []) plain.push({ ...c, nullable: true, default: null, generated: null });
  };
  const wildcard = elements.some((e) => e.kind === 'TableWildcard');
  if (!wildcard && definitions.every((d) => d.generated !== null)) addFixed();
  for (const e of elements) {
    if (e.kind === 'TableWildcard') addFixed();
    else if (e.kind === 'ColumnDefinition') plain.push(columnOf(e, plain, context));
  }
  for (const c of included) plain.push({ ...c, nullable: true, default: null, generated: null });
  const keyNames = keyColumns(elements, definitions, name);
  const primaryKey = keyNames.map(({ name, position }) => {
    const index = plain.findIndex((c) => c.name === name);
    if (index < 0) throw new SqlError('42703', `column "${name}" named in key does not exist`, { position });
    return index;
  });
  const columns = plain.map((c, i) => (primaryKey.includes(i) ? { ...c, nullable: false } : c));
  const { generated, processTime } = checkGenerated(columns, primaryKey, context);
  return { columns, primaryKey, watermark: watermarkOf(elements, columns, context), generated, processTime };
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

function checkGenerated(
  columns: readonly TableColumn[],
  primaryKey: readonly number[],
  context: StatementContext,
): Pick<TableShape, 'generated' | 'processTime'> {
  const env = bindEnvironment(context);
  const processTime: number[] = [];
  const generated = columns.map((column, i) => {
    if (column.generated === null) return null;
    const position = column.generated.span.start;
    const bound = bindOverRow(column.generated, '', columns, env, 'column generation expressions');
    if (hasSubquery(bound)) {
      throw new SqlError('0A000', 'cannot use subquery in column generation expression', { position });
    }
    if (isProctime(bound)) processTime.push(i);
    else if (volatilityOf(bound) === 'volatile') {
      throw new SqlError('42P17', 'generation expression is not immutable', { position });
    }
    if (isMomentary(bound) && primaryKey.includes(i)) {
      throw new SqlError(
        '42P16',
        `generated column "${column.name}" depends on the clock: it cannot be a key`,
        {
          position,
        },
      );
    }
    refuseChained(bound, columns, column);
    return coerceAssign(bound, column.type, column.name, position, env);
  });
  return { generated, processTime: processTime.filter((i) => columns[i]?.type.id === 'timestamptz') };
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
): DeclaredWatermark | null {
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
  const { type } = must(columns[column]);
  if (timeUnitOf(type) === null) {
    throw unsupported(
      `a watermark on a column of type ${formatType(type)}`,
      mark.column.span.start,
      'It takes timestamp, timestamptz, date, smallint, integer or bigint.',
    );
  }
  const bound = bindOverRow(mark.expr, '', columns, bindEnvironment(context), 'WATERMARK');
  const position = mark.expr.span.start;
  if (hasSubquery(bound)) throw new SqlError('0A000', 'cannot use subquery in WATERMARK', { position });
  if (volatilityOf(bound) === 'volatile' || isMomentary(bound)) {
    throw new SqlError('42P17', 'watermark expression is not immutable', {
      position,
      hint: 'It is computed from the columns of each row; watermark.idle.follow.clock brings the clock in.',
    });
  }
  if (bound.type.id !== type.id) {
    throw new SqlError(
      '42804',
      'The data types of the watermark expression and the watermarked column must be the same',
      { position },
    );
  }
  return {
    column,
    expression: context.textOf(mark.expr),
    bound,
    withTtl: mark.withTtl,
    position: mark.column.span.start,
  };
}
