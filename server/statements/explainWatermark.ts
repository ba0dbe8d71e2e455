/** EXPLAIN WATERMARK: how late rows have come, and which delay would have admitted them. */
import { SqlError } from '../../common/sqlError.ts';
import type { ExplainWatermark } from '../../parser/ast/time.ts';
import { eventTimeOf, type WatermarkReport, watermarkReport } from '../time/advisor.ts';
import { namedRelation, type StatementContext, type StatementHandler } from './statement.ts';

function reportOf(statement: ExplainWatermark, context: StatementContext): WatermarkReport {
  const object = namedRelation(statement.relation, context);
  const timed = object.kind === 'source' || object.kind === 'table' ? eventTimeOf(object) : null;
  if (timed === null) {
    throw new SqlError('55000', `relation "${object.name}" has no watermark of its own`, {
      position: statement.relation.span.start,
      hint: 'Ask for the source or table whose WATERMARK FOR clause its rows go by.',
    });
  }
  return watermarkReport(timed.rule, timed.eventTime);
}

export const explainWatermark: StatementHandler<ExplainWatermark> = {
  readOnly: true,
  describe: (statement, context) => ({
    parameterTypes: [],
    columns: reportOf(statement, context).columns,
  }),
  run(statement, context) {
    const { columns, rows } = reportOf(statement, context);
    return { columns, rows, tag: 'EXPLAIN' };
  },
};
