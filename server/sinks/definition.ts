/**
 * The statement of a sink, as it would have to be written now, and the view of its query: a materialised view of schema
 * millrace_sinks that is made and dropped with the sink, and whose id follows from the sink's.
 */
import { must } from '../../common/assert.ts';
import type { Option } from '../../parser/ast/common.ts';
import type { CreateSink } from '../../parser/ast/streaming.ts';
import { parse } from '../../parser/parse.ts';
import { printStatement } from '../../parser/print.ts';
import { type Catalog, MILLRACE_SINKS } from '../catalog.ts';
import type { Definition } from '../checkpoint/definitions.ts';
import { ownName } from '../definitions/ownStatement.ts';
import { identifier, nameNow } from '../definitions/rewrite.ts';
import { viewStatement } from '../definitions/viewStatement.ts';
import { type CatalogObject, isRelation, type MaterializedViewObject, type SinkObject } from '../objects.ts';

/** Ids of these views: the sink's, this much higher; between the oids that system catalogs derive from ids. */
const QUERY_VIEW_ID = 600_000_000;

export const queryViewId = (sink: number): number => sink + QUERY_VIEW_ID;

export function isQueryView(object: { readonly kind: string; readonly schema: string }): boolean {
  return object.kind === 'materialized view' && object.schema === MILLRACE_SINKS;
}

/** The view of the sink's query; null: it is over a relation that the statement names. */
export function queryView(catalog: Catalog, sink: { readonly id: number }): MaterializedViewObject | null {
  const view = catalog.byId(queryViewId(sink.id));
  return view?.kind === 'materialized view' ? view : null;
}

/** The sink that a view of a query belongs to. */
export function sinkOf(catalog: Catalog, view: CatalogObject): CatalogObject | null {
  return catalog.byId(view.id - QUERY_VIEW_ID);
}

export function sinkStatement(sink: { readonly sql: string }): CreateSink {
  const { statement } = must(parse(sink.sql)[0], 'a sink has a statement');
  return must(statement.kind === 'CreateSink' ? statement : null, 'the statement makes a sink');
}

/** Gives the sink's statement its present name, that of its relation, or the query as its view has it. */
export function rewriteSink(catalog: Catalog, sink: SinkObject): void {
  const before = sinkStatement(sink);
  const { source } = before;
  const view = queryView(catalog, sink);
  const now =
    view !== null && source.kind === 'query'
      ? { kind: 'query' as const, query: viewStatement(view).query }
      : view === null && source.kind === 'relation'
        ? { kind: 'relation' as const, name: nameNow(catalog, sink.relation, source.name, sink.searchPath) }
        : source;
  const { into } = before;
  const { feed } = sink.runtime;
  const statement: CreateSink = {
    ...before,
    name: ownName(catalog, sink, before.name),
    into:
      into === null || feed === null
        ? into
        : { ...into, table: nameNow(catalog, feed.table, into.table, sink.searchPath) },
    source: now,
  };
  const text = printStatement(statement);
  if (text !== printStatement(before)) sink.sql = text;
}

function hasAllColumns(catalog: Catalog, { relation, runtime }: SinkObject): boolean {
  const object = catalog.byId(relation);
  if (object === null || !isRelation(object)) return false;
  const names = object.columns.filter((c) => c.hidden !== true).map((c) => c.name);
  const own = runtime.shape.columns.map((c) => c.name);
  return names.length === own.length && names.every((name, i) => own[i] === name);
}

/** How a sink into a table writes, where its statement does not say so and its relation would now have it otherwise. */
function ownFormat(
  catalog: Catalog,
  { relation, runtime }: SinkObject,
  options: readonly Option[],
): string | null {
  const object = catalog.byId(relation);
  const isSaid = options.some(({ name }) => name === 'type' || name === 'force_append_only');
  if (runtime.feed === null || isSaid || object === null || !isRelation(object)) return null;
  const { format } = runtime.shape;
  if ((format === 'PLAIN') === object.entry.appendOnly) return null;
  return format === 'PLAIN' ? 'append-only' : 'upsert';
}

/** The sink's key by name, where its statement does not say it and its relation would now give it another. Empty: it has none. */
function ownKey(
  catalog: Catalog,
  { relation, runtime }: SinkObject,
  options: readonly Option[],
): readonly string[] | null {
  const object = catalog.byId(relation);
  const { shape, positions, feed } = runtime;
  const isSaid = options.some(({ name }) => name === 'primary_key');
  if (feed !== null || isSaid || object === null || !isRelation(object)) return null;
  const own = shape.key?.map((k) => positions[k]) ?? null;
  const { key } = object.entry;
  const implied = key?.every((k) => positions.includes(k)) === true ? key : null;
  if (own?.join() === implied?.join()) return null;
  return shape.key?.map((k) => must(shape.columns[k]).name) ?? [];
}

/** For a checkpoint: the sink has the columns, the key and the format that it has, whatever its relation has become since. */
export function sinkDefinition(catalog: Catalog, sink: SinkObject): Definition {
  const { searchPath, timeZone, id, owner } = sink;
  const view = queryView(catalog, sink);
  const statement = sinkStatement(sink);
  const { span } = statement;
  const { feed, shape } = sink.runtime;
  const said = (name: string, value: string): Option => ({
    kind: 'Option',
    name,
    value: { kind: 'string', value },
    span,
  });
  const format = ownFormat(catalog, sink, statement.options);
  const key = ownKey(catalog, sink, statement.options);
  const columns = hasAllColumns(catalog, sink) ? null : JSON.stringify(shape.columns.map((c) => c.name));
  const options = [
    ...statement.options.filter(({ name }) => columns === null || name !== 'columns'),
    ...(columns === null ? [] : [said('columns', columns)]),
    ...(key === null ? [] : [said('primary_key', JSON.stringify(key))]),
    ...(format === null ? [] : [said('type', format)]),
  ];
  // So are the columns of the table that it writes.
  const into =
    feed === null || statement.into === null
      ? statement.into
      : { ...statement.into, columns: feed.targets.map(identifier) };
  const isAsWritten = feed === null && columns === null && key === null;
  return {
    sql: isAsWritten ? sink.sql : printStatement({ ...statement, into, options }),
    searchPath,
    timeZone,
    user: owner,
    id,
    plannedOver: view === null ? [] : [...view.plannedOver],
  };
}
