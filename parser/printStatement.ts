/** Statements as SQL text, on one line. One function per kind, in a table that must be complete. */
import type { Option, OptionValue } from './ast/common.ts';
import type {
  Assignment,
  ColumnDefinition,
  Copy,
  CreateIndex,
  CreateTable,
  EmitClause,
  FormatEncode,
  IncludeColumn,
  LaterKind,
  LaterStatement,
  OnConflict,
  SetVariable,
  Statement,
  StatementKind,
  TableElement,
  Transaction,
  Validation,
} from './ast/statement.ts';
import { isLaterStatement } from './construct.ts';
import { quoteIdent, quoteString } from './identifier.ts';
import { keywords } from './keywords.ts';
import { orderSuffix } from './printExpr.ts';
import { QueryPrinter } from './printQuery.ts';

export type StatementOf<K extends StatementKind> = Extract<Statement, { readonly kind: K }>;
type EarlyKind = Exclude<StatementKind, LaterKind>;
type EarlyStatement = Exclude<Statement, LaterStatement>;
type StatementPrinters = { readonly [K in EarlyKind]: (statement: StatementOf<K>) => string };

/** The parts that are not empty, with blanks between. */
export function words(...parts: readonly (string | false | null)[]): string {
  return parts.filter((part) => part !== false && part !== null && part !== '').join(' ');
}

/** A dotted key; a part that is not a plain word is quoted. */
export function dotted(name: string): string {
  return name
    .split('.')
    .map((part) => (/^[a-z_][a-z0-9_]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`))
    .join('.');
}

/** A setting's name, with words of the grammar quoted so that they are not taken for something else. */
export function settingName(name: string): string {
  return name
    .split('.')
    .map((part) => (keywords.has(part) || part === 'internal' ? `"${part}"` : quoteIdent(part)))
    .join('.');
}

export abstract class StatementPrinter extends QueryPrinter {
  abstract later(statement: LaterStatement): string;

  statement(statement: Statement): string {
    return isLaterStatement(statement) ? this.later(statement) : this.#print(statement);
  }

  #print(statement: EarlyStatement): string {
    const printer = this.#printers[statement.kind] as (statement: EarlyStatement) => string;
    return printer(statement);
  }

  readonly #printers: StatementPrinters = {
    SelectStatement: (s) => this.query(s.query),
    Insert: (s) =>
      words(
        'INSERT INTO',
        this.name(s.table),
        s.alias !== null && `AS ${this.ident(s.alias)}`,
        s.columns.length > 0 && `(${this.idents(s.columns)})`,
        s.source === null ? 'DEFAULT VALUES' : this.query(s.source),
        s.onConflict !== null && this.#onConflict(s.onConflict),
        s.returning.length > 0 && `RETURNING ${this.items(s.returning)}`,
      ),
    Update: (s) =>
      words(
        s.with !== null && this.withClause(s.with),
        'UPDATE',
        this.name(s.table) + this.alias(s.alias),
        'SET',
        this.#assignments(s.assignments),
        s.from.length > 0 && `FROM ${this.tables(s.from)}`,
        s.where !== null && `WHERE ${this.expr(s.where)}`,
        s.returning.length > 0 && `RETURNING ${this.items(s.returning)}`,
      ),
    Delete: (s) =>
      words(
        s.with !== null && this.withClause(s.with),
        'DELETE FROM',
        this.name(s.table) + this.alias(s.alias),
        s.using.length > 0 && `USING ${this.tables(s.using)}`,
        s.where !== null && `WHERE ${this.expr(s.where)}`,
        s.returning.length > 0 && `RETURNING ${this.items(s.returning)}`,
      ),
    Truncate: (s) =>
      words('TRUNCATE', s.tables.map((table) => this.name(table)).join(', '), s.cascade && 'CASCADE'),
    Copy: (s) => this.#copy(s),
    CreateTable: (s) => this.#createTable(s),
    CreateSource: (s) =>
      words(
        'CREATE',
        s.temporary && 'TEMPORARY',
        'SOURCE',
        s.ifNotExists && 'IF NOT EXISTS',
        this.name(s.name),
        s.elements.length > 0 && this.elements(s.elements),
        this.#include(s.include),
        this.withOptions(s.options),
        s.format !== null && this.#format(s.format),
      ),
    CreateView: (s) =>
      words(
        'CREATE',
        s.orReplace && 'OR REPLACE',
        s.temporary && 'TEMPORARY',
        'VIEW',
        s.ifNotExists && 'IF NOT EXISTS',
        this.name(s.name) + this.columns(s.columns),
        'AS',
        this.query(s.query),
      ),
    CreateMaterializedView: (s) =>
      words(
        'CREATE',
        s.orReplace && 'OR REPLACE',
        'MATERIALIZED VIEW',
        s.ifNotExists && 'IF NOT EXISTS',
        this.name(s.name) + this.columns(s.columns),
        this.withOptions(s.options),
        'AS',
        this.query(s.query),
        !s.withData && 'WITH NO DATA',
        s.emit !== null && this.emit(s.emit),
      ),
    CreateIndex: (s) => this.#createIndex(s),
    CreateSchema: (s) => words('CREATE SCHEMA', s.ifNotExists && 'IF NOT EXISTS', this.ident(s.name)),
    Drop: (s) =>
      words(
        'DROP',
        s.object.toUpperCase(),
        s.ifExists && 'IF EXISTS',
        s.names.map((name) => this.name(name)).join(', ') +
          (s.argumentTypes === null ? '' : `(${s.argumentTypes.map((type) => this.type(type)).join(', ')})`),
        s.behavior === 'cascade' && 'CASCADE',
      ),
    Comment: (s) =>
      words(
        'COMMENT ON',
        s.object.toUpperCase(),
        this.name(s.name) +
          (s.argumentTypes === null ? '' : `(${s.argumentTypes.map((type) => this.type(type)).join(', ')})`),
        'IS',
        s.text === null ? 'NULL' : quoteString(s.text),
      ),
    Explain: (s) => {
      const options = s.options.map((o) => words(dotted(o.name), o.value !== null && quoteString(o.value)));
      return words('EXPLAIN', options.length > 0 && `(${options.join(', ')})`, this.statement(s.statement));
    },
    SetVariable: (s) => this.#set(s),
    ResetVariable: (s) => `RESET ${s.name === null ? 'ALL' : settingName(s.name)}`,
    ShowVariable: (s) => `SHOW ${s.name === null ? 'ALL' : settingName(s.name)}`,
    ShowObjects: (s) =>
      words(
        'SHOW',
        s.object.toUpperCase(),
        s.from !== null && `FROM ${this.name(s.from)}`,
        s.filter !== null && `${s.filter.operator.toUpperCase()} ${quoteString(s.filter.pattern)}`,
      ),
    ShowCreate: (s) => `SHOW CREATE ${s.object.toUpperCase()} ${this.name(s.name)}`,
    Describe: (s) => `DESCRIBE ${this.name(s.name)}`,
    Transaction: (s) => this.#transaction(s),
    Prepare: (s) => {
      const types = s.types.length === 0 ? '' : ` (${s.types.map((type) => this.type(type)).join(', ')})`;
      return `PREPARE ${this.ident(s.name)}${types} AS ${this.statement(s.statement)}`;
    },
    Execute: (s) =>
      `EXECUTE ${this.ident(s.name)}${s.arguments.length === 0 ? '' : ` (${this.exprs(s.arguments)})`}`,
    Deallocate: (s) => `DEALLOCATE ${s.name === null ? 'ALL' : this.ident(s.name)}`,
    Discard: (s) => `DISCARD ${s.target.toUpperCase()}`,
    Flush: () => 'FLUSH',
    AdvanceClock: (s) => words('ADVANCE CLOCK', s.by ? 'BY' : 'TO', this.expr(s.value)),
    AdvanceWatermark: (s) =>
      words(
        'ADVANCE WATERMARK FOR',
        this.name(s.relation),
        s.partition !== null && `PARTITION ${quoteString(s.partition)}`,
        `TO ${this.expr(s.value)}`,
      ),
    Inject: (s) =>
      words(
        'INJECT INTO',
        this.name(s.source),
        s.columns.length > 0 && `(${s.columns.map((c) => quoteIdent(c.name)).join(', ')})`,
        s.partition !== null && `PARTITION ${quoteString(s.partition)}`,
        this.query(s.query),
      ),
    ExplainWatermark: (s) => `EXPLAIN WATERMARK ${this.name(s.relation)}`,
    ReplayLateRows: (s) =>
      words(
        'REPLAY LATE ROWS FROM',
        this.name(s.relation),
        s.where !== null && `WHERE ${this.expr(s.where)}`,
      ),
    ReprocessDeadLetters: (s) =>
      words(
        'REPROCESS DEAD LETTERS FROM',
        this.name(s.relation),
        s.where !== null && `WHERE ${this.expr(s.where)}`,
      ),
    Checkpoint: () => 'CHECKPOINT',
    Backup: ({ target }) =>
      target.kind === 'file'
        ? `BACKUP TO ${quoteString(target.path)}`
        : `BACKUP AS ${this.ident(target.name)}`,
    DropBackup: (s) => words('DROP BACKUP', s.ifExists && 'IF EXISTS', this.ident(s.name)),
    Wait: (s) => words('WAIT', s.object?.toUpperCase() ?? null, s.name !== null && this.name(s.name)),
  };

  // DML

  #onConflict(conflict: OnConflict): string {
    const { action } = conflict;
    const target = conflict.target.length > 0 && `(${this.idents(conflict.target)})`;
    if (action.kind === 'nothing') return words('ON CONFLICT', target, 'DO NOTHING');
    return words(
      'ON CONFLICT',
      target,
      'DO UPDATE SET',
      this.#assignments(action.assignments),
      action.where !== null && `WHERE ${this.expr(action.where)}`,
    );
  }

  #assignments(assignments: readonly Assignment[]): string {
    return assignments.map((assignment) => this.#assignment(assignment)).join(', ');
  }

  #assignment(assignment: Assignment): string {
    const { columns, values } = assignment;
    if (values.kind === 'query') return `(${this.idents(columns)}) = (${this.query(values.query)})`;
    if (columns.length === 1) return `${this.idents(columns)} = ${this.exprs(values.exprs)}`;
    return `(${this.idents(columns)}) = ROW(${this.exprs(values.exprs)})`;
  }

  #copy(copy: Copy): string {
    const { source, endpoint } = copy;
    const what =
      source.kind === 'query'
        ? `(${this.query(source.query)})`
        : this.name(source.table) + this.columns(source.columns);
    const options = copy.options.map((option) => words(dotted(option.name), this.#copyValue(option.value)));
    return words(
      'COPY',
      what,
      copy.direction.toUpperCase(),
      endpoint.kind === 'file' ? quoteString(endpoint.path) : endpoint.kind.toUpperCase(),
      options.length > 0 && `WITH (${options.join(', ')})`,
    );
  }

  #copyValue(value: OptionValue): string {
    if (value.kind === 'name' && (value.value === '*' || value.value.startsWith('('))) return value.value;
    return this.optionValue(value);
  }

  // Options

  protected withOptions(options: readonly Option[]): string {
    return options.length === 0 ? '' : `WITH ${this.options(options)}`;
  }

  protected options(options: readonly Option[]): string {
    return `(${options.map((option) => `${dotted(option.name)} = ${this.optionValue(option.value)}`).join(', ')})`;
  }

  protected optionValue(value: OptionValue): string {
    switch (value.kind) {
      case 'string':
        return quoteString(value.value);
      case 'number':
        return value.value;
      case 'boolean':
        return value.value ? 'TRUE' : 'FALSE';
      case 'name':
        return value.value.includes('(') ? value.value : dotted(value.value);
      case 'secret':
        return words('SECRET', this.name(value.name), value.asFile && 'AS FILE');
    }
  }

  #format(format: FormatEncode): string {
    return words(
      `FORMAT ${dotted(format.format.toLowerCase())} ENCODE ${dotted(format.encode.toLowerCase())}`,
      format.options.length > 0 && this.options(format.options),
      format.keyEncode !== null && `KEY ENCODE ${dotted(format.keyEncode.toLowerCase())}`,
    );
  }

  protected formatEncode(format: FormatEncode | null): string {
    return format === null ? '' : this.#format(format);
  }

  #include(columns: readonly IncludeColumn[]): string {
    return columns
      .map((column) =>
        words(
          'INCLUDE',
          dotted(column.field),
          column.key !== null && quoteString(column.key),
          column.type !== null && this.type(column.type),
          column.alias !== null && `AS ${this.ident(column.alias)}`,
        ),
      )
      .join(' ');
  }

  emit(emit: EmitClause): string {
    const interval = emit.interval === null ? '' : this.expr(emit.interval);
    const lateness = emit.mode === 'on window close' && interval !== '' && 'ALLOWED LATENESS';
    return words('EMIT', emit.mode.toUpperCase(), lateness, interval);
  }

  // CREATE

  #createTable(s: CreateTable): string {
    return words(
      'CREATE',
      s.orReplace && 'OR REPLACE',
      s.temporary && 'TEMPORARY',
      'TABLE',
      s.ifNotExists && 'IF NOT EXISTS',
      this.name(s.name),
      (s.elements.length > 0 || (s.query === null && s.fromSource === null && s.options.length === 0)) &&
        this.elements(s.elements),
      s.appendOnly && 'APPEND ONLY',
      s.onConflict !== null && `ON CONFLICT ${conflictWords[s.onConflict]}`,
      s.versionColumns.length > 0 && `WITH VERSION COLUMN (${this.idents(s.versionColumns)})`,
      this.#include(s.include),
      this.withOptions(s.options),
      s.format !== null && this.#format(s.format),
      s.query !== null && `AS ${this.query(s.query)}`,
      !s.withData && 'WITH NO DATA',
      s.fromSource !== null &&
        `FROM ${this.name(s.fromSource.source)} TABLE ${quoteString(s.fromSource.table)}`,
      s.validation !== null && this.#validation(s.validation),
      s.engine !== null && `ENGINE = ${quoteIdent(s.engine)}`,
    );
  }

  #validation({ secret, expr }: Validation): string {
    const value = secret?.value;
    return words(
      'VALIDATE',
      value?.kind === 'secret' && `SECRET ${this.name(value.name)}`,
      `AS ${this.expr(expr)}`,
    );
  }

  elements(elements: readonly TableElement[]): string {
    return `(${elements.map((element) => this.element(element)).join(', ')})`;
  }

  element(element: TableElement): string {
    switch (element.kind) {
      case 'ColumnDefinition':
        return this.columnDefinition(element);
      case 'TableWildcard':
        return '*';
      case 'PrimaryKey': {
        const name = element.name === null ? '' : `CONSTRAINT ${this.ident(element.name)}`;
        return words(name, `PRIMARY KEY (${this.idents(element.columns)})`);
      }
      case 'Watermark': {
        const ttl = element.withTtl ? ' WITH TTL' : '';
        return `WATERMARK FOR ${this.ident(element.column)} AS ${this.expr(element.expr)}${ttl}`;
      }
      case 'OtherConstraint':
        return element.construct;
    }
  }

  protected columnDefinition(column: ColumnDefinition): string {
    return words(
      this.ident(column.name),
      column.type !== null && this.type(column.type),
      column.collation !== null && `COLLATE ${this.name(column.collation)}`,
      column.notNull !== null && (column.notNull ? 'NOT NULL' : 'NULL'),
      column.primaryKey && 'PRIMARY KEY',
      column.unique && 'UNIQUE',
      column.default !== null && `DEFAULT ${this.restricted(column.default)}`,
      ...column.otherConstraints,
      column.generated !== null && `AS (${this.expr(column.generated)})`,
    );
  }

  #createIndex(s: CreateIndex): string {
    const keys = s.keys.map((key) => this.expr(key.expr) + orderSuffix(key.direction, key.nulls));
    return words(
      'CREATE',
      s.unique && 'UNIQUE',
      'INDEX',
      s.concurrently && 'CONCURRENTLY',
      s.ifNotExists && 'IF NOT EXISTS',
      s.name !== null && this.name(s.name),
      'ON',
      this.name(s.relation),
      s.method !== null && `USING ${quoteIdent(s.method)}`,
      `(${keys.join(', ')})`,
      s.include.length > 0 && `INCLUDE (${this.idents(s.include)})`,
      s.distributedBy.length > 0 && `DISTRIBUTED BY (${this.exprs(s.distributedBy)})`,
      this.withOptions(s.options),
      s.where !== null && `WHERE ${this.expr(s.where)}`,
    );
  }

  // Session

  #set(s: SetVariable): string {
    const scope = s.scope === 'local' ? 'SET LOCAL' : 'SET';
    const modes = s.values?.join(', ').toUpperCase() ?? '';
    if (s.name === 'transaction') return `${scope} TRANSACTION ${modes}`;
    if (s.name === 'session_characteristics') return `SET SESSION CHARACTERISTICS AS TRANSACTION ${modes}`;
    return `${scope} ${settingName(s.name)} TO ${s.values === null ? 'DEFAULT' : s.values.map(quoteString).join(', ')}`;
  }

  #transaction(s: Transaction): string {
    const action = s.action === 'release' ? 'RELEASE SAVEPOINT' : s.action.toUpperCase();
    return words(
      s.action === 'rollback to' ? 'ROLLBACK TO SAVEPOINT' : action,
      s.name !== null && this.ident(s.name),
      s.modes.join(', ').toUpperCase(),
      s.chain && 'AND CHAIN',
    );
  }
}

const conflictWords: { readonly [K in NonNullable<CreateTable['onConflict']>]: string } = {
  overwrite: 'DO UPDATE FULL',
  'do nothing': 'DO NOTHING',
  'do update if not null': 'DO UPDATE IF NOT NULL',
  'do error': 'DO ERROR',
};
