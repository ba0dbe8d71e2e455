/**
 * The changes of ALTER TABLE to a table's columns, one after the other, on its CREATE statement. What comes out is the
 * statement of the table as it is to be, and where each of its columns comes from.
 */
import { must } from '../../common/assert.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { AlterAction } from '../../parser/ast/alter.ts';
import type { Ident, Option } from '../../parser/ast/common.ts';
import type { ColumnRef, Expr } from '../../parser/ast/expr.ts';
import type { ColumnDefinition, CreateSource, CreateTable } from '../../parser/ast/statement.ts';
import { type AnyNode, walk } from '../../parser/walk.ts';
import { bindOverRow } from '../../planner/bind/bind.ts';
import { tryCoerce } from '../../planner/bind/coerce.ts';
import { dataTypeOf } from '../../planner/bind/typeNames.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { hasSubquery, volatilityOf } from '../../planner/plan/scalars.ts';
import { shownKind, type TableObject } from '../objects.ts';
import { bindEnvironment } from '../planning.ts';
import type { StatementContext } from './statement.ts';

export type ColumnAction = Extract<
  AlterAction,
  { readonly kind: 'addColumn' | 'dropColumn' | 'columnType' | 'columnDefault' | 'columnNotNull' }
>;

export function isColumnChange(action: AlterAction): action is ColumnAction {
  return ['addColumn', 'dropColumn', 'columnType', 'columnDefault', 'columnNotNull'].includes(action.kind);
}

/** The statement of a table, or of a source whose rows the database keeps. */
export type TableStatement = CreateTable | CreateSource;

function namesColumn(expr: Expr, name: string): boolean {
  let names = false;
  walk(expr, (node: AnyNode) => {
    const ref = node as AnyNode & (ColumnRef | { readonly kind: 'Other' });
    if (ref.kind === 'ColumnRef' && ref.parts.at(-1)?.name === name) names = true;
  });
  return names;
}

/** Where a column's values come from. */
export interface Origin {
  /** Column of the table before; null: a new column. */
  readonly before: number | null;
  /** Over the table's row before; null: the value as it is, or the new column's default. */
  readonly convert: Scalar | null;
}

export class ColumnChanges {
  readonly #table: TableObject;
  readonly #context: StatementContext;
  statement: TableStatement;
  /** By name. */
  readonly origins = new Map<string, Origin>();
  /** Columns of the table before that are dropped, with what CASCADE says. */
  readonly dropped: { readonly column: number; readonly cascade: boolean }[] = [];
  /** Columns of the table before whose type changes. */
  readonly retyped: number[] = [];
  /** Columns that may be NULL from now on. */
  relaxed = false;
  /** Rows have to be written anew. */
  rewrites = false;

  constructor(table: TableObject, statement: TableStatement, context: StatementContext) {
    this.#table = table;
    this.#context = context;
    this.statement = statement;
    table.columns.forEach((c, before) => {
      this.origins.set(c.name, { before, convert: null });
    });
  }

  apply(action: ColumnAction): void {
    switch (action.kind) {
      case 'addColumn':
        this.#add(action.column, action.ifNotExists);
        break;
      case 'dropColumn':
        this.#drop(action);
        break;
      case 'columnType':
        this.#retype(action);
        break;
      case 'columnDefault':
        this.#setDefault(action.column, action.value);
        break;
      case 'columnNotNull':
        this.#setNotNull(action.column, action.notNull);
        break;
    }
  }

  #notice(message: string): void {
    this.#context.notice({ severity: 'NOTICE', state: '00000', message });
  }

  #definition({ name, span }: Ident): ColumnDefinition {
    const found = this.statement.elements.find((e) => e.kind === 'ColumnDefinition' && e.name.name === name);
    if (found?.kind === 'ColumnDefinition') return found;
    if (this.#table.columns.some((c) => c.name === name && c.hidden !== true)) {
      throw unsupported(
        'this change of a column of INCLUDE',
        span.start,
        'Only its name can be changed. Leave it out in a view over the relation.',
      );
    }
    const message = `column "${name}" of relation "${this.#table.name}" does not exist`;
    throw new SqlError('42703', message, { position: span.start });
  }

  #change(before: ColumnDefinition, after: ColumnDefinition): void {
    this.statement = {
      ...this.statement,
      elements: this.statement.elements.map((e) => (e === before ? after : e)),
    };
  }

  #add(column: ColumnDefinition, ifNotExists: boolean): void {
    const { name, span } = column.name;
    if (this.origins.has(name)) {
      const message = `column "${name}" of relation "${this.#table.name}" already exists`;
      if (!ifNotExists) throw new SqlError('42701', message, { position: span.start });
      this.#notice(`${message}, skipping`);
      return;
    }
    if (column.primaryKey) {
      if (this.#table.rowId !== null)
        throw unsupported('a PRIMARY KEY column in ADD COLUMN', column.span.start);
      const message = `multiple primary keys for table "${this.#table.name}" are not allowed`;
      throw new SqlError('42P16', message, { position: column.span.start });
    }
    const { elements } = this.statement;
    const last = elements.findLastIndex((e) => e.kind === 'ColumnDefinition');
    this.statement = {
      ...this.statement,
      elements: [...elements.slice(0, last + 1), column, ...elements.slice(last + 1)],
    };
    this.origins.set(name, { before: null, convert: null });
    this.rewrites = true;
  }

  #drop({ column, ifExists, behavior }: Extract<ColumnAction, { kind: 'dropColumn' }>): void {
    const { name, span } = column;
    const table = this.#table;
    if (
      ifExists &&
      !this.statement.elements.some((e) => e.kind === 'ColumnDefinition' && e.name.name === name)
    ) {
      this.#notice(`column "${name}" of relation "${table.name}" does not exist, skipping`);
      return;
    }
    const definition = this.#definition(column);
    const before = this.origins.get(name)?.before ?? null;
    if (before !== null && table.rowId === null && table.key.includes(before)) {
      throw unsupported('DROP COLUMN of a primary key column', span.start);
    }
    const { statement } = this;
    const isVersion =
      statement.kind === 'CreateTable' && statement.versionColumns.some((v) => v.name === name);
    if (isVersion || this.#isTtl(name)) {
      throw unsupported('DROP COLUMN of a version or ttl column', span.start);
    }
    if (this.#isTime(name)) throw unsupported('DROP COLUMN of a column of the watermark', span.start);
    const users = this.#generatedFrom(name);
    const [user] = users;
    if (user !== undefined && behavior === 'restrict') {
      const shown = `${shownKind(table)} ${table.name}`;
      throw new SqlError(
        '2BP01',
        `cannot drop column ${name} of ${shown} because other objects depend on it`,
        {
          detail: `column ${user.name.name} of ${shown} depends on column ${name} of ${shown}`,
          hint: 'Use DROP ... CASCADE to drop the dependent objects too.',
        },
      );
    }
    const gone = [definition, ...users];
    const elements = this.statement.elements.filter((e) => !gone.some((g) => g === e));
    if (!elements.some((e) => e.kind === 'ColumnDefinition')) {
      throw unsupported('dropping the only column of a table', span.start);
    }
    this.statement = { ...this.statement, elements };
    for (const g of gone) {
      const origin = this.origins.get(g.name.name)?.before ?? null;
      this.origins.delete(g.name.name);
      if (origin !== null) this.dropped.push({ column: origin, cascade: behavior === 'cascade' });
    }
    this.rewrites = true;
  }

  #isTtl(name: string): boolean {
    const text = (o: Option): string => (o.value.kind === 'secret' ? '' : String(o.value.value));
    return this.statement.options.some((o) => o.name === 'ttl_column' && text(o) === name);
  }

  /** The watermark is computed from it. */
  #isTime(name: string): boolean {
    const mark = this.statement.elements.find((e) => e.kind === 'Watermark');
    return mark?.kind === 'Watermark' && (mark.column.name === name || namesColumn(mark.expr, name));
  }

  /** Generated columns whose expression names the column. */
  #generatedFrom(name: string): readonly ColumnDefinition[] {
    return this.statement.elements.flatMap((e) => {
      if (e.kind !== 'ColumnDefinition' || e.generated === null) return [];
      return namesColumn(e.generated, name) ? [e] : [];
    });
  }

  #retype({ column, type: written, using }: Extract<ColumnAction, { kind: 'columnType' }>): void {
    const { name } = column;
    const table = this.#table;
    const position = column.span.start;
    const definition = this.#definition(column);
    if (definition.generated !== null) throw unsupported('ALTER COLUMN TYPE of a generated column', position);
    const [user] = this.#generatedFrom(name);
    if (user !== undefined) {
      throw new SqlError('0A000', 'cannot alter type of a column used by a generated column', {
        detail: `Column "${name}" is used by generated column "${user.name.name}".`,
      });
    }
    if (this.#isTime(name)) throw unsupported('ALTER COLUMN TYPE of a column of the watermark', position);
    const before = this.origins.get(name)?.before ?? null;
    if (before === null || this.retyped.includes(before)) {
      throw new SqlError('42P16', `cannot alter type of column "${name}" twice`, { position });
    }
    const env = bindEnvironment(this.#context);
    const type = dataTypeOf(written, env);
    const old = must(table.columns[before]);
    const shown = formatType(type);
    if (definition.default !== null) {
      const value = bindOverRow(definition.default, '', [], env, 'DEFAULT expressions');
      if (tryCoerce(value, type, 'assignment', env) === null) {
        throw new SqlError(
          '42804',
          `default for column "${name}" cannot be cast automatically to type ${shown}`,
        );
      }
    }
    const source: Scalar =
      using === null
        ? { kind: 'column', index: before, type: old.type }
        : bindOverRow(using, table.name, table.columns, env, 'transform expressions');
    if (hasSubquery(source)) {
      throw new SqlError('0A000', 'cannot use subquery in transform expression', { position });
    }
    if (volatilityOf(source) === 'volatile') throw unsupported('a volatile expression in USING', position);
    const convert = tryCoerce(source, type, 'assignment', env);
    if (convert === null) {
      throw using === null
        ? new SqlError('42804', `column "${name}" cannot be cast automatically to type ${shown}`, {
            hint: `You might need to specify "USING ${name}::${shown}".`,
          })
        : new SqlError(
            '42804',
            `result of USING clause for column "${name}" cannot be cast automatically to type ${shown}`,
            {
              hint: 'You might need to add an explicit cast.',
            },
          );
    }
    this.origins.set(name, { before, convert });
    this.#change(definition, { ...definition, type: written });
    this.retyped.push(before);
    this.rewrites = true;
  }

  #setDefault(column: Ident, value: Expr | null): void {
    const definition = this.#definition(column);
    if (definition.generated !== null) {
      throw new SqlError(
        '42601',
        `column "${column.name}" of relation "${this.#table.name}" is a generated column`,
        {
          position: column.span.start,
        },
      );
    }
    this.#change(definition, { ...definition, default: value });
  }

  #setNotNull(column: Ident, notNull: boolean): void {
    const definition = this.#definition(column);
    const before = this.origins.get(column.name)?.before ?? null;
    const inKey = before !== null && this.#table.rowId === null && this.#table.key.includes(before);
    if (inKey) {
      if (notNull) return;
      throw new SqlError('42P16', `column "${column.name}" is in a primary key`);
    }
    if (!notNull && definition.notNull === true) this.relaxed = true;
    this.#change(definition, { ...definition, notNull });
    if (notNull) this.rewrites = true;
  }
}
