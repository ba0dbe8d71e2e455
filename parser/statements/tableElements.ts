/** Grammar of what stands in the parentheses of CREATE TABLE and CREATE SOURCE. */
import type { IToken } from 'chevrotain';
import type { Ident, ObjectName, TypeName } from '../ast/common.ts';
import type { Expr } from '../ast/expr.ts';
import type { ColumnDefinition, TableElement } from '../ast/statement.ts';
import type { Rule } from '../base.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import { OptionParser } from './options.ts';

/** A column's constraints as they are met. */
interface ColumnParts {
  collation: ObjectName | null;
  notNull: boolean | null;
  primaryKey: boolean;
  unique: boolean;
  default: Expr | null;
  generated: Expr | null;
  readonly others: string[];
}

export abstract class TableElementParser extends OptionParser {
  /** tableElements: '(' [ tableElement { ',' tableElement } [ ',' ] ] ')' */
  readonly tableElements: Rule<readonly TableElement[]> = this.RULE('tableElements', () => {
    const elements: TableElement[] = [];
    this.consume(1, T.LParen);
    this.option(2, () => {
      elements.push(this.subrule(3, this.tableElement));
      this.many(4, {
        GATE: () => !this.isAt(2, T.RParen),
        DEF: () => {
          this.consume(5, T.Comma);
          elements.push(this.subrule(6, this.tableElement));
        },
      });
      this.has(7, T.Comma);
    });
    this.consume(8, T.RParen);
    return elements;
  });

  /** tableElement: '*' | WATERMARK ... | tableConstraint | LIKE objectName ... | columnDefinition */
  readonly tableElement: Rule<TableElement> = this.RULE('tableElement', (): TableElement => {
    const start = this.here();
    return this.or(1, [
      {
        ALT: (): TableElement => {
          this.consume(2, T.Star);
          return { kind: 'TableWildcard', span: this.since(start) };
        },
      },
      {
        GATE: () => this.isAt(2, K.for),
        ALT: () => this.subrule(3, this.watermark),
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: () => this.subrule(4, this.tableConstraint) },
      {
        ALT: (): TableElement => {
          const first = this.consume(5, K.like);
          this.subrule(6, this.objectName);
          this.many(7, () => {
            this.or(8, [
              { ALT: () => this.consume(9, K.including) },
              { ALT: () => this.consume(10, K.excluding) },
            ]);
            this.consume(11, T.ColLabel);
          });
          return this.ACTION(() => ({
            kind: 'OtherConstraint',
            construct: this.canonicalText(first),
            span: this.since(start),
          }));
        },
      },
      { ALT: () => this.subrule(12, this.columnDefinition) },
    ]);
  });

  /** watermark: WATERMARK FOR colId AS expr [ WITH TTL ] */
  readonly watermark: Rule<TableElement> = this.RULE('watermark', (): TableElement => {
    const start = this.consume(1, K.watermark).startOffset;
    this.consume(2, K.for);
    const column = this.subrule(3, this.colId);
    this.consume(4, K.as);
    const expr = this.subrule(5, this.expr);
    let withTtl = false;
    this.option(6, () => {
      this.consume(7, K.with);
      this.consume(8, K.ttl);
      withTtl = true;
    });
    return { kind: 'Watermark', column, expr, withTtl, span: this.since(start) };
  });

  /**
   * tableConstraint: [ CONSTRAINT colId ] ( PRIMARY KEY columnList | NOT NULL colId | UNIQUE columnList | CHECK '(' expr ')'
   *   | FOREIGN KEY columnList references )
   */
  readonly tableConstraint: Rule<TableElement> = this.RULE('tableConstraint', (): TableElement => {
    const start = this.here();
    let name: Ident | null = null;
    this.option(1, () => {
      this.consume(2, K.constraint);
      name = this.subrule(3, this.colId);
    });
    const other = (first: IToken): TableElement =>
      this.ACTION(() => ({
        kind: 'OtherConstraint',
        construct: this.canonicalText(first),
        span: this.since(start),
      }));
    return this.or(4, [
      {
        ALT: (): TableElement => {
          this.consume(5, K.primary);
          this.consume(6, K.key);
          const columns = this.subrule(7, this.columnList);
          return { kind: 'PrimaryKey', columns, name, span: this.since(start) };
        },
      },
      {
        ALT: (): TableElement => {
          const first = this.consume(8, K.not);
          this.consume(9, K.null);
          this.subrule(10, this.colId);
          return other(first);
        },
      },
      {
        ALT: (): TableElement => {
          const first = this.consume(11, K.unique);
          this.subrule(12, this.columnList);
          return other(first);
        },
      },
      {
        ALT: (): TableElement => {
          const first = this.consume(13, K.check);
          this.subrule(14, this.checkCondition);
          return other(first);
        },
      },
      {
        ALT: (): TableElement => {
          const first = this.consume(15, K.foreign);
          this.consume(16, K.key);
          this.subrule(17, this.columnList);
          this.subrule(18, this.references);
          return other(first);
        },
      },
    ]);
  });

  /** checkCondition: '(' expr ')' [ NO INHERIT ] */
  private readonly checkCondition: Rule<void> = this.RULE('checkCondition', () => {
    this.consume(1, T.LParen);
    this.subrule(2, this.expr);
    this.consume(3, T.RParen);
    this.option(4, () => {
      this.consume(5, K.no);
      this.consume(6, K.inherit);
    });
  });

  /** references: REFERENCES objectName [ columnList ] [ MATCH word ] { ON ( DELETE | UPDATE ) action } { deferral } */
  private readonly references: Rule<void> = this.RULE('references', () => {
    this.consume(1, K.references);
    this.subrule(2, this.objectName);
    this.option(3, () => this.subrule(4, this.columnList));
    this.option(5, () => {
      this.consume(6, K.match);
      this.or(7, [
        { ALT: () => this.consume(8, K.full) },
        { ALT: () => this.consume(9, K.partial) },
        { ALT: () => this.consume(10, K.simple) },
      ]);
    });
    this.many(11, {
      GATE: () => this.isAt(2, K.delete) || this.isAt(2, K.update),
      DEF: () => {
        this.consume(12, K.on);
        this.or(13, [{ ALT: () => this.consume(14, K.delete) }, { ALT: () => this.consume(15, K.update) }]);
        this.or(16, [
          {
            ALT: () => {
              this.consume(17, K.no);
              this.consume(18, K.action);
            },
          },
          { ALT: () => this.consume(19, K.restrict) },
          { ALT: () => this.consume(20, K.cascade) },
          {
            ALT: () => {
              this.consume(21, K.set);
              this.or(22, [
                { ALT: () => this.consume(23, K.null) },
                { ALT: () => this.consume(24, K.default) },
              ]);
            },
          },
        ]);
      },
    });
    this.subrule(25, this.deferral);
  });

  /** deferral: [ [ NOT ] DEFERRABLE ] [ INITIALLY ( DEFERRED | IMMEDIATE ) ] */
  private readonly deferral: Rule<void> = this.RULE('deferral', () => {
    this.option(1, {
      GATE: () => this.isAt(1, K.deferrable) || this.isAt(2, K.deferrable),
      DEF: () => {
        this.has(2, K.not);
        this.consume(3, K.deferrable);
      },
    });
    this.option(4, () => {
      this.consume(5, K.initially);
      this.or(6, [{ ALT: () => this.consume(7, K.deferred) }, { ALT: () => this.consume(8, K.immediate) }]);
    });
  });

  /** columnDefinition: colId [ typeName ] { columnConstraint }, where the type may be left out before AS */
  readonly columnDefinition: Rule<ColumnDefinition> = this.RULE('columnDefinition', (): ColumnDefinition => {
    const start = this.here();
    const name = this.subrule(1, this.colId);
    const type: TypeName | null =
      this.or(2, [
        {
          GATE: () => !this.isAt(1, K.generated) || !this.isAt(2, K.always),
          ALT: () => this.subrule(3, this.typeName),
        },
        { GATE: () => this.isAt(1, K.as) || this.isAt(1, K.generated), ALT: () => {} },
      ]) ?? null;
    const parts: ColumnParts = {
      collation: null,
      notNull: null,
      primaryKey: false,
      unique: false,
      default: null,
      generated: null,
      others: [],
    };
    this.many(4, () => this.subrule(5, this.columnConstraint, { ARGS: [parts] }));
    return {
      kind: 'ColumnDefinition',
      name,
      type,
      collation: parts.collation,
      notNull: parts.notNull,
      primaryKey: parts.primaryKey,
      unique: parts.unique,
      default: parts.default,
      generated: parts.generated,
      otherConstraints: parts.others,
      span: this.since(start),
    };
  });

  /** columnConstraint: [ CONSTRAINT colId ] ( columnFlag | DEFAULT b_expr | generatedColumn | COLLATE objectName | CHECK ... | references ) */
  private readonly columnConstraint: Rule<void, [parts: ColumnParts]> = this.RULE(
    'columnConstraint',
    (parts: ColumnParts) => {
      this.option(1, () => {
        this.consume(2, K.constraint);
        this.subrule(3, this.colId);
      });
      const first = this.LA(1);
      const other = (): void => {
        this.ACTION(() => parts.others.push(this.canonicalText(first)));
      };
      this.or(4, [
        {
          ALT: () => {
            const flag = this.subrule(5, this.columnFlag);
            this.ACTION(() => Object.assign(parts, flag));
          },
        },
        {
          ALT: () => {
            this.consume(6, K.default);
            const value = this.subrule(7, this.expr, { ARGS: [0, true] });
            this.ACTION(() => Object.assign(parts, { default: value }));
          },
        },
        { ALT: () => this.subrule(8, this.generatedColumn, { ARGS: [parts] }) },
        {
          ALT: () => {
            this.consume(9, K.collate);
            const collation = this.subrule(10, this.objectName);
            this.ACTION(() => Object.assign(parts, { collation }));
          },
        },
        {
          ALT: () => {
            this.consume(11, K.check);
            this.subrule(12, this.checkCondition);
            other();
          },
        },
        {
          ALT: () => {
            this.subrule(13, this.references);
            other();
          },
        },
      ]);
    },
  );

  /** columnFlag: NOT NULL | NULL | PRIMARY KEY | UNIQUE */
  private readonly columnFlag: Rule<Partial<ColumnParts>> = this.RULE(
    'columnFlag',
    (): Partial<ColumnParts> => {
      return this.or(1, [
        {
          ALT: (): Partial<ColumnParts> => {
            this.consume(2, K.not);
            this.consume(3, K.null);
            return { notNull: true };
          },
        },
        { ALT: (): Partial<ColumnParts> => this.consume(4, K.null) && { notNull: false } },
        {
          ALT: (): Partial<ColumnParts> => {
            this.consume(5, K.primary);
            this.consume(6, K.key);
            return { primaryKey: true };
          },
        },
        { ALT: (): Partial<ColumnParts> => this.consume(7, K.unique) && { unique: true } },
      ]);
    },
  );

  /**
   * generatedColumn: AS expr [ STORED | VIRTUAL ] | GENERATED ALWAYS AS '(' expr ')' [ STORED | VIRTUAL ]
   *   | GENERATED ( ALWAYS | BY DEFAULT ) AS IDENTITY
   */
  private readonly generatedColumn: Rule<void, [parts: ColumnParts]> = this.RULE(
    'generatedColumn',
    (parts: ColumnParts) => {
      const first = this.LA(1);
      this.option(1, () => {
        this.consume(2, K.generated);
        this.or(3, [
          { ALT: () => this.consume(4, K.always) },
          {
            ALT: () => {
              this.consume(5, K.by);
              this.consume(6, K.default);
            },
          },
        ]);
      });
      this.consume(7, K.as);
      this.or(8, [
        {
          GATE: () => this.textOf(first) === 'generated',
          ALT: () => {
            this.consume(9, K.identity);
            this.option(10, () => {
              this.consume(11, T.LParen);
              this.atLeastOne(12, () =>
                this.or(13, [
                  { ALT: () => this.consume(14, T.NonReserved) },
                  { ALT: () => this.subrule(15, this.signedNumber) },
                ]),
              );
              this.consume(16, T.RParen);
            });
            this.ACTION(() => parts.others.push(this.canonicalText(first)));
          },
          IGNORE_AMBIGUITIES: true,
        },
        {
          ALT: () => {
            const value = this.subrule(17, this.expr);
            this.or(18, [{ ALT: () => this.consume(19, K.virtual) }, { ALT: () => this.has(20, K.stored) }]);
            this.ACTION(() => {
              parts.generated = value;
            });
          },
        },
      ]);
    },
  );
}
