/** Views over sources that have forgotten rows do not see those: whoever makes one is told. */
import type { StatementContext } from '../statements/statement.ts';

export function noticeForgotten(inputs: Iterable<number>, context: StatementContext): void {
  for (const id of inputs) {
    const object = context.database.catalog.byId(id);
    if (object?.kind !== 'table' || object.stream === null || object.stream.forgotten === 0n) continue;
    context.notice({
      severity: 'NOTICE',
      state: '00000',
      message: `source "${object.name}" has forgotten ${object.stream.forgotten} rows, which the view does not see`,
      detail: 'Its option retention says how long rows are kept.',
    });
  }
}
