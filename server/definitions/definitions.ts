/**
 * Definitions follow the objects that they were made of. A statement that changes names or columns notes beforehand what
 * every view that could be concerned means, makes its change, and the views are written anew (rewrite.ts): each candidate
 * text is bound again and must mean the same. If none does, the change is undone and refused.
 */
import { SqlError } from '../../common/sqlError.ts';
import { printQuery, printStatement } from '../../parser/print.ts';
import type { CatalogObject } from '../objects.ts';
import { rewriteSink } from '../sinks/definition.ts';
import type { StatementContext } from '../statements/statement.ts';
import { type ChangedColumns, rewritten } from './rewrite.ts';
import { type ColumnMap, meaning, type Understood, understand } from './understand.ts';
import { type AnyView, type ViewStatement, viewStatement } from './viewStatement.ts';

/** A change of the catalog, for the definitions that it reaches. */
export interface CatalogChange {
  /** What is done, for the error: `rename table t`. */
  readonly what: string;
  /** Objects that get another name or other columns. */
  readonly ids: ReadonlySet<number>;
  /** Names, old and new, by which something may be found that was not before. */
  readonly names: readonly string[];
  readonly changed?: ChangedColumns;
  readonly map?: ColumnMap;
  /** Makes the change; the result takes it back. */
  readonly make: () => () => void;
}

interface Noted {
  readonly view: AnyView;
  readonly understood: Understood;
}

/** Views whose text the change may reach. */
function concerned(context: StatementContext, change: CatalogChange): readonly AnyView[] {
  const { catalog } = context.database;
  const mentions = (sql: string): boolean =>
    change.names.some((name) => sql.toLowerCase().includes(name.toLowerCase()));
  return catalog
    .objects()
    .flatMap((o) => (o.kind === 'view' || o.kind === 'materialized view' ? [o] : []))
    .filter((o) => [...o.dependsOn].some((id) => change.ids.has(id)) || mentions(o.sql));
}

/** SQL functions are kept as written: what they name keeps its name. */
function refuseRoutines(context: StatementContext, { ids, what }: CatalogChange): void {
  for (const id of ids) {
    const [routine] = context.database.functions.dependents(id);
    if (routine === undefined) continue;
    throw new SqlError('0A000', `cannot ${what} because the function ${routine.name} names it`, {
      hint: `Drop the function ${routine.name} first, and create it again afterwards.`,
    });
  }
}

/** The text that means the same now. */
function present(noted: Noted, context: StatementContext, change: CatalogChange): ViewStatement {
  const { view, understood } = noted;
  const wanted = meaning(understood, change.map);
  const names = (u: Understood): string => u.columns.map((c) => c.name).join('\n');
  const changed = change.changed ?? new Map();
  const rewriting = {
    understood,
    searchPath: view.searchPath,
    catalog: context.database.catalog,
    changed,
  };
  let failure: unknown = null;
  for (const whole of changed.size === 0 ? [false] : [false, true]) {
    const statement = rewritten(rewriting, whole);
    try {
      const again = understand(view, statement, context);
      const same = whole ? names(again) === names(understood) : meaning(again) === wanted;
      const reaches = !whole && changed.size > 0 && reachesFurther(noted, changed);
      if (same && !reaches) return statement;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      failure = error;
    }
  }
  const detail = failure instanceof SqlError ? { detail: failure.message } : {};
  throw new SqlError(
    '0A000',
    `cannot ${change.what} because ${view.kind} ${view.name} cannot follow`,
    detail,
  );
}

/** True when the definition takes in all columns of a changed relation. */
function reachesFurther({ understood }: Noted, changed: ChangedColumns): boolean {
  const row = [...understood.names.values()].some(
    (f) => f.column === null && f.relation !== null && changed.has(f.relation),
  );
  return row || [...understood.whole].some((id) => changed.has(id));
}

/**
 * Makes the change with all definitions following it, or throws and leaves everything as it was. The result gives the
 * definitions their texts of before.
 */
export function changeCatalog(context: StatementContext, change: CatalogChange): () => void {
  refuseRoutines(context, change);
  const noted = concerned(context, change).map((view) => ({
    view,
    understood: understand(view, viewStatement(view), context),
  }));
  const undo = change.make();
  const before = noted.map(({ view }) => ({ view, sql: view.sql, definition: view.definition }));
  const sinks = context.database.sinks.list().map((sink) => ({ sink, sql: sink.sql }));
  const restore = (): void => {
    for (const { sink, sql } of sinks) sink.sql = sql;
    for (const { view, sql, definition } of before) {
      view.sql = sql;
      view.definition = definition;
      view.entry.definition = definition;
    }
  };
  try {
    // Inputs first: a view is bound through the plain views that it names.
    for (const n of noted) keepStatement(n.view, present(n, context, change));
    for (const { sink } of sinks) rewriteSink(context.database.catalog, sink);
  } catch (error) {
    restore();
    undo();
    throw error;
  }
  return restore;
}

/** Gives the view another text, unless it is the same but for layout. */
function keepStatement(view: AnyView, statement: ViewStatement): void {
  const named = printStatement(statement);
  if (named === printStatement(viewStatement(view))) return;
  view.sql = named;
  view.definition = printQuery(statement.query);
  view.entry.definition = view.definition;
}

export function isView(object: CatalogObject): object is AnyView {
  return object.kind === 'view' || object.kind === 'materialized view';
}
