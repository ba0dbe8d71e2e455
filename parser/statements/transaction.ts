/** Grammar of transaction control. */
import type { Ident } from '../ast/common.ts';
import type { Transaction } from '../ast/statement.ts';
import type { Rule, Start } from '../base.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import { CreateParser } from './create.ts';

export abstract class TransactionParser extends CreateParser {
  private transactionNode(
    action: Transaction['action'],
    start: Start,
    fields: { readonly name?: Ident; readonly modes?: readonly string[]; readonly chain?: boolean } = {},
  ): Transaction {
    const { name = null, modes = [], chain = false } = fields;
    return { kind: 'Transaction', action, name, modes, chain, span: this.since(start) };
  }

  /**
   * transaction: BEGIN workWord [ modes ] | START TRANSACTION [ modes ] | ( COMMIT | END ) workWord chain
   *   | ABORT workWord chain | ROLLBACK workWord ( TO [ SAVEPOINT ] colId | chain )
   *   | SAVEPOINT colId | RELEASE [ SAVEPOINT ] colId
   */
  readonly transaction: Rule<Transaction> = this.RULE('transaction', (): Transaction => {
    const start = this.here();
    return this.or(1, [
      {
        ALT: () => {
          this.consume(2, K.begin);
          this.subrule(3, this.workWord);
          return this.transactionNode('begin', start, { modes: this.subrule(4, this.transactionModes) });
        },
      },
      {
        ALT: () => {
          this.consume(5, K.start);
          this.consume(6, K.transaction);
          return this.transactionNode('begin', start, { modes: this.subrule(7, this.transactionModes) });
        },
      },
      {
        ALT: () => {
          this.or(8, [{ ALT: () => this.consume(9, K.commit) }, { ALT: () => this.consume(10, K.end) }]);
          this.subrule(11, this.workWord);
          return this.transactionNode('commit', start, { chain: this.subrule(12, this.chain) });
        },
      },
      {
        ALT: () => {
          this.consume(13, K.abort);
          this.subrule(14, this.workWord);
          return this.transactionNode('rollback', start, { chain: this.subrule(15, this.chain) });
        },
      },
      {
        ALT: () => {
          this.consume(16, K.rollback);
          this.subrule(17, this.workWord);
          return this.or(18, [
            {
              ALT: () => {
                this.consume(19, K.to);
                this.option(20, {
                  GATE: () => this.isIn(2, T.ColId),
                  DEF: () => this.consume(21, K.savepoint),
                });
                return this.transactionNode('rollback to', start, { name: this.subrule(22, this.colId) });
              },
            },
            { ALT: () => this.transactionNode('rollback', start, { chain: this.subrule(23, this.chain) }) },
          ]);
        },
      },
      {
        ALT: () => {
          this.consume(24, K.savepoint);
          return this.transactionNode('savepoint', start, { name: this.subrule(25, this.colId) });
        },
      },
      {
        ALT: () => {
          this.consume(26, K.release);
          this.option(27, { GATE: () => this.isIn(2, T.ColId), DEF: () => this.consume(28, K.savepoint) });
          return this.transactionNode('release', start, { name: this.subrule(29, this.colId) });
        },
      },
    ]);
  });

  /** workWord: [ WORK | TRANSACTION ] */
  private readonly workWord: Rule<void> = this.RULE('workWord', () => {
    this.or(1, [{ ALT: () => this.consume(2, K.work) }, { ALT: () => this.has(3, K.transaction) }]);
  });

  /** chain: [ AND [ NO ] CHAIN ] */
  private readonly chain: Rule<boolean> = this.RULE('chain', () => {
    const chain = this.option(1, () => {
      this.consume(2, K.and);
      const no = this.has(3, K.no);
      this.consume(4, K.chain);
      return !no;
    });
    return chain ?? false;
  });

  /** transactionModes: [ transactionMode { [ ',' ] transactionMode } ] */
  readonly transactionModes: Rule<readonly string[]> = this.RULE('transactionModes', () => {
    const modes: string[] = [];
    this.option(1, () => {
      modes.push(this.subrule(2, this.transactionMode));
      this.many(3, () => {
        this.has(4, T.Comma);
        modes.push(this.subrule(5, this.transactionMode));
      });
    });
    return modes;
  });

  /**
   * transactionMode: ISOLATION LEVEL ( READ ( UNCOMMITTED | COMMITTED ) | REPEATABLE READ | SERIALIZABLE )
   *   | READ ( ONLY | WRITE ) | [ NOT ] DEFERRABLE
   */
  private readonly transactionMode: Rule<string> = this.RULE('transactionMode', () => {
    const first = this.LA(1);
    this.or(1, [
      {
        ALT: () => {
          this.consume(2, K.isolation);
          this.consume(3, K.level);
          this.or(4, [
            {
              ALT: () => {
                this.consume(5, K.read);
                this.or(6, [
                  { ALT: () => this.consume(7, K.uncommitted) },
                  { ALT: () => this.consume(8, K.committed) },
                ]);
              },
            },
            {
              ALT: () => {
                this.consume(9, K.repeatable);
                this.consume(10, K.read);
              },
            },
            { ALT: () => this.consume(11, K.serializable) },
          ]);
        },
      },
      {
        ALT: () => {
          this.consume(12, K.read);
          this.or(13, [{ ALT: () => this.consume(14, K.only) }, { ALT: () => this.consume(15, K.write) }]);
        },
      },
      {
        ALT: () => {
          this.has(16, K.not);
          this.consume(17, K.deferrable);
        },
      },
    ]);
    return this.ACTION(() => this.canonicalText(first).toLowerCase());
  });
}
