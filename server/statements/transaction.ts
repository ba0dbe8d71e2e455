/** BEGIN, COMMIT, ROLLBACK and savepoints. */
import { must } from '../../common/assert.ts';
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
        return done('BEGIN');
      case 'commit':
      case 'rollback': {
        if (!transactions.inBlock) {
          context.notice({
            severity: 'WARNING',
            state: '25P01',
            message: 'there is no transaction in progress',
          });
          return done(statement.action === 'commit' ? 'COMMIT' : 'ROLLBACK');
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
