/** BEGIN, COMMIT, ROLLBACK and savepoints. */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Transaction } from '../../parser/ast/statement.ts';
import { done, type StatementHandler } from './statement.ts';

export const transaction: StatementHandler<Transaction> = {
  readOnly: true,
  async run(statement, context) {
    const { transactions } = context;
    const name = (): string => must(statement.name, 'savepoint has a name').name;
    switch (statement.action) {
      case 'begin':
        if (transactions.inBlock) {
          context.notice({
            severity: 'WARNING',
            state: '25001',
            message: 'there is already a transaction in progress',
          });
        } else {
          transactions.begin(statement.modes);
        }
        return done(/^\s*start\b/i.test(context.sql) ? 'START TRANSACTION' : 'BEGIN');
      case 'commit':
      case 'rollback': {
        // Without a block it still ends the implicit transaction of the statements before it.
        if (!transactions.inBlock) {
          if (statement.chain) {
            const what = statement.action === 'commit' ? 'COMMIT' : 'ROLLBACK';
            throw new SqlError('25P01', `${what} AND CHAIN can only be used in transaction blocks`);
          }
          context.notice({
            severity: 'WARNING',
            state: '25P01',
            message: 'there is no transaction in progress',
          });
        }
        let tag: 'COMMIT' | 'ROLLBACK' = 'ROLLBACK';
        if (statement.action === 'commit') tag = await transactions.commit();
        else transactions.rollback();
        if (statement.chain) transactions.begin([]);
        return done(tag);
      }
      case 'savepoint':
        transactions.savepoint(name());
        return done('SAVEPOINT');
      case 'release':
        transactions.release(name());
        return done('RELEASE');
      case 'rollback to':
        transactions.rollbackTo(name());
        return done('ROLLBACK');
    }
  },
};
