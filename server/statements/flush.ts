/** FLUSH and WAIT: writes are durable and visible when acknowledged, so there is nothing left to wait for. */
import type { Flush, Wait } from '../../parser/ast/statement.ts';
import { done, type StatementHandler } from './statement.ts';

export const flush: StatementHandler<Flush> = {
  readOnly: true,
  run: (_statement, context) => context.database.exclusive(() => done('FLUSH')),
};

export const wait: StatementHandler<Wait> = {
  readOnly: true,
  run: (_statement, context) => context.database.exclusive(() => done('WAIT')),
};
