/** Grammar of CREATE TABLE, SOURCE, VIEW, MATERIALIZED VIEW, INDEX, SCHEMA. */
import type { Ident, Option } from '../ast/common.ts';
import type { Expr } from '../ast/expr.ts';
import type { Query } from '../ast/query.ts';
import type {
  CreateIndex,
  CreateMaterializedView,
  CreateSchema,
  CreateSource,
  CreateTable,
  CreateView,
  TableElement,
  Validation,
} from '../ast/statement.ts';
import type { Rule, Start } from '../base.ts';
import { SyntaxFailure } from '../lookahead.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import { TableElementParser } from './tableElements.ts';

/** What stood between CREATE and the kind of object. */
export interface CreateFlags {
  readonly start: Start;
  readonly orReplace: boolean;
  readonly temporary: boolean;
}

const noFlags: CreateFlags = { start: 0, orReplace: false, temporary: false };

type ConflictBehavior = NonNullable<CreateTable['onConflict']>;

export abstract class CreateParser extends TableElementParser {
  /**
   * createTable: TABLE ifNotExists objectName [ tableElements ] [ APPEND ONLY ] [ tableConflict ] [ WITH VERSION COLUMN columnList ]
   *   includeColumns withOptions formatEncode { foreignClause } [ AS query [ WITH [ NO ] DATA ] ] [ FROM objectName TABLE SCONST ]
   *   [ VALIDATE [ SECRET objectName ] AS expr ] [ ENGINE '=' colId ]
   */
  readonly createTable: Rule<CreateTable, [flags?: CreateFlags]> = this.RULE(
    'createTable',
    (flags: CreateFlags = noFlags): CreateTable => {
      this.consume(1, K.table);
      const ifNotExists = this.subrule(2, this.ifNotExists);
      const name = this.subrule(3, this.objectName);
      const namesOnly = this.startsNameList();
      const elements =
        this.or(4, [
          {
            GATE: () => namesOnly,
            ALT: () => this.subrule(5, this.untypedColumns),
            IGNORE_AMBIGUITIES: true,
          },
          { ALT: () => this.option(6, () => this.subrule(7, this.tableElements)) },
        ]) ?? [];
      const appendOnly = this.hasAll(8, K.append, K.only);
      const onConflict =
        this.option(9, {
          GATE: () => this.isAt(2, K.conflict),
          DEF: () => this.subrule(10, this.tableConflict),
        }) ?? null;
      const versionColumns =
        this.option(11, {
          GATE: () => this.isAt(2, K.version),
          DEF: () => this.subrule(12, this.versionColumns),
        }) ?? [];
      const include = this.subrule(13, this.includeColumns);
      const options = this.subrule(14, this.withOptions);
      const format = this.subrule(15, this.formatEncode);
      this.many(16, () => this.subrule(17, this.foreignClause));
      const as = this.option(18, { GATE: () => true, DEF: () => this.subrule(19, this.tableQuery) });
      this.ACTION(() => {
        if (namesOnly && as === undefined) throw new SyntaxFailure(this.LA(1));
      });
      const fromSource = this.option(20, () => this.subrule(21, this.fromSource)) ?? null;
      const validation = this.option(22, () => this.subrule(23, this.validateClause)) ?? null;
      const engine =
        this.option(24, () => {
          this.consume(25, K.engine);
          this.consume(26, T.Equal);
          return this.subrule(27, this.colId).name;
        }) ?? null;
      return {
        kind: 'CreateTable',
        orReplace: flags.orReplace,
        temporary: flags.temporary,
        ifNotExists,
        name,
        elements,
        appendOnly,
        onConflict,
        versionColumns,
        include,
        options,
        format,
        query: as?.query ?? null,
        withData: as?.withData ?? true,
        fromSource,
        validation,
        engine,
        span: this.since(flags.start),
      };
    },
  );

  /** `(a, b` names the columns of a query. */
  private startsNameList(): boolean {
    return (
      this.isAt(1, T.LParen) && this.isIn(2, T.ColId) && (this.isAt(3, T.Comma) || this.isAt(3, T.RParen))
    );
  }

  /** untypedColumns: columnList, as definitions without a type */
  private readonly untypedColumns: Rule<readonly TableElement[]> = this.RULE('untypedColumns', () => {
    const names = this.subrule(1, this.columnList);
    return this.ACTION(() => names.map(untypedColumn));
  });

  /** tableConflict: ON CONFLICT ( OVERWRITE | IGNORE | DO ( NOTHING | ERROR | UPDATE ( FULL | IF NOT NULL ) ) ) */
  private readonly tableConflict: Rule<ConflictBehavior> = this.RULE(
    'tableConflict',
    (): ConflictBehavior => {
      this.consume(1, K.on);
      this.consume(2, K.conflict);
      return this.or(3, [
        { ALT: (): ConflictBehavior => this.consume(4, K.overwrite) && 'overwrite' },
        { ALT: (): ConflictBehavior => this.consume(5, K.ignore) && 'do nothing' },
        {
          ALT: (): ConflictBehavior => {
            this.consume(6, K.do);
            return this.or(7, [
              { ALT: (): ConflictBehavior => this.consume(8, K.nothing) && 'do nothing' },
              { ALT: (): ConflictBehavior => this.consume(9, K.error) && 'do error' },
              {
                ALT: (): ConflictBehavior => {
                  this.consume(10, K.update);
                  return this.or(11, [
                    { ALT: (): ConflictBehavior => this.consume(12, K.full) && 'overwrite' },
                    {
                      ALT: (): ConflictBehavior => {
                        this.consume(13, K.if);
                        this.consume(14, K.not);
                        this.consume(15, K.null);
                        return 'do update if not null';
                      },
                    },
                  ]);
                },
              },
            ]);
          },
        },
      ]);
    },
  );

  /** versionColumns: WITH VERSION COLUMN columnList */
  private readonly versionColumns: Rule<readonly Ident[]> = this.RULE('versionColumns', () => {
    this.consume(1, K.with);
    this.consume(2, K.version);
    this.consume(3, K.column);
    return this.subrule(4, this.columnList);
  });

  /** foreignClause: clauses of PostgreSQL's CREATE TABLE that mean nothing here, refused */
  private readonly foreignClause: Rule<void> = this.RULE('foreignClause', () => {
    const position = this.here();
    this.or(1, [
      {
        ALT: () => {
          this.consume(2, K.inherits);
          this.consume(3, T.LParen);
          this.list(0, () => this.subrule(4, this.objectName));
          this.consume(5, T.RParen);
          this.refuse('INHERITS', position);
        },
      },
      {
        ALT: () => {
          this.consume(6, K.partition);
          this.consume(7, K.by);
          this.subrule(8, this.colId);
          this.consume(9, T.LParen);
          this.list(1, () => this.subrule(10, this.expr));
          this.consume(11, T.RParen);
          this.refuse('PARTITION BY', position);
        },
      },
      {
        ALT: () => {
          this.consume(12, K.using);
          this.subrule(13, this.colId);
          this.refuse('USING access method', position);
        },
      },
      {
        ALT: () => {
          this.consume(14, K.on);
          this.consume(15, K.commit);
          this.or(16, [
            { ALT: () => this.consume(17, K.drop) },
            {
              ALT: () => {
                this.or(18, [
                  { ALT: () => this.consume(19, K.delete) },
                  { ALT: () => this.consume(20, K.preserve) },
                ]);
                this.consume(21, K.rows);
              },
            },
          ]);
          this.refuse('ON COMMIT', position);
        },
      },
      {
        ALT: () => {
          this.consume(22, K.tablespace);
          this.subrule(23, this.colId);
          this.refuse('TABLESPACE', position);
        },
      },
    ]);
  });

  /** tableQuery: AS query withData */
  private readonly tableQuery: Rule<{ readonly query: Query; readonly withData: boolean }> = this.RULE(
    'tableQuery',
    () => {
      this.consume(1, K.as);
      const query = this.subrule(2, this.query);
      return { query, withData: this.subrule(3, this.withData) };
    },
  );

  /** fromSource: FROM objectName TABLE SCONST */
  private readonly fromSource: Rule<NonNullable<CreateTable['fromSource']>> = this.RULE('fromSource', () => {
    this.consume(1, K.from);
    const source = this.subrule(2, this.objectName);
    this.consume(3, K.table);
    return { source, table: this.subrule(4, this.stringValue) };
  });

  /** validateClause: VALIDATE [ SECRET objectName ] AS expr */
  private readonly validateClause: Rule<Validation> = this.RULE('validateClause', (): Validation => {
    const start = this.here();
    this.consume(1, K.validate);
    const secret = this.option(2, () => this.subrule(3, this.validationSecret)) ?? null;
    this.consume(4, K.as);
    const expr = this.subrule(5, this.expr);
    return { kind: 'Validation', secret, expr, span: this.since(start) };
  });

  /** validationSecret: SECRET objectName */
  private readonly validationSecret: Rule<Option> = this.RULE('validationSecret', (): Option => {
    const start = this.here();
    this.consume(1, K.secret);
    const name = this.subrule(2, this.objectName);
    const value = { kind: 'secret', name, asFile: false } as const;
    return { kind: 'Option', name: 'validate', value, span: this.since(start) };
  });

  /** createSource: SOURCE ifNotExists objectName [ tableElements ] includeColumns withOptions formatEncode */
  readonly createSource: Rule<CreateSource, [flags?: CreateFlags]> = this.RULE(
    'createSource',
    (flags: CreateFlags = noFlags): CreateSource => {
      this.consume(1, K.source);
      const ifNotExists = this.subrule(2, this.ifNotExists);
      const name = this.subrule(3, this.objectName);
      const elements = this.option(4, () => this.subrule(5, this.tableElements)) ?? [];
      const include = this.subrule(6, this.includeColumns);
      const options = this.subrule(7, this.withOptions);
      const format = this.subrule(8, this.formatEncode);
      const span = this.since(flags.start);
      return {
        kind: 'CreateSource',
        temporary: flags.temporary,
        ifNotExists,
        name,
        elements,
        include,
        options,
        format,
        span,
      };
    },
  );

  /** createView: VIEW ifNotExists objectName [ columnList ] AS query [ WITH [ CASCADED | LOCAL ] CHECK OPTION ] */
  readonly createView: Rule<CreateView, [flags?: CreateFlags]> = this.RULE(
    'createView',
    (flags: CreateFlags = noFlags): CreateView => {
      this.consume(1, K.view);
      const ifNotExists = this.subrule(2, this.ifNotExists);
      const name = this.subrule(3, this.objectName);
      const columns = this.option(4, () => this.subrule(5, this.columnList)) ?? [];
      const position = this.here();
      const options: readonly Option[] = this.subrule(6, this.withOptions);
      this.ACTION(() => {
        if (options.length > 0) this.refuse('View options', position);
      });
      this.consume(7, K.as);
      const query = this.subrule(8, this.query);
      this.option(9, () => {
        this.refuse('WITH CHECK OPTION', this.consume(10, K.with).startOffset);
        this.or(11, [{ ALT: () => this.consume(12, K.cascaded) }, { ALT: () => this.has(13, K.local) }]);
        this.consume(14, K.check);
        this.consume(15, K.option);
      });
      const { orReplace, temporary } = flags;
      return {
        kind: 'CreateView',
        orReplace,
        temporary,
        ifNotExists,
        name,
        columns,
        query,
        span: this.since(flags.start),
      };
    },
  );

  /** createMaterializedView: MATERIALIZED VIEW ifNotExists objectName [ columnList ] withOptions AS query withData emitClause */
  readonly createMaterializedView: Rule<CreateMaterializedView, [flags?: CreateFlags]> = this.RULE(
    'createMaterializedView',
    (flags: CreateFlags = noFlags): CreateMaterializedView => {
      this.consume(1, K.materialized);
      this.consume(2, K.view);
      const ifNotExists = this.subrule(3, this.ifNotExists);
      const name = this.subrule(4, this.objectName);
      const columns = this.option(5, () => this.subrule(6, this.columnList)) ?? [];
      this.option(7, () => {
        this.refuse('USING access method', this.consume(8, K.using).startOffset);
        this.subrule(9, this.colId);
      });
      const options = this.subrule(10, this.withOptions);
      this.consume(11, K.as);
      const query = this.subrule(12, this.query);
      const withData = this.subrule(13, this.withData);
      const emit = this.subrule(14, this.emitClause);
      return {
        kind: 'CreateMaterializedView',
        orReplace: flags.orReplace,
        ifNotExists,
        name,
        columns,
        options,
        query,
        withData,
        emit,
        span: this.since(flags.start),
      };
    },
  );

  /**
   * createIndex: [ UNIQUE ] INDEX [ CONCURRENTLY ] [ ifNotExists objectName ] ON relationName [ USING colId ] '(' indexKey { ',' indexKey } ')'
   *   [ INCLUDE columnList ] [ DISTRIBUTED BY '(' expr { ',' expr } ')' ] withOptions [ WHERE expr ]
   */
  readonly createIndex: Rule<CreateIndex, [start: Start]> = this.RULE(
    'createIndex',
    (start: Start): CreateIndex => {
      const unique = this.has(1, K.unique);
      this.consume(2, K.index);
      const concurrently = this.has(3, K.concurrently);
      const ifNotExists = this.subrule(4, this.ifNotExists);
      const name =
        this.or(5, [
          { ALT: () => this.subrule(6, this.objectName) },
          { GATE: () => !ifNotExists, ALT: () => {} },
        ]) ?? null;
      this.consume(7, K.on);
      const relation = this.subrule(8, this.relationName);
      const method =
        this.option(9, () => {
          this.consume(10, K.using);
          return this.subrule(11, this.colId).name;
        }) ?? null;
      this.consume(12, T.LParen);
      const keys = this.list(0, () => this.subrule(13, this.indexKey));
      this.consume(14, T.RParen);
      const include =
        this.option(15, () => {
          this.consume(16, K.include);
          return this.subrule(17, this.columnList);
        }) ?? [];
      const distributedBy: readonly Expr[] =
        this.option(18, () => {
          this.consume(19, K.distributed);
          this.consume(20, K.by);
          this.consume(21, T.LParen);
          const exprs = this.list(1, () => this.subrule(22, this.expr));
          this.consume(23, T.RParen);
          return exprs;
        }) ?? [];
      const options = this.subrule(24, this.withOptions);
      this.option(25, () => {
        this.refuse('TABLESPACE', this.consume(26, K.tablespace).startOffset);
        this.subrule(27, this.colId);
      });
      const where = this.option(28, () => this.subrule(29, this.whereClause)) ?? null;
      return {
        kind: 'CreateIndex',
        unique,
        concurrently,
        ifNotExists,
        name,
        relation,
        method,
        keys,
        include,
        distributedBy,
        options,
        where,
        span: this.since(start),
      };
    },
  );

  /** indexKey: expr [ operator class ] [ ASC | DESC ] nullsOrder */
  private readonly indexKey: Rule<CreateIndex['keys'][number]> = this.RULE('indexKey', () => {
    const expr = this.subrule(1, this.expr);
    this.option(2, {
      GATE: () => !this.isAt(1, K.nulls),
      DEF: () => {
        this.refuse('Operator class', this.here());
        this.subrule(3, this.objectName);
      },
    });
    const direction = this.or(4, [
      { ALT: () => this.consume(5, K.desc) && ('desc' as const) },
      { ALT: () => this.optionally(6, K.asc, 'asc' as const) },
    ]);
    return { expr, direction, nulls: this.subrule(7, this.nullsOrder) };
  });

  /** createSchema: SCHEMA ifNotExists colId [ AUTHORIZATION colId ] */
  readonly createSchema: Rule<CreateSchema, [start: Start]> = this.RULE(
    'createSchema',
    (start: Start): CreateSchema => {
      this.consume(1, K.schema);
      const ifNotExists = this.subrule(2, this.ifNotExists);
      const name = this.subrule(3, this.colId);
      this.option(4, () => {
        this.refuse('CREATE SCHEMA AUTHORIZATION', this.consume(5, K.authorization).startOffset);
        this.subrule(6, this.colId);
      });
      return { kind: 'CreateSchema', ifNotExists, name, span: this.since(start) };
    },
  );
}

function untypedColumn(name: Ident): TableElement {
  return {
    kind: 'ColumnDefinition',
    name,
    type: null,
    collation: null,
    notNull: null,
    primaryKey: false,
    unique: false,
    default: null,
    generated: null,
    otherConstraints: [],
    span: name.span,
  };
}
