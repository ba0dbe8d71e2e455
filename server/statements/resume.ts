/** ALTER MATERIALIZED VIEW v RESUME: a paused view is built again. Other forms of ALTER are not supported. */
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Alter } from '../../parser/ast/alter.ts';
import { resumeView } from '../pause.ts';
import { done, originOf, type StatementHandler, splitName } from './statement.ts';

export const alter: StatementHandler<Alter> = {
  async run(statement, context) {
    const [action] = statement.actions;
    if (statement.object !== 'materialized view' || action?.kind !== 'resume') {
      throw unsupported(`ALTER ${statement.object.toUpperCase()}`, statement.span.start);
    }
    const tag = 'ALTER MATERIALIZED VIEW';
    context.requireNoTransactionBlock(`${tag} RESUME`);
    const { database } = context;
    const target = splitName(statement.name, context);
    return database.exclusive(() => {
      const view = database.catalog.find(target.schema, target.name, context.searchPath());
      const { position } = target;
      if (view === null) {
        if (!statement.ifExists) {
          throw new SqlError('42P01', `relation "${target.name}" does not exist`, { position });
        }
        context.notice({
          severity: 'NOTICE',
          state: '00000',
          message: `relation "${target.name}" does not exist, skipping`,
        });
        return done(tag);
      }
      if (view.kind !== 'materialized view') {
        throw new SqlError('42809', `"${target.name}" is not a materialized view`, { position });
      }
      if (view.paused === null) return done(tag);
      try {
        resumeView(database, view);
      } catch (error) {
        // What could be resumed once may not be so in a restart, which goes on.
        if (database.recovery === null) throw error;
      }
      database.version++;
      database.journalDdl(originOf(context), null);
      return done(tag);
    });
  },
};
