/** Statements that only the parser knows so far, as SQL text. */
import type { AlterAction, UserOption } from './ast/alter.ts';
import type { FetchCursor } from './ast/cursor.ts';
import type { AlterDefaultPrivileges, Grant, Privilege, PrivilegeTarget } from './ast/privilege.ts';
import type {
  CreateFunction,
  RoutineBody,
  RoutineParameter,
  RoutineResult,
  RoutineSetting,
} from './ast/routine.ts';
import type { LaterKind, LaterStatement } from './ast/statement.ts';
import { quoteIdent, quoteString } from './identifier.ts';
import { dotted, type StatementOf, StatementPrinter, settingName, words } from './printStatement.ts';

type LaterPrinters = { readonly [K in LaterKind]: (statement: StatementOf<K>) => string };

const ifNotExists = (is: boolean): string => (is ? 'IF NOT EXISTS' : '');

export class LaterPrinter extends StatementPrinter {
  later(statement: LaterStatement): string {
    const printer = this.#printers[statement.kind] as (statement: LaterStatement) => string;
    return printer(statement);
  }

  readonly #printers: LaterPrinters = {
    CreateSink: (s) =>
      words(
        s.replace ? 'REPLACE SINK' : 'CREATE SINK',
        ifNotExists(s.ifNotExists),
        this.name(s.name),
        s.into !== null && `INTO ${this.name(s.into.table)}${this.columns(s.into.columns)}`,
        s.source.kind === 'relation'
          ? `FROM ${this.name(s.source.name)}`
          : `AS ${this.query(s.source.query)}`,
        s.emit !== null && this.emit(s.emit),
        this.withOptions(s.options),
        this.formatEncode(s.format),
      ),
    CreateSubscription: (s) =>
      words(
        'CREATE SUBSCRIPTION',
        ifNotExists(s.ifNotExists),
        this.name(s.name),
        `FROM ${this.name(s.from)}`,
        this.withOptions(s.options),
      ),
    CreateConnection: (s) =>
      words('CREATE CONNECTION', ifNotExists(s.ifNotExists), this.name(s.name), this.withOptions(s.options)),
    CreateSecret: (s) =>
      words(
        'CREATE SECRET',
        ifNotExists(s.ifNotExists),
        this.name(s.name),
        this.withOptions(s.options),
        `AS ${quoteString(s.value)}`,
      ),
    CreateFunction: (s) => this.#createFunction(s),
    CreateAggregate: (s) =>
      words(
        'CREATE',
        s.orReplace && 'OR REPLACE',
        'AGGREGATE',
        ifNotExists(s.ifNotExists),
        this.name(s.name) + this.#parameters(s.parameters),
        `RETURNS ${this.type(s.returns)}`,
        s.appendOnly && 'APPEND ONLY',
        s.language !== null && `LANGUAGE ${quoteIdent(s.language)}`,
        s.runtime !== null && `RUNTIME ${quoteIdent(s.runtime)}`,
        s.body !== null && this.#body(s.body),
      ),
    CreateDatabase: (s) =>
      words(
        'CREATE DATABASE',
        ifNotExists(s.ifNotExists),
        this.ident(s.name),
        s.options.length > 0 && 'WITH',
        s.options.map((option) => `${dotted(option.name)} = ${this.optionValue(option.value)}`).join(' '),
      ),
    CreateUser: (s) =>
      words('CREATE USER', this.ident(s.name), s.options.length > 0 && 'WITH', this.#userOptions(s.options)),
    Alter: (s) =>
      words(
        'ALTER',
        s.object.toUpperCase(),
        s.ifExists && 'IF EXISTS',
        this.name(s.name) +
          (s.argumentTypes === null ? '' : `(${s.argumentTypes.map((type) => this.type(type)).join(', ')})`),
        s.actions.map((action) => this.#action(action)).join(', '),
      ),
    AlterFragment: (s) => `ALTER FRAGMENT ${s.ids.join(', ')} ${this.#action(s.action)}`,
    AlterSystem: (s) =>
      `ALTER SYSTEM SET ${settingName(s.name)} TO ${s.value === null ? 'DEFAULT' : quoteString(s.value)}`,
    AlterDefaultPrivileges: (s) => this.#defaultPrivileges(s),
    Grant: (s) => this.#grant(s),
    GrantRole: (s) =>
      words(
        s.revoke ? 'REVOKE' : 'GRANT',
        this.idents(s.roles),
        s.revoke ? 'FROM' : 'TO',
        this.idents(s.grantees),
        s.grantedBy !== null && `GRANTED BY ${this.ident(s.grantedBy)}`,
      ),
    DeclareCursor: (s) =>
      words(
        'DECLARE',
        this.ident(s.name),
        s.binary && 'BINARY',
        s.insensitive && 'INSENSITIVE',
        s.scroll !== null && (s.scroll ? 'SCROLL' : 'NO SCROLL'),
        'CURSOR',
        s.withHold && 'WITH HOLD',
        `FOR ${this.query(s.query)}`,
      ),
    DeclareSubscriptionCursor: (s) =>
      words(
        `DECLARE ${this.ident(s.name)} SUBSCRIPTION CURSOR FOR ${this.name(s.subscription)}`,
        s.from !== null && (s.from.kind === 'full' ? 'FULL' : `SINCE ${this.expr(s.from.expr)}`),
      ),
    FetchCursor: (s) =>
      words(
        s.move ? 'MOVE' : 'FETCH',
        fetchDirection(s),
        'FROM',
        this.ident(s.name),
        this.withOptions(s.options),
      ),
    CloseCursor: (s) => `CLOSE ${s.name === null ? 'ALL' : this.ident(s.name)}`,
    UseDatabase: (s) => `USE ${this.ident(s.name)}`,
    Refresh: (s) =>
      words(
        'REFRESH',
        s.object.toUpperCase(),
        s.concurrently && 'CONCURRENTLY',
        this.name(s.name),
        !s.withData && 'WITH NO DATA',
      ),
    CancelJobs: (s) => `CANCEL JOBS ${s.ids.join(', ')}`,
    Kill: (s) => `KILL ${quoteString(s.process)}`,
    SystemCommand: (s) => s.command.toUpperCase(),
    DeleteMetaSnapshots: (s) => `DELETE META SNAPSHOTS ${s.ids.join(', ')}`,
    Vacuum: (s) =>
      words(
        'VACUUM',
        s.full && 'FULL',
        s.verbose && 'VERBOSE',
        s.analyze && 'ANALYZE',
        s.relations.map((name) => this.name(name)).join(', '),
      ),
    Analyze: (s) =>
      words(
        'ANALYZE',
        s.verbose && 'VERBOSE',
        s.relations.map((relation) => this.name(relation.name) + this.columns(relation.columns)).join(', '),
      ),
    LockTable: (s) =>
      words(
        'LOCK TABLE',
        s.tables.map((table) => this.name(table)).join(', '),
        s.mode !== null && `IN ${s.mode.toUpperCase()} MODE`,
        s.nowait && 'NOWAIT',
      ),
    DescribeFragments: (s) =>
      s.target.kind === 'job'
        ? `DESCRIBE FRAGMENTS ${this.name(s.target.name)}`
        : `DESCRIBE FRAGMENT ${s.target.id}`,
    ExplainAnalyzeJob: (s) =>
      s.target.kind === 'job'
        ? `EXPLAIN ANALYZE ${s.target.object.toUpperCase()} ${this.name(s.target.name)}`
        : `EXPLAIN ANALYZE ID ${s.target.id}`,
  };

  // Functions

  #createFunction(s: CreateFunction): string {
    return words(
      'CREATE',
      s.orReplace && 'OR REPLACE',
      s.temporary && 'TEMPORARY',
      'FUNCTION',
      ifNotExists(s.ifNotExists),
      this.name(s.name) + this.#parameters(s.parameters),
      s.returns !== null && `RETURNS ${this.#result(s.returns)}`,
      s.language !== null && `LANGUAGE ${quoteIdent(s.language)}`,
      s.runtime !== null && `RUNTIME ${quoteIdent(s.runtime)}`,
      s.volatility?.toUpperCase() ?? null,
      s.strict && 'STRICT',
      this.#routineSettings(s.settings),
      s.body !== null && this.#body(s.body),
      this.withOptions(s.options),
    );
  }

  #parameters(parameters: readonly RoutineParameter[]): string {
    const list = parameters.map((parameter) =>
      words(
        parameter.mode !== 'in' && parameter.mode.toUpperCase(),
        parameter.name !== null && this.ident(parameter.name),
        this.type(parameter.type),
        parameter.default !== null && `DEFAULT ${this.expr(parameter.default)}`,
      ),
    );
    return `(${list.join(', ')})`;
  }

  #routineSettings(settings: readonly RoutineSetting[]): string {
    return settings.map((s) => `SET ${settingName(s.name)} TO ${quoteString(s.value)}`).join(' ');
  }

  #result(result: RoutineResult): string {
    if (result.kind === 'type') return words(result.setOf && 'SETOF', this.type(result.type));
    return `TABLE (${result.columns.map((c) => `${this.ident(c.name)} ${this.type(c.type)}`).join(', ')})`;
  }

  #body(body: RoutineBody): string {
    switch (body.kind) {
      case 'text':
        return `AS ${quoteString(body.text)}${body.symbol === null ? '' : `, ${quoteString(body.symbol)}`}`;
      case 'link':
        return words(
          body.name !== null && `AS ${quoteIdent(body.name)}`,
          `USING LINK ${quoteString(body.link)}`,
        );
      case 'base64':
        return `USING BASE64 ${quoteString(body.data)}`;
      case 'return':
        return `RETURN ${this.expr(body.expr)}`;
    }
  }

  // ALTER

  #action(action: AlterAction): string {
    switch (action.kind) {
      case 'rename':
        return `RENAME TO ${this.name(action.to)}`;
      case 'renameColumn':
        return `RENAME COLUMN ${this.ident(action.from)} TO ${this.ident(action.to)}`;
      case 'renameConstraint':
        return `RENAME CONSTRAINT ${this.ident(action.from)} TO ${this.ident(action.to)}`;
      case 'owner':
        return `OWNER TO ${this.ident(action.to)}`;
      case 'setSchema':
        return `SET SCHEMA ${this.ident(action.to)}`;
      case 'swap':
        return `SWAP WITH ${this.name(action.with)}`;
      case 'set':
        return words(
          `SET ${settingName(action.name)} TO ${action.value === null ? 'DEFAULT' : quoteString(action.value)}`,
          action.deferred && 'DEFERRED',
        );
      case 'reset':
        return words(
          'RESET',
          action.name !== null && settingName(action.name),
          action.deferred && 'DEFERRED',
        );
      case 'setConfig':
        return `SET CONFIG ${this.options(action.options)}`;
      case 'resetConfig':
        return `RESET CONFIG (${action.keys.map(dotted).join(', ')})`;
      case 'connector':
        return `CONNECTOR WITH ${this.options(action.options)}`;
      case 'dropConnector':
        return 'DROP CONNECTOR';
      case 'refreshSchema':
        return 'REFRESH SCHEMA';
      case 'resume':
        return 'RESUME';
      case 'pause':
        return 'PAUSE';
      case 'volatility':
        return action.to.toUpperCase();
      case 'nullInput':
        return action.strict ? 'STRICT' : 'CALLED ON NULL INPUT';
      case 'format':
        return this.formatEncode(action.format);
      case 'asQuery':
        return `AS ${this.query(action.query)}`;
      case 'secretValue':
        return words(this.withOptions(action.options), `AS ${quoteString(action.value)}`);
      case 'userOptions':
        return words('WITH', this.#userOptions(action.options));
      default:
        return this.#tableAction(action);
    }
  }

  #tableAction(action: TableAction): string {
    switch (action.kind) {
      case 'addColumn':
        return words('ADD COLUMN', ifNotExists(action.ifNotExists), this.columnDefinition(action.column));
      case 'addConstraint':
        return `ADD ${this.element(action.constraint)}`;
      case 'dropColumn':
        return words(
          'DROP COLUMN',
          action.ifExists && 'IF EXISTS',
          this.ident(action.column),
          behavior(action),
        );
      case 'dropConstraint':
        return words(
          'DROP CONSTRAINT',
          action.ifExists && 'IF EXISTS',
          this.ident(action.constraint),
          behavior(action),
        );
      case 'columnType':
        return words(
          `ALTER COLUMN ${this.ident(action.column)} TYPE ${this.type(action.type)}`,
          action.using !== null && `USING ${this.expr(action.using)}`,
        );
      case 'columnDefault': {
        const change = action.value === null ? 'DROP DEFAULT' : `SET DEFAULT ${this.expr(action.value)}`;
        return `ALTER COLUMN ${this.ident(action.column)} ${change}`;
      }
      case 'columnNotNull':
        return `ALTER COLUMN ${this.ident(action.column)} ${action.notNull ? 'SET' : 'DROP'} NOT NULL`;
      case 'watermark':
        return `ALTER ${this.element(action.element)}`;
    }
  }

  // Privileges

  #userOptions(options: readonly UserOption[]): string {
    return options
      .map((option) =>
        words(
          option.name.toUpperCase(),
          option.name === 'password' && option.value === null
            ? 'NULL'
            : option.value !== null && quoteString(option.value),
          option.options.length > 0 && this.options(option.options),
        ),
      )
      .join(' ');
  }

  #privileges(privileges: readonly Privilege[] | null): string {
    if (privileges === null) return 'ALL';
    return privileges
      .map((privilege) => privilege.name.toUpperCase() + this.columns(privilege.columns))
      .join(', ');
  }

  #target(target: PrivilegeTarget): string {
    if (target.kind === 'allIn')
      return `ALL ${target.objects.toUpperCase()} IN SCHEMA ${this.idents(target.schemas)}`;
    const names = target.names.map(
      ({ name, argumentTypes }) =>
        this.name(name) +
        (argumentTypes === null ? '' : `(${argumentTypes.map((type) => this.type(type)).join(', ')})`),
    );
    return words(target.object?.toUpperCase() ?? null, names.join(', '));
  }

  #grant(s: Grant): string {
    return words(
      s.revoke ? 'REVOKE' : 'GRANT',
      s.revoke && s.grantOption && 'GRANT OPTION FOR',
      this.#privileges(s.privileges),
      `ON ${this.#target(s.target)}`,
      `${s.revoke ? 'FROM' : 'TO'} ${this.idents(s.grantees)}`,
      !s.revoke && s.grantOption && 'WITH GRANT OPTION',
      s.grantedBy !== null && `GRANTED BY ${this.ident(s.grantedBy)}`,
      behavior(s),
    );
  }

  #defaultPrivileges(s: AlterDefaultPrivileges): string {
    return words(
      'ALTER DEFAULT PRIVILEGES',
      s.users.length > 0 && `FOR USER ${this.idents(s.users)}`,
      s.schemas.length > 0 && `IN SCHEMA ${this.idents(s.schemas)}`,
      s.revoke ? 'REVOKE' : 'GRANT',
      s.revoke && s.grantOption && 'GRANT OPTION FOR',
      this.#privileges(s.privileges),
      `ON ${s.objects.toUpperCase()}`,
      `${s.revoke ? 'FROM' : 'TO'} ${this.idents(s.grantees)}`,
      !s.revoke && s.grantOption && 'WITH GRANT OPTION',
      behavior(s),
    );
  }
}

type TableAction = Extract<
  AlterAction,
  {
    readonly kind:
      | 'addColumn'
      | 'addConstraint'
      | 'dropColumn'
      | 'dropConstraint'
      | 'columnType'
      | 'columnDefault'
      | 'columnNotNull'
      | 'watermark';
  }
>;

function behavior(s: { readonly behavior: 'cascade' | 'restrict' }): string {
  return s.behavior === 'cascade' ? 'CASCADE' : '';
}

function fetchDirection(s: FetchCursor): string {
  const { direction, count } = s;
  if (direction === 'absolute' || direction === 'relative') return `${direction.toUpperCase()} ${count}`;
  if (direction === 'forward' || direction === 'backward')
    return `${direction.toUpperCase()} ${String(count).toUpperCase()}`;
  return direction.toUpperCase();
}
