/** ALTER TABLE ... ADD | DROP | ALTER COLUMN of a table that follows one in PostgreSQL: it follows with its new columns. */
import type { TableObject } from '../objects.ts';
import type { TableShape } from '../statements/columns.ts';
import { RowExpander } from '../time/rowExpander.ts';
import { cdcRuntime } from './tables.ts';

/** Columns can be changed where the stream is another object's: it goes on over the change. */
export function mayChangeColumns(table: TableObject): boolean {
  return (cdcRuntime(table)?.sourceId ?? null) !== null;
}

/** Makes `after` follow what `before` follows. Its rows are compared with PostgreSQL's, which fills new columns. */
export function followAfter(before: TableObject, after: TableObject, shape: TableShape): void {
  const runtime = cdcRuntime(before);
  if (runtime === null) return;
  const columns = shape.columns.filter((c) => c.generated === null);
  Object.assign(after, {
    source: runtime.withColumns(columns),
    expander: new RowExpander(shape.generated, after.columns.length),
    dependsOn: new Set([...after.dependsOn, ...before.dependsOn]),
  });
}
