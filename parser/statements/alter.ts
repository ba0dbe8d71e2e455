/** Grammar of ALTER. */
import type { Alter, AlterAction, AlterFragment, AlterSystem } from '../ast/alter.ts';
import type { Ident, TypeName } from '../ast/common.ts';
import type { Expr } from '../ast/expr.ts';
import type { ObjectKind, Statement } from '../ast/statement.ts';
import type { Rule, Start } from '../base.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import { PrivilegeParser } from './privilege.ts';

type SetAction = Extract<AlterAction, { readonly kind: 'set' }>;
type Behavior = 'cascade' | 'restrict';

/** What can be stopped and set going again by ALTER ... PAUSE and RESUME. */
const isPausable = (object: ObjectKind): boolean =>
  object === 'sink' || object === 'source' || object === 'table';

/** Has columns of its own, which can be changed one by one. */
const hasColumns = (object: ObjectKind): boolean => object === 'table' || object === 'source';

export abstract class AlterParser extends PrivilegeParser {
  /** alter: ALTER ( alterObject | FRAGMENT ids SET setting | SYSTEM SET setting | defaultPrivileges ) */
  readonly alter: Rule<Statement> = this.RULE('alter', (): Statement => {
    const start = this.consume(1, K.alter).startOffset;
    return this.or(2, [
      { ALT: (): Statement => this.subrule(3, this.defaultPrivileges, { ARGS: [start] }) },
      { ALT: (): Statement => this.subrule(4, this.alterSystem, { ARGS: [start] }) },
      { ALT: (): Statement => this.subrule(5, this.alterFragment, { ARGS: [start] }) },
      { ALT: (): Statement => this.subrule(6, this.alterObject, { ARGS: [start] }) },
    ]);
  });

  /** alterSystem: SYSTEM SET settingName ( TO | '=' ) ( DEFAULT | settingValue ) */
  private readonly alterSystem: Rule<AlterSystem, [start: Start]> = this.RULE(
    'alterSystem',
    (start: Start): AlterSystem => {
      this.consume(1, K.system);
      this.consume(2, K.set);
      const name = this.subrule(3, this.settingName);
      this.or(4, [{ ALT: () => this.consume(5, K.to) }, { ALT: () => this.consume(6, T.Equal) }]);
      const value = this.or(7, [
        { ALT: () => this.consume(8, K.default) && null },
        { ALT: () => this.subrule(9, this.settingValue) },
      ]);
      return { kind: 'AlterSystem', name, value, span: this.since(start) };
    },
  );

  /** alterFragment: FRAGMENT ICONST { ',' ICONST } SET setting */
  private readonly alterFragment: Rule<AlterFragment, [start: Start]> = this.RULE(
    'alterFragment',
    (start: Start): AlterFragment => {
      this.consume(1, K.fragment);
      const ids = this.list(0, () => Number(this.textOf(this.consume(2, T.Int))));
      this.consume(3, K.set);
      const action = this.subrule(4, this.setAction);
      return { kind: 'AlterFragment', ids, action, span: this.since(start) };
    },
  );

  /** alterObject: alterKind ifExists relationName [ argumentTypes ] alterAction { ',' alterAction } */
  private readonly alterObject: Rule<Alter, [start: Start]> = this.RULE(
    'alterObject',
    (start: Start): Alter => {
      const object = this.subrule(1, this.alterKind);
      const ifExists = this.subrule(2, this.ifExists);
      const isRoutine = (): boolean => object === 'function' || object === 'aggregate';
      const name = this.or(7, [
        { GATE: isRoutine, ALT: () => this.subrule(10, this.funcName), IGNORE_AMBIGUITIES: true },
        { ALT: () => this.subrule(3, this.relationName) },
      ]);
      const argumentTypes: readonly TypeName[] | null =
        this.option(4, {
          GATE: isRoutine,
          DEF: () => this.subrule(5, this.argumentTypes),
        }) ?? null;
      const actions = this.list(0, () => this.subrule(6, this.alterAction, { ARGS: [object] }));
      // The attributes of a function follow each other without commas.
      this.many(8, {
        GATE: () => object === 'function',
        DEF: () => actions.push(this.subrule(9, this.routineAction)),
      });
      return { kind: 'Alter', object, ifExists, name, argumentTypes, actions, span: this.since(start) };
    },
  );

  /** alterKind: TABLE | SOURCE | SINK | VIEW | MATERIALIZED VIEW | INDEX | SUBSCRIPTION | CONNECTION | SECRET | FUNCTION | ... | USER */
  private readonly alterKind: Rule<ObjectKind> = this.RULE('alterKind', () => {
    const word = (index: number, type: typeof K.table, kind: ObjectKind) => ({
      ALT: (): ObjectKind => this.consume(index, type) && kind,
    });
    return this.or(1, [
      word(1, K.table, 'table'),
      word(2, K.source, 'source'),
      word(3, K.sink, 'sink'),
      word(4, K.view, 'view'),
      {
        ALT: (): ObjectKind => {
          this.consume(2, K.materialized);
          this.consume(3, K.view);
          return 'materialized view';
        },
      },
      word(7, K.index, 'index'),
      word(8, K.subscription, 'subscription'),
      word(9, K.connection, 'connection'),
      word(10, K.secret, 'secret'),
      word(11, K.function, 'function'),
      word(12, K.aggregate, 'aggregate'),
      word(13, K.schema, 'schema'),
      word(14, K.database, 'database'),
      word(15, K.user, 'user'),
    ]);
  });

  /**
   * alterAction: RENAME ... | OWNER TO word | SET ... | RESET ... | SWAP WITH objectName | CONNECTOR WITH optionList
   *   | REFRESH SCHEMA | RESUME | formatEncode | AS query | [ WITH optionList ] AS SCONST | ADD ... | DROP ... | ALTER ... | userOptions
   */
  private readonly alterAction: Rule<AlterAction, [object: ObjectKind]> = this.RULE(
    'alterAction',
    (object: ObjectKind): AlterAction =>
      this.or(1, [
        { ALT: (): AlterAction => this.subrule(2, this.renameAction) },
        {
          ALT: (): AlterAction => {
            this.consume(3, K.owner);
            this.consume(4, K.to);
            const to = this.or(27, [
              { ALT: () => this.consume(28, K.current_user) },
              { ALT: () => this.consume(29, K.current_role) },
              { ALT: () => this.consume(30, K.session_user) },
              { ALT: () => this.consume(5, T.NonReserved) },
            ]);
            return { kind: 'owner', to: this.identOf(to) };
          },
        },
        {
          ALT: (): AlterAction => {
            this.consume(6, K.set);
            return this.subrule(7, this.setChange);
          },
        },
        { ALT: (): AlterAction => this.subrule(8, this.resetChange) },
        {
          ALT: (): AlterAction => {
            this.consume(9, K.swap);
            this.consume(10, K.with);
            return { kind: 'swap', with: this.subrule(11, this.objectName) };
          },
        },
        {
          ALT: (): AlterAction => {
            this.consume(12, K.connector);
            this.consume(13, K.with);
            return { kind: 'connector', options: this.subrule(14, this.optionList) };
          },
        },
        {
          ALT: (): AlterAction => {
            this.consume(15, K.refresh);
            this.consume(16, K.schema);
            return { kind: 'refreshSchema' };
          },
        },
        {
          GATE: () => object === 'source' || object === 'table',
          ALT: (): AlterAction => {
            const format = this.subrule(17, this.formatEncode);
            return this.ACTION(() => (format === null ? this.failHere() : { kind: 'format', format }));
          },
        },
        {
          GATE: () => object === 'materialized view' || object === 'view',
          ALT: (): AlterAction => {
            this.consume(18, K.as);
            return { kind: 'asQuery', query: this.subrule(19, this.query) };
          },
        },
        {
          GATE: () => object === 'secret',
          ALT: (): AlterAction => this.subrule(20, this.secretChange),
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => object === 'materialized view' || isPausable(object),
          ALT: (): AlterAction => this.consume(25, K.resume) && { kind: 'resume' },
        },
        {
          GATE: () => isPausable(object),
          ALT: (): AlterAction => this.consume(27, K.pause) && { kind: 'pause' },
        },
        {
          GATE: () => hasColumns(object),
          ALT: (): AlterAction => this.subrule(21, this.addAction),
        },
        {
          GATE: () => object === 'function',
          ALT: (): AlterAction => this.subrule(26, this.routineChange),
          IGNORE_AMBIGUITIES: true,
        },
        { GATE: () => hasColumns(object), ALT: (): AlterAction => this.subrule(22, this.dropAction) },
        { GATE: () => hasColumns(object), ALT: (): AlterAction => this.subrule(23, this.columnAction) },
        {
          GATE: () => object === 'user',
          ALT: (): AlterAction => ({ kind: 'userOptions', options: this.subrule(24, this.userOptions) }),
          IGNORE_AMBIGUITIES: true,
        },
      ]),
  );

  /** routineAction: routineChange | SET setAction | resetChange */
  private readonly routineAction: Rule<AlterAction> = this.RULE('routineAction', (): AlterAction => {
    return this.or(1, [
      { ALT: (): AlterAction => this.subrule(2, this.routineChange) },
      {
        ALT: (): AlterAction => {
          this.consume(3, K.set);
          return this.subrule(4, this.setAction);
        },
      },
      { ALT: (): AlterAction => this.subrule(5, this.resetChange) },
    ]);
  });

  /** routineChange: IMMUTABLE | STABLE | VOLATILE | nullInput */
  private readonly routineChange: Rule<AlterAction> = this.RULE('routineChange', (): AlterAction => {
    return this.or(1, [
      { ALT: (): AlterAction => this.consume(2, K.immutable) && { kind: 'volatility', to: 'immutable' } },
      { ALT: (): AlterAction => this.consume(3, K.stable) && { kind: 'volatility', to: 'stable' } },
      { ALT: (): AlterAction => this.consume(4, K.volatile) && { kind: 'volatility', to: 'volatile' } },
      { ALT: (): AlterAction => ({ kind: 'nullInput', strict: this.subrule(5, this.nullInput) }) },
    ]);
  });

  /** renameAction: RENAME ( TO objectName | CONSTRAINT colId TO colId | [ COLUMN ] colId TO colId ) */
  private readonly renameAction: Rule<AlterAction> = this.RULE('renameAction', (): AlterAction => {
    this.consume(1, K.rename);
    return this.or(2, [
      {
        ALT: (): AlterAction => {
          this.consume(3, K.to);
          return { kind: 'rename', to: this.subrule(4, this.objectName) };
        },
      },
      {
        ALT: (): AlterAction => {
          this.consume(5, K.constraint);
          const from = this.subrule(6, this.colId);
          this.consume(7, K.to);
          return { kind: 'renameConstraint', from, to: this.subrule(8, this.colId) };
        },
      },
      {
        ALT: (): AlterAction => {
          this.has(9, K.column);
          const from = this.subrule(10, this.colId);
          this.consume(11, K.to);
          return { kind: 'renameColumn', from, to: this.subrule(12, this.colId) };
        },
      },
    ]);
  });

  /** setChange: SCHEMA colId | CONFIG optionList | setAction */
  private readonly setChange: Rule<AlterAction> = this.RULE('setChange', (): AlterAction => {
    return this.or(1, [
      {
        GATE: () => !this.isAt(2, K.to) && !this.isAt(2, T.Equal),
        ALT: (): AlterAction => {
          this.consume(2, K.schema);
          return { kind: 'setSchema', to: this.subrule(3, this.colId) };
        },
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => this.isAt(2, T.LParen),
        ALT: (): AlterAction => {
          this.subrule(4, this.word, { ARGS: ['config'] });
          return { kind: 'setConfig', options: this.subrule(5, this.optionList) };
        },
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: (): AlterAction => this.subrule(6, this.setAction) },
    ]);
  });

  /** setAction: settingName ( TO | '=' ) ( DEFAULT | settingValue | colId '(' number ')' ) [ DEFERRED ] */
  private readonly setAction: Rule<SetAction> = this.RULE('setAction', (): SetAction => {
    const name = this.subrule(1, this.settingName);
    this.or(2, [{ ALT: () => this.consume(3, K.to) }, { ALT: () => this.consume(4, T.Equal) }]);
    const value = this.or(5, [
      { ALT: () => this.consume(6, K.default) && null },
      {
        GATE: () => this.isAt(2, T.LParen),
        ALT: () => {
          const first = this.consume(7, T.NonReserved);
          this.consume(8, T.LParen);
          this.subrule(9, this.signedNumber);
          this.consume(10, T.RParen);
          return this.ACTION(() => this.canonicalText(first).toLowerCase().replace(' ', ''));
        },
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: () => this.subrule(11, this.settingValue) },
    ]);
    return { kind: 'set', name, value, deferred: this.has(12, K.deferred) };
  });

  /** resetChange: RESET ( CONFIG '(' optionKey { ',' optionKey } ')' | ALL | [ colId ] [ DEFERRED ] ) */
  private readonly resetChange: Rule<AlterAction> = this.RULE('resetChange', (): AlterAction => {
    this.consume(1, K.reset);
    return this.or(2, [
      {
        GATE: () => this.isAt(2, T.LParen),
        ALT: (): AlterAction => {
          this.subrule(3, this.word, { ARGS: ['config'] });
          this.consume(4, T.LParen);
          const keys = this.list(0, () => this.subrule(5, this.optionKey));
          this.consume(6, T.RParen);
          return { kind: 'resetConfig', keys };
        },
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: (): AlterAction => {
          this.consume(10, K.all);
          return { kind: 'reset', name: null, deferred: false };
        },
      },
      {
        ALT: (): AlterAction => {
          const name =
            this.option(7, {
              GATE: () => !this.isAt(1, K.deferred),
              DEF: () => this.subrule(8, this.settingName),
            }) ?? null;
          return { kind: 'reset', name, deferred: this.has(9, K.deferred) };
        },
      },
    ]);
  });

  /** secretChange: withOptions AS SCONST */
  private readonly secretChange: Rule<AlterAction> = this.RULE('secretChange', (): AlterAction => {
    const options = this.subrule(1, this.withOptions);
    this.consume(2, K.as);
    return { kind: 'secretValue', options, value: this.subrule(3, this.stringValue) };
  });

  /** addAction: ADD ( tableConstraint | [ COLUMN ] ifNotExists columnDefinition ) */
  private readonly addAction: Rule<AlterAction> = this.RULE('addAction', (): AlterAction => {
    this.consume(1, K.add);
    return this.or(2, [
      {
        ALT: (): AlterAction => ({
          kind: 'addConstraint',
          constraint: this.subrule(3, this.tableConstraint),
        }),
      },
      {
        ALT: (): AlterAction => {
          this.has(4, K.column);
          const ifNotExists = this.subrule(5, this.ifNotExists);
          return { kind: 'addColumn', ifNotExists, column: this.subrule(6, this.columnDefinition) };
        },
      },
    ]);
  });

  /** dropAction: DROP ( CONNECTOR | CONSTRAINT ifExists colId dropBehavior | [ COLUMN ] ifExists colId dropBehavior ) */
  private readonly dropAction: Rule<AlterAction> = this.RULE('dropAction', (): AlterAction => {
    this.consume(1, K.drop);
    const target = (): { ifExists: boolean; name: Ident; behavior: Behavior } => {
      const ifExists = this.subrule(2, this.ifExists);
      const name = this.subrule(3, this.colId);
      return { ifExists, name, behavior: this.subrule(4, this.dropBehavior) };
    };
    const constraint = this.option(5, () => this.consume(6, K.constraint)) !== undefined;
    return this.or(7, [
      {
        GATE: () => !constraint && !this.isIn(2, T.ColId) && !this.isAt(2, K.cascade),
        ALT: (): AlterAction => {
          this.consume(8, K.connector);
          return { kind: 'dropConnector' };
        },
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: (): AlterAction => {
          this.option(9, { GATE: () => !constraint, DEF: () => this.consume(10, K.column) });
          const { ifExists, name, behavior } = target();
          if (constraint) return { kind: 'dropConstraint', ifExists, constraint: name, behavior };
          return { kind: 'dropColumn', ifExists, column: name, behavior };
        },
      },
    ]);
  });

  /** columnAction: ALTER ( watermark | [ COLUMN ] colId columnChange ) */
  private readonly columnAction: Rule<AlterAction> = this.RULE('columnAction', (): AlterAction => {
    this.consume(1, K.alter);
    return this.or(2, [
      {
        GATE: () => this.isAt(2, K.for),
        ALT: (): AlterAction => ({ kind: 'watermark', element: this.subrule(3, this.watermark) }),
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: (): AlterAction => {
          this.has(4, K.column);
          const column = this.subrule(5, this.colId);
          return this.subrule(6, this.columnChange, { ARGS: [column] });
        },
      },
    ]);
  });

  /** columnChange: [ SET DATA ] TYPE typeName [ USING expr ] | SET ( DEFAULT expr | NOT NULL ) | DROP ( DEFAULT | NOT NULL ) */
  private readonly columnChange: Rule<AlterAction, [column: Ident]> = this.RULE(
    'columnChange',
    (column: Ident): AlterAction => {
      const type = (): AlterAction => this.subrule(1, this.typeChange, { ARGS: [column] });
      return this.or(2, [
        { ALT: type },
        {
          ALT: (): AlterAction => {
            this.consume(3, K.set);
            return this.or(4, [
              {
                ALT: (): AlterAction => {
                  this.consume(5, K.data);
                  return this.subrule(6, this.typeChange, { ARGS: [column] });
                },
              },
              {
                ALT: (): AlterAction => {
                  this.consume(7, K.default);
                  return { kind: 'columnDefault', column, value: this.subrule(8, this.expr) };
                },
              },
              {
                ALT: (): AlterAction => {
                  this.consume(9, K.not);
                  this.consume(10, K.null);
                  return { kind: 'columnNotNull', column, notNull: true };
                },
              },
            ]);
          },
        },
        {
          ALT: (): AlterAction => {
            this.consume(11, K.drop);
            return this.or(12, [
              {
                ALT: (): AlterAction =>
                  this.consume(13, K.default) && { kind: 'columnDefault', column, value: null },
              },
              {
                ALT: (): AlterAction => {
                  this.consume(14, K.not);
                  this.consume(15, K.null);
                  return { kind: 'columnNotNull', column, notNull: false };
                },
              },
            ]);
          },
        },
      ]);
    },
  );

  /** typeChange: TYPE typeName [ USING expr ] */
  private readonly typeChange: Rule<AlterAction, [column: Ident]> = this.RULE(
    'typeChange',
    (column: Ident): AlterAction => {
      this.consume(1, K.type);
      const type = this.subrule(2, this.typeName);
      const using: Expr | null =
        this.option(3, () => {
          this.consume(4, K.using);
          return this.subrule(5, this.expr);
        }) ?? null;
      return { kind: 'columnType', column, type, using };
    },
  );
}
