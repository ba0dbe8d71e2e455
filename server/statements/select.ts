/** SELECT, VALUES, TABLE: bound, planned and run over the current version. */

import type { SelectStatement } from '../../parser/ast/statement.ts';
import { type BoundQuery, bindQuery } from '../../planner/bind/bind.ts';
import type { ResultColumn } from '../../wire/port.ts';
import { bindEnvironment, planAdhoc } from '../planning.ts';
import { runQuery } from '../query.ts';
import { noticeStale } from './staleness.ts';
import type { StatementContext, StatementHandler } from './statement.ts';

export function resultColumns(bound: { readonly columns: BoundQuery['columns'] }): readonly ResultColumn[] {
  return bound.columns.map((c) => ({ name: c.name, type: c.type }));
}

/** Runs a bound query in the statement's context. */
export function runBound(bound: BoundQuery, context: StatementContext) {
  const planned = planAdhoc(bound, context);
  noticeStale(planned.plan, context);
  return runQuery(planned, {
    database: context.database,
    eval: context.eval,
    writes: context.writes,
    checkCancelled: () => context.checkCancelled(),
    systemRows: (id) => context.systemRows(id),
  });
}

export const select: StatementHandler<SelectStatement> = {
  readOnly: true,
  describe(statement, context) {
    const bound = bindQuery(statement.query, bindEnvironment(context));
    return { parameterTypes: bound.parameters, columns: resultColumns(bound) };
  },
  run(statement, context) {
    const bound = bindQuery(statement.query, bindEnvironment(context));
    const rows = runBound(bound, context);
    return { columns: resultColumns(bound), rows, tag: `SELECT ${rows.length}` };
  },
};
