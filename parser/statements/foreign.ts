/**
 * Statements of PostgreSQL that have no counterpart here. MERGE is read whole; of the others only what names them. Each is
 * refused by name once the whole text has been read, so none of them has a node.
 */
import type { TokenType } from 'chevrotain';
import type { Expr } from '../ast/expr.ts';
import type { Statement } from '../ast/statement.ts';
import type { Rule, Start } from '../base.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import { AdminParser } from './admin.ts';

const commands: ReadonlySet<TokenType> = new Set([
  K.call,
  K.cluster,
  K.do,
  K.import,
  K.listen,
  K.load,
  K.notify,
  K.reassign,
  K.reindex,
  K.security,
  K.unlisten,
]);

const verbs: ReadonlySet<TokenType> = new Set([K.create, K.drop, K.alter]);

const objects: ReadonlySet<TokenType> = new Set([
  K.access,
  K.cast,
  K.collation,
  K.conversion,
  K.domain,
  K.event,
  K.extension,
  K.foreign,
  K.group,
  K.language,
  K.large,
  K.operator,
  K.owned,
  K.policy,
  K.procedure,
  K.publication,
  K.recursive,
  K.routine,
  K.rule,
  K.sequence,
  K.server,
  K.statistics,
  K.tablespace,
  K.text,
  K.transform,
  K.trigger,
  K.trusted,
  K.type,
]);

export abstract class ForeignParser extends AdminParser {
  protected startsForeign(): boolean {
    const first = this.at(1);
    if (commands.has(first)) return true;
    if (!verbs.has(first)) return false;
    return objects.has(this.at(this.isAt(2, K.or) && this.isAt(3, K.replace) ? 4 : 2));
  }

  /** foreign: word [ OR REPLACE ] [ word ] whatever up to the semicolon */
  readonly foreign: Rule<Statement> = this.RULE('foreign', (): Statement => {
    const first = this.consume(1, T.ColLabel);
    this.hasAll(2, K.or, K.replace);
    const second = this.option(3, {
      GATE: () => verbs.has(first.tokenType),
      DEF: () => this.consume(4, T.ColLabel),
    });
    this.ACTION(() => {
      this.refuse(words(first.tokenType, second?.tokenType), first.startOffset);
      this.skip(this.tokensToEnd());
    });
    return this.nothing(first.startOffset);
  });

  /** Tokens up to the semicolon, the end, or where the text cannot be read. */
  private tokensToEnd(): number {
    let count = 0;
    while (
      !this.endsAt(count + 1) &&
      !this.isAt(count + 1, T.Semicolon) &&
      !this.isAt(count + 1, T.ErrorToken)
    )
      count++;
    return count;
  }

  /** Stands for a refused statement; nobody gets to see it. */
  private nothing(start: Start): Statement {
    const span = this.since(start);
    const body = { kind: 'Values' as const, rows: [], span };
    const query = {
      kind: 'Query' as const,
      with: null,
      body,
      orderBy: [],
      limit: null,
      offset: null,
      locking: [],
      span,
    };
    return { kind: 'SelectStatement', query, span };
  }

  /** merge: MERGE INTO relationName targetAlias USING tableRef ON expr mergeWhen { mergeWhen } [ returning ] */
  readonly merge: Rule<Statement, [start: Start]> = this.RULE('merge', (start: Start): Statement => {
    this.refuse('MERGE', this.consume(1, K.merge).startOffset);
    this.consume(2, K.into);
    this.subrule(3, this.relationName);
    this.subrule(4, this.targetAlias);
    this.consume(5, K.using);
    this.subrule(6, this.tableRef);
    this.consume(7, K.on);
    this.subrule(8, this.expr);
    this.atLeastOne(9, () => this.subrule(10, this.mergeWhen));
    this.option(11, () => this.subrule(12, this.returning));
    return this.nothing(start);
  });

  /** mergeWhen: WHEN [ NOT ] MATCHED [ BY ( SOURCE | TARGET ) ] [ AND expr ] THEN mergeAction */
  private readonly mergeWhen: Rule<void> = this.RULE('mergeWhen', () => {
    this.consume(1, K.when);
    this.has(2, K.not);
    this.consume(3, K.matched);
    this.option(4, () => {
      this.consume(5, K.by);
      this.or(6, [{ ALT: () => this.consume(7, K.source) }, { ALT: () => this.consume(8, K.target) }]);
    });
    this.option(9, () => {
      this.consume(10, K.and);
      this.subrule(11, this.expr);
    });
    this.consume(12, K.then);
    this.subrule(13, this.mergeAction);
  });

  /** mergeAction: UPDATE SET assignments | DELETE | DO NOTHING | INSERT ( DEFAULT VALUES | [ insertColumns ] VALUES '(' exprs ')' ) */
  private readonly mergeAction: Rule<void> = this.RULE('mergeAction', () => {
    this.or(1, [
      {
        ALT: () => {
          this.consume(2, K.update);
          this.consume(3, K.set);
          this.subrule(4, this.assignments);
        },
      },
      { ALT: () => this.consume(5, K.delete) },
      {
        ALT: () => {
          this.consume(6, K.do);
          this.consume(7, K.nothing);
        },
      },
      {
        ALT: () => {
          this.consume(8, K.insert);
          this.or(9, [
            {
              ALT: () => {
                this.consume(10, K.default);
                this.consume(11, K.values);
              },
            },
            { ALT: () => this.subrule(12, this.mergeValues) },
          ]);
        },
      },
    ]);
  });

  private readonly mergeValues: Rule<readonly Expr[]> = this.RULE('mergeValues', () => {
    this.option(1, () => this.subrule(2, this.insertColumns));
    this.consume(3, K.values);
    this.consume(4, T.LParen);
    const values = this.list(0, () => this.subrule(5, this.expr));
    this.consume(6, T.RParen);
    return values;
  });
}

function words(first: TokenType, second: TokenType | undefined): string {
  return second === undefined ? first.name : `${first.name} ${second.name}`;
}
