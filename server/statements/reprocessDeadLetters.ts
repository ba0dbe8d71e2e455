/** REPROCESS DEAD LETTERS: records that could not be used are decoded again, by what their source is now. */
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import { compileScalar } from '../../executor/codegen/evaluate.ts';
import type { ReprocessDeadLetters } from '../../parser/ast/time.ts';
import { bindOverRow } from '../../planner/bind/bind.ts';
import { deadRelationOf } from '../deadLetters/deadRelation.ts';
import { decodeAgain } from '../deadLetters/decodeAgain.ts';
import { letterValue } from '../deadLetters/letterRow.ts';
import { reprocess } from '../deadLetters/reprocess.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import { bindEnvironment } from '../planning.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import { lateStoreOf } from '../time/lateStore.ts';
import { done, namedRelation, type StatementContext, type StatementHandler } from './statement.ts';

interface Letters {
  readonly owner: SourceObject | TableObject;
  readonly source: SourceRuntime;
  readonly relation: TableObject;
}

function lettersOf(statement: ReprocessDeadLetters, context: StatementContext): Letters {
  const owner = namedRelation(statement.relation, context);
  const relation = deadRelationOf(context.database, owner.id);
  const isFed = owner.kind === 'source' || owner.kind === 'table';
  if (isFed && owner.source !== null && relation !== null) return { owner, source: owner.source, relation };
  throw new SqlError('55000', `relation "${owner.name}" has no dead letters`, {
    position: statement.relation.span.start,
    hint: 'Name a source, or a table with a connector.',
  });
}

/** Letters whose records did not come, as the condition picks them. */
function chosen(
  statement: ReprocessDeadLetters,
  relation: TableObject,
  context: StatementContext,
): readonly Row[] {
  const rows = [...lateStoreOf(relation).rows()].filter((row) => letterValue(row, 'outcome') === 'skipped');
  if (statement.where === null) return rows;
  const bound = bindOverRow(
    statement.where,
    relation.name,
    relation.columns,
    bindEnvironment(context),
    'WHERE',
  );
  if (bound.type.id !== 'bool') {
    throw new SqlError('42804', 'argument of WHERE must be type boolean', {
      position: statement.where.span.start,
    });
  }
  const condition = compileScalar(bound);
  return rows.filter((row) => condition(context.eval, row) === true);
}

export const reprocessDeadLetters: StatementHandler<ReprocessDeadLetters> = {
  async run(statement, context) {
    context.requireNoTransactionBlock('REPROCESS DEAD LETTERS');
    const { database } = context;
    const letters = await database.exclusive(() => {
      const found = lettersOf(statement, context);
      return { ...found, rows: chosen(statement, found.relation, context) };
    });
    if (letters.rows.length === 0) return done('REPROCESS 0');
    // A schema registry may have to be asked: others go on meanwhile.
    const decoded = await decodeAgain(letters.source, letters.rows, () => context.checkCancelled());
    const result = await database.exclusive(() => {
      const { owner, source } = lettersOf(statement, context);
      if (source !== letters.source || owner.id !== letters.owner.id) {
        throw new SqlError('40001', `"${owner.name}" has been changed while its letters were decoded`);
      }
      return reprocess(database, owner, decoded);
    });
    if (result.failed > 0) {
      const { failed, reason } = result;
      context.notice({
        severity: 'NOTICE',
        state: '00000',
        message: `${failed} dead ${failed === 1 ? 'letter' : 'letters'} still cannot be used`,
        ...(reason === null ? {} : { detail: `The first: ${reason.message} (SQLSTATE ${reason.state}).` }),
      });
    }
    return done(`REPROCESS ${result.done}`);
  },
};
