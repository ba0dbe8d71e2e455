/** CREATE SCHEMA; DROP SCHEMA is in drop.ts. */
import { SqlError } from '../../common/sqlError.ts';
import type { CreateSchema } from '../../parser/ast/statement.ts';
import { done, originOf, type StatementHandler } from './statement.ts';

export const createSchema: StatementHandler<CreateSchema> = {
  async run(statement, context) {
    context.requireNoTransactionBlock('CREATE SCHEMA');
    const { catalog } = context.database;
    const { name } = statement.name;
    if (name.startsWith('pg_')) {
      throw new SqlError('42939', `unacceptable schema name "${name}"`, {
        detail: 'The prefix "pg_" is reserved for system schemas.',
      });
    }
    return context.database.exclusive(() => {
      if (catalog.hasSchema(name)) {
        if (!statement.ifNotExists) throw new SqlError('42P06', `schema "${name}" already exists`);
        context.notice({
          severity: 'NOTICE',
          state: '42P06',
          message: `schema "${name}" already exists, skipping`,
        });
        return done('CREATE SCHEMA');
      }
      const id = catalog.allocateId();
      catalog.addSchema({ id, name, owner: context.user });
      context.database.journalDdl(originOf(context), id);
      return done('CREATE SCHEMA');
    });
  },
};
