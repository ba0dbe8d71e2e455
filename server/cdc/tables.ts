/** Which objects of the catalog belong to PostgreSQL CDC. */
import type { Database } from '../database.ts';
import type { CatalogObject, SourceObject, TableObject } from '../objects.ts';
import { CdcRuntime } from './runtime.ts';

export function cdcRuntime(object: CatalogObject): CdcRuntime | null {
  if (object.kind !== 'source' && object.kind !== 'table') return null;
  return object.source instanceof CdcRuntime ? object.source : null;
}

/** Objects with a stream of their own. */
export function cdcSources(
  database: Database,
): readonly { readonly object: SourceObject | TableObject; readonly runtime: CdcRuntime }[] {
  return database.catalog.objects().flatMap((object) => {
    if (object.kind !== 'source' && object.kind !== 'table') return [];
    const runtime = cdcRuntime(object);
    return runtime === null || runtime.sourceId !== null ? [] : [{ object, runtime }];
  });
}

/** The tables that the source's stream feeds. */
export function tablesOf(
  database: Database,
  source: SourceObject | TableObject,
): readonly { readonly table: TableObject; readonly runtime: CdcRuntime }[] {
  return database.catalog.objects().flatMap((table) => {
    if (table.kind !== 'table') return [];
    const runtime = cdcRuntime(table);
    if (runtime === null) return [];
    return runtime.sourceId === source.id || table.id === source.id ? [{ table, runtime }] : [];
  });
}
