/** Grammar of session statements: SET, RESET, SHOW, DESCRIBE, PREPARE, EXECUTE, DEALLOCATE, DISCARD, FLUSH, WAIT. */
import type { TokenType } from 'chevrotain';
import type {
  Deallocate,
  Describe,
  Discard,
  Execute,
  Flush,
  ObjectKind,
  Prepare,
  ResetVariable,
  SetVariable,
  ShowCreate,
  ShowObjects,
  ShowVariable,
  Statement,
  Wait,
} from '../ast/statement.ts';
import type { Rule, Start } from '../base.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import { TransactionParser } from './transaction.ts';
import { zoneOffset } from './zoneOffset.ts';

type ShowKind = ShowObjects['object'];

const showWords: ReadonlyMap<TokenType, ShowKind> = new Map([
  [K.tables, 'tables'],
  [K.views, 'views'],
  [K.sources, 'sources'],
  [K.sinks, 'sinks'],
  [K.subscriptions, 'subscriptions'],
  [K.connections, 'connections'],
  [K.secrets, 'secrets'],
  [K.functions, 'functions'],
  [K.databases, 'databases'],
  [K.schemas, 'schemas'],
  [K.indexes, 'indexes'],
  [K.columns, 'columns'],
  [K.jobs, 'jobs'],
  [K.backups, 'backups'],
  [K.recovery, 'recovery'],
  [K.cluster, 'cluster'],
  [K.processlist, 'processlist'],
  [K.parameters, 'parameters'],
  [K.cursors, 'cursors'],
]);

export abstract class SessionParser extends TransactionParser {
  abstract readonly preparable: Rule<Statement>;

  // SET, RESET

  /**
   * setStatement: SET [ SESSION | LOCAL ] ( TIME ZONE zone | TRANSACTION modes | SESSION CHARACTERISTICS AS TRANSACTION modes
   *   | NAMES [ SCONST ] | SCHEMA SCONST | ROLE word | SESSION AUTHORIZATION word | settingName ( TO | '=' ) ( DEFAULT | values ) )
   */
  readonly setStatement: Rule<SetVariable> = this.RULE('setStatement', (): SetVariable => {
    const start = this.consume(1, K.set).startOffset;
    let scope: SetVariable['scope'] = 'session';
    this.or(2, [
      {
        GATE: () => this.isScope() && !this.isAt(2, K.characteristics) && !this.isAt(2, K.authorization),
        ALT: () => this.consume(3, K.session),
      },
      {
        GATE: () => this.isScope(),
        ALT: () => {
          this.consume(4, K.local);
          scope = 'local';
        },
      },
      { ALT: () => {} },
    ]);
    const made = this.or(5, [
      {
        GATE: () => this.isAt(2, K.zone),
        ALT: () => this.subrule(6, this.setTimeZone),
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => !this.isAssigned() && !this.isAt(2, K.authorization),
        ALT: () => this.subrule(7, this.setTransaction),
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => !this.isAssigned(),
        ALT: () => this.subrule(8, this.setSpecial),
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: () => this.subrule(9, this.setSetting) },
    ]);
    return { kind: 'SetVariable', scope, name: made.name, values: made.values, span: this.since(start) };
  });

  private isAssigned(): boolean {
    return this.isAt(2, K.to) || this.isAt(2, T.Equal) || this.isAt(2, T.Dot);
  }

  private isScope(): boolean {
    return !this.isAssigned();
  }

  /** setTimeZone: TIME ZONE ( SCONST | IDENT | signedNumber | DEFAULT | LOCAL | intervalLiteral ) */
  private readonly setTimeZone: Rule<Setting> = this.RULE('setTimeZone', (): Setting => {
    this.consume(1, K.time);
    this.consume(2, K.zone);
    const values = this.or(3, [
      { ALT: () => [this.subrule(4, this.stringValue)] },
      { ALT: () => [this.textOf(this.consume(5, T.Ident))] },
      { ALT: () => [this.subrule(6, this.signedNumber)] },
      { ALT: () => this.consume(7, K.default) && null },
      { ALT: () => this.consume(8, K.local) && null },
      {
        ALT: () => {
          const interval = this.subrule(9, this.intervalLiteral);
          return this.ACTION(() => zoneOffset(interval));
        },
      },
    ]);
    return { name: 'timezone', values };
  });

  /** setTransaction: TRANSACTION modes | SESSION CHARACTERISTICS AS TRANSACTION modes */
  private readonly setTransaction: Rule<Setting> = this.RULE('setTransaction', (): Setting => {
    const name = this.or(1, [
      { ALT: () => this.consume(2, K.transaction) && 'transaction' },
      {
        GATE: () => this.isAt(2, K.characteristics),
        ALT: () => {
          this.consume(3, K.session);
          this.consume(4, K.characteristics);
          this.consume(5, K.as);
          this.consume(6, K.transaction);
          return 'session_characteristics';
        },
      },
    ]);
    const values = this.subrule(7, this.transactionModes);
    this.ACTION(() => {
      if (values.length === 0) this.failHere();
    });
    return { name, values };
  });

  /** setSpecial: NAMES [ SCONST | DEFAULT ] | SCHEMA SCONST | ROLE word | SESSION AUTHORIZATION word */
  private readonly setSpecial: Rule<Setting> = this.RULE('setSpecial', (): Setting => {
    return this.or(1, [
      {
        ALT: (): Setting => {
          this.consume(2, K.names);
          const values = this.or(3, [
            { ALT: () => [this.subrule(4, this.stringValue)] },
            { ALT: () => this.optionally(5, K.default, null) },
          ]);
          return { name: 'client_encoding', values };
        },
      },
      {
        ALT: (): Setting => {
          this.consume(6, K.schema);
          return { name: 'search_path', values: [this.subrule(7, this.stringValue)] };
        },
      },
      {
        ALT: (): Setting => {
          this.consume(8, K.role);
          return { name: 'role', values: [this.subrule(9, this.settingWord)] };
        },
      },
      {
        ALT: (): Setting => {
          this.consume(10, K.session);
          this.consume(11, K.authorization);
          const values = this.or(12, [
            { ALT: () => this.consume(13, K.default) && null },
            { ALT: () => [this.subrule(14, this.settingWord)] },
          ]);
          return { name: 'session_authorization', values };
        },
      },
    ]);
  });

  /** setSetting: settingName ( TO | '=' ) ( DEFAULT | settingValue { ',' settingValue } ) */
  private readonly setSetting: Rule<Setting> = this.RULE('setSetting', (): Setting => {
    const name = this.subrule(1, this.settingName);
    this.or(2, [{ ALT: () => this.consume(3, K.to) }, { ALT: () => this.consume(4, T.Equal) }]);
    const values = this.or(5, [
      { ALT: () => this.consume(6, K.default) && null },
      { ALT: () => this.list(0, () => this.subrule(7, this.settingValue)) },
    ]);
    return { name, values };
  });

  /** settingName: colId { '.' colId } */
  readonly settingName: Rule<string> = this.RULE('settingName', () => {
    const parts = [this.subrule(1, this.colId).name];
    this.many(2, () => {
      this.consume(3, T.Dot);
      parts.push(this.subrule(4, this.colId).name);
    });
    return this.ACTION(() => parts.join('.').toLowerCase());
  });

  /** settingValue: TRUE | FALSE | ON | settingWord | signedNumber */
  readonly settingValue: Rule<string> = this.RULE('settingValue', () =>
    this.or(1, [
      { ALT: () => this.textOf(this.consume(2, K.true)) },
      { ALT: () => this.textOf(this.consume(3, K.false)) },
      { ALT: () => this.textOf(this.consume(4, K.on)) },
      { ALT: () => this.subrule(5, this.settingWord) },
      { ALT: () => this.subrule(6, this.signedNumber) },
    ]),
  );

  /** settingWord: word that is not reserved | SCONST */
  readonly settingWord: Rule<string> = this.RULE('settingWord', () =>
    this.or(1, [
      { ALT: () => this.textOf(this.consume(2, T.NonReserved)) },
      { ALT: () => this.subrule(3, this.stringValue) },
    ]),
  );

  /** resetStatement: RESET ( ALL | namedSetting ) */
  readonly resetStatement: Rule<ResetVariable> = this.RULE('resetStatement', (): ResetVariable => {
    const start = this.consume(1, K.reset).startOffset;
    const name = this.or(2, [
      { ALT: () => this.consume(3, K.all) && null },
      { ALT: () => this.subrule(4, this.namedSetting) },
    ]);
    return { kind: 'ResetVariable', name, span: this.since(start) };
  });

  /** namedSetting: TIME ZONE | TRANSACTION ISOLATION LEVEL | SESSION AUTHORIZATION | settingName */
  private readonly namedSetting: Rule<string> = this.RULE('namedSetting', () =>
    this.or(1, [
      {
        ALT: () => {
          this.consume(2, K.time);
          this.consume(3, K.zone);
          return 'timezone';
        },
        GATE: () => this.isAt(2, K.zone),
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: () => {
          this.consume(4, K.transaction);
          this.consume(5, K.isolation);
          this.consume(6, K.level);
          return 'transaction_isolation';
        },
        GATE: () => this.isAt(2, K.isolation),
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: () => {
          this.consume(7, K.session);
          this.consume(8, K.authorization);
          return 'session_authorization';
        },
        GATE: () => this.isAt(2, K.authorization),
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: () => this.subrule(9, this.settingName) },
    ]),
  );

  // SHOW, DESCRIBE

  /** showStatement: SHOW ( ALL | showCreate | showObjects | namedSetting ) */
  readonly showStatement: Rule<Statement> = this.RULE('showStatement', (): Statement => {
    const start = this.consume(1, K.show).startOffset;
    return this.or(2, [
      {
        ALT: (): Statement => {
          this.consume(3, K.all);
          const node: ShowVariable = { kind: 'ShowVariable', name: null, span: this.since(start) };
          return node;
        },
      },
      { ALT: (): Statement => this.subrule(4, this.showCreate, { ARGS: [start] }) },
      {
        GATE: () => this.startsShowObjects(),
        ALT: (): Statement => this.subrule(5, this.showObjects, { ARGS: [start] }),
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: (): Statement => {
          const name = this.subrule(6, this.namedSetting);
          return { kind: 'ShowVariable', name, span: this.since(start) };
        },
      },
    ]);
  });

  private startsShowObjects(): boolean {
    if (this.isAt(2, T.Dot)) return false;
    if (showWords.has(this.at(1))) return true;
    if (this.isAt(1, K.materialized)) return this.isAt(2, K.views);
    if (this.isAt(1, K.subscription)) return this.isAt(2, K.cursors);
    return this.textOf(this.LA(1)) === 'internal' && this.isAt(2, K.tables);
  }

  /** showObjects: objectWords [ ( FROM | IN ) objectName ] [ ( LIKE | ILIKE ) SCONST ]; COLUMNS and INDEXES need the relation */
  private readonly showObjects: Rule<ShowObjects, [start: Start]> = this.RULE(
    'showObjects',
    (start: Start): ShowObjects => {
      const object = this.subrule(1, this.showKind);
      const from = this.option(2, () => {
        this.or(3, [{ ALT: () => this.consume(4, K.from) }, { ALT: () => this.consume(5, K.in) }]);
        return this.subrule(6, this.objectName);
      });
      this.ACTION(() => {
        if (from === undefined && (object === 'columns' || object === 'indexes')) this.failHere();
      });
      const filter = this.option(7, () => {
        const operator = this.or(8, [
          { ALT: () => this.consume(9, K.like) && ('like' as const) },
          { ALT: () => this.consume(10, K.ilike) && ('ilike' as const) },
        ]);
        return { operator, pattern: this.subrule(11, this.stringValue) };
      });
      return {
        kind: 'ShowObjects',
        object,
        from: from ?? null,
        filter: filter ?? null,
        span: this.since(start),
      };
    },
  );

  /** showKind: TABLES | INTERNAL TABLES | VIEWS | MATERIALIZED VIEWS | SOURCES | ... | SUBSCRIPTION CURSORS */
  private readonly showKind: Rule<ShowKind> = this.RULE('showKind', () => {
    const words = [...showWords].map(([type, object], index) => ({
      ALT: (): ShowKind => this.consume(index + 20, type) && object,
    }));
    return this.or(1, [
      ...words,
      {
        ALT: (): ShowKind => {
          this.subrule(2, this.word, { ARGS: ['internal'] });
          this.consume(3, K.tables);
          return 'internal tables';
        },
      },
      {
        ALT: (): ShowKind => {
          this.consume(4, K.materialized);
          this.consume(5, K.views);
          return 'materialized views';
        },
      },
      {
        ALT: (): ShowKind => {
          this.consume(6, K.subscription);
          this.consume(7, K.cursors);
          return 'subscription cursors';
        },
      },
    ]);
  });

  /** showCreate: CREATE ( TABLE | SOURCE | VIEW | MATERIALIZED VIEW | INDEX | SINK | SUBSCRIPTION | FUNCTION ) objectName */
  private readonly showCreate: Rule<ShowCreate, [start: Start]> = this.RULE(
    'showCreate',
    (start: Start): ShowCreate => {
      this.consume(1, K.create);
      const object = this.or(2, [
        { ALT: () => this.consume(3, K.table) && ('table' as const) },
        { ALT: () => this.consume(4, K.source) && ('source' as const) },
        { ALT: () => this.consume(5, K.view) && ('view' as const) },
        {
          ALT: () => {
            this.consume(6, K.materialized);
            this.consume(7, K.view);
            return 'materialized view' as const;
          },
        },
        { ALT: () => this.consume(8, K.index) && ('index' as const) },
        { ALT: () => this.consume(9, K.sink) && ('sink' as const) },
        { ALT: () => this.consume(10, K.subscription) && ('subscription' as const) },
        { ALT: () => this.consume(11, K.function) && ('function' as const) },
      ]);
      const name = this.subrule(12, this.objectName);
      return { kind: 'ShowCreate', object, name, span: this.since(start) };
    },
  );

  /** describe: DESCRIBE objectName */
  readonly describe: Rule<Describe> = this.RULE('describe', (): Describe => {
    const start = this.consume(1, K.describe).startOffset;
    const name = this.subrule(2, this.objectName);
    return { kind: 'Describe', name, span: this.since(start) };
  });

  // Prepared statements

  /** prepare: PREPARE colId [ '(' typeName { ',' typeName } ')' ] AS preparable */
  readonly prepare: Rule<Prepare> = this.RULE('prepare', (): Prepare => {
    const start = this.consume(1, K.prepare).startOffset;
    const name = this.subrule(2, this.colId);
    const types =
      this.option(3, () => {
        this.consume(4, T.LParen);
        const list = this.list(0, () => this.subrule(5, this.typeName));
        this.consume(6, T.RParen);
        return list;
      }) ?? [];
    this.consume(7, K.as);
    const statement = this.subrule(8, this.preparable);
    return { kind: 'Prepare', name, types, statement, span: this.since(start) };
  });

  /** execute: EXECUTE colId [ '(' expr { ',' expr } ')' ] */
  readonly execute: Rule<Execute> = this.RULE('execute', (): Execute => {
    const start = this.consume(1, K.execute).startOffset;
    const name = this.subrule(2, this.colId);
    const values =
      this.option(3, () => {
        this.consume(4, T.LParen);
        const list = this.list(0, () => this.subrule(5, this.expr));
        this.consume(6, T.RParen);
        return list;
      }) ?? [];
    return { kind: 'Execute', name, arguments: values, span: this.since(start) };
  });

  /** deallocate: DEALLOCATE [ PREPARE ] ( ALL | colId ) */
  readonly deallocate: Rule<Deallocate> = this.RULE('deallocate', (): Deallocate => {
    const start = this.consume(1, K.deallocate).startOffset;
    this.option(2, {
      GATE: () => this.isAt(2, K.all) || this.isIn(2, T.ColId),
      DEF: () => this.consume(3, K.prepare),
    });
    const name = this.or(4, [
      { ALT: () => this.consume(5, K.all) && null },
      { ALT: () => this.subrule(6, this.colId) },
    ]);
    return { kind: 'Deallocate', name, span: this.since(start) };
  });

  /** discard: DISCARD ( ALL | PLANS | SEQUENCES | TEMP | TEMPORARY ) */
  readonly discard: Rule<Discard> = this.RULE('discard', (): Discard => {
    const start = this.consume(1, K.discard).startOffset;
    const target = this.or(2, [
      { ALT: () => this.consume(3, K.all) && ('all' as const) },
      { ALT: () => this.consume(4, K.plans) && ('plans' as const) },
      { ALT: () => this.consume(5, K.sequences) && ('sequences' as const) },
      { ALT: () => this.consume(6, K.temp) && ('temp' as const) },
      { ALT: () => this.consume(7, K.temporary) && ('temp' as const) },
    ]);
    return { kind: 'Discard', target, span: this.since(start) };
  });

  /** flush: FLUSH */
  readonly flush: Rule<Flush> = this.RULE('flush', (): Flush => {
    const start = this.consume(1, K.flush).startOffset;
    return { kind: 'Flush', span: this.since(start) };
  });

  /** wait: WAIT [ ( TABLE | MATERIALIZED VIEW | SINK | INDEX ) objectName ] */
  readonly wait: Rule<Wait> = this.RULE('wait', (): Wait => {
    const start = this.consume(1, K.wait).startOffset;
    const target = this.option(2, () => {
      const object = this.or(3, [
        { ALT: (): ObjectKind => this.consume(4, K.table) && 'table' },
        {
          ALT: (): ObjectKind => {
            this.consume(5, K.materialized);
            this.consume(6, K.view);
            return 'materialized view';
          },
        },
        { ALT: (): ObjectKind => this.consume(7, K.sink) && 'sink' },
        { ALT: (): ObjectKind => this.consume(8, K.index) && 'index' },
      ]);
      return { object, name: this.subrule(9, this.objectName) };
    });
    return {
      kind: 'Wait',
      object: target?.object ?? null,
      name: target?.name ?? null,
      span: this.since(start),
    };
  });
}

interface Setting {
  readonly name: string;
  readonly values: readonly string[] | null;
}
