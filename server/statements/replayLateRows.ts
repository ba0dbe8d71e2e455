/** REPLAY LATE ROWS: late rows are admitted after all, and every view over them is what it would be, had they come in time. */
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import { compileScalar } from '../../executor/codegen/evaluate.ts';
import type { ReplayLateRows } from '../../parser/ast/time.ts';
import { bindOverRow } from '../../planner/bind/bind.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import { bindEnvironment } from '../planning.ts';
import { admitLateRows } from '../time/control.ts';
import { runDue } from '../time/due.ts';
import { lateRelationOf } from '../time/lateRelation.ts';
import { rebuildViews, viewsOver } from '../viewBuild.ts';
import { done, namedRelation, type StatementContext, type StatementHandler } from './statement.ts';

function lateOwner(
  statement: ReplayLateRows,
  context: StatementContext,
): { readonly owner: SourceObject | TableObject; readonly late: TableObject } {
  const { database } = context;
  const owner = namedRelation(statement.relation, context);
  const late = lateRelationOf(database, owner.id);
  if ((owner.kind === 'source' || owner.kind === 'table') && late !== null) return { owner, late };
  throw new SqlError('55000', `relation "${owner.name}" has no late rows of its own`, {
    position: statement.relation.span.start,
    hint: 'Name a source or table with a watermark.',
  });
}

/** The late rows that the condition picks. */
function chosen(statement: ReplayLateRows, late: TableObject, context: StatementContext): readonly Row[] {
  const rows = [...late.store.rows()];
  if (statement.where === null) return rows;
  const bound = bindOverRow(statement.where, late.name, late.columns, bindEnvironment(context), 'WHERE');
  if (bound.type.id !== 'bool') {
    throw new SqlError('42804', 'argument of WHERE must be type boolean', {
      position: statement.where.span.start,
    });
  }
  const condition = compileScalar(bound);
  return rows.filter((row) => condition(context.eval, row) === true);
}

export const replayLateRows: StatementHandler<ReplayLateRows> = {
  async run(statement, context) {
    context.requireNoTransactionBlock('REPLAY LATE ROWS');
    const { database } = context;
    const count = await database.exclusive(() => {
      const { owner, late } = lateOwner(statement, context);
      const rows = chosen(statement, late, context);
      if (rows.length === 0) return 0;
      rebuildViews(database, viewsOver(database, new Set([owner.id])), () =>
        admitLateRows(database, owner, rows),
      );
      runDue(database);
      return rows.length;
    });
    return done(`REPLAY ${count}`);
  },
};
