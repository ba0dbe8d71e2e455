/**
 * The CREATE statement of a view in the catalog, parsed and bound again as it was when the view was made: under its own
 * search path and time zone, outside any transaction.
 */
import { assert, must } from '../../common/assert.ts';
import type { CreateMaterializedView, CreateView } from '../../parser/ast/statement.ts';
import { parse } from '../../parser/parse.ts';
import type { MaterializedViewObject, ViewObject } from '../objects.ts';
import type { StatementContext } from '../statements/statement.ts';
import { TransactionWrites } from '../transaction.ts';

export type AnyView = ViewObject | MaterializedViewObject;
export type ViewStatement = CreateView | CreateMaterializedView;

/** The statement that makes the view. */
export function viewStatement(view: { readonly sql: string }): ViewStatement {
  const { statement } = must(parse(view.sql)[0], 'a view has a statement');
  assert(
    statement.kind === 'CreateView' || statement.kind === 'CreateMaterializedView',
    'the statement of a view makes one',
  );
  return statement;
}

/** The context in which a definition is understood, whosoever's statement asks. */
export function definitionContext(
  place: { readonly sql: string; readonly searchPath: readonly string[]; readonly timeZone: string },
  context: StatementContext,
): StatementContext {
  const { database, settings } = context;
  const sameZone = settings.value('timezone') === place.timeZone;
  return {
    ...context,
    sql: place.sql,
    textOf: (node) => place.sql.slice(node.span.start, node.span.end),
    searchPath: () => place.searchPath,
    // Literals are read in the definition's time zone.
    eval: sameZone ? context.eval : database.tickContext('', place.timeZone).eval,
    parameters: [],
    parameterTypes: [],
    writes: new TransactionWrites(),
    notice: () => {},
  };
}
