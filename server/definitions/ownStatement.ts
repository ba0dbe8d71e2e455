/** The statement that makes an object, written anew when the object, or what it belongs to, has another name. */
import { must } from '../../common/assert.ts';
import type { ObjectName } from '../../parser/ast/common.ts';
import type { Statement } from '../../parser/ast/statement.ts';
import { parse } from '../../parser/parse.ts';
import { printStatement } from '../../parser/print.ts';
import type { Catalog } from '../catalog.ts';
import { internalStatement } from '../internalRelation.ts';
import type { CatalogObject, IndexObject, TableObject } from '../objects.ts';
import { identifier, nameNow } from './rewrite.ts';

type Making = Extract<
  Statement,
  { readonly kind: 'CreateTable' | 'CreateSource' | 'CreateView' | 'CreateMaterializedView' }
>;

/** The statement of a table, source or view. */
export function makingStatement(object: { readonly sql: string }): Making {
  const { statement } = must(parse(object.sql)[0], 'an object has a statement');
  const { kind } = statement;
  const makes =
    kind === 'CreateTable' ||
    kind === 'CreateSource' ||
    kind === 'CreateView' ||
    kind === 'CreateMaterializedView';
  return must(makes ? statement : null, 'the statement makes a relation');
}

/** The name under which a statement makes the object: without a schema where it goes to the right one by itself. */
export function ownName(
  catalog: Catalog,
  object: { readonly schema: string; readonly name: string; readonly searchPath: readonly string[] },
  written: ObjectName,
): ObjectName {
  const first = object.searchPath.find((s) => catalog.hasSchema(s) && !catalog.isSystemSchema(s));
  const short = written.parts.length === 1 && first === object.schema;
  const parts = short ? [object.name] : [object.schema, object.name];
  return { ...written, parts: parts.map(identifier) };
}

/** Writes the object's statement with its present name, and those of its indexes with theirs. Those of sinks follow by themselves. */
export function rewriteOwnStatement(catalog: Catalog, object: CatalogObject): void {
  if (object.kind === 'index') {
    rewriteIndex(catalog, object);
    return;
  }
  if (object.kind === 'sink') return;
  if (object.kind === 'table' && object.internal) {
    object.sql = internalStatement(object.schema, object.name, object.columns);
    return;
  }
  const statement = makingStatement(object);
  const name = ownName(catalog, object, statement.name);
  object.sql = printStatement({ ...statement, name });
  for (const dependent of catalog.dependents(object.id)) {
    if (dependent.kind === 'index') rewriteIndex(catalog, dependent);
    else if (dependent.kind === 'table' && object.kind === 'source')
      rewriteFed(catalog, dependent, object.id);
  }
}

/** A table names the source that feeds it. */
function rewriteFed(catalog: Catalog, table: TableObject, source: number): void {
  const statement = makingStatement(table);
  if (statement.kind !== 'CreateTable' || statement.fromSource === null) return;
  const written = statement.fromSource;
  const fromSource = { ...written, source: nameNow(catalog, source, written.source, table.searchPath) };
  table.sql = printStatement({ ...statement, fromSource });
}

/** An index names its relation and columns, and itself. */
export function rewriteIndex(catalog: Catalog, index: IndexObject): void {
  const { statement } = must(parse(index.sql)[0], 'an index has a statement');
  if (statement.kind !== 'CreateIndex') return;
  const column = (position: number) => identifier(must(index.relation.columns[position]).name);
  const { span } = statement;
  index.sql = printStatement({
    ...statement,
    name: { kind: 'ObjectName', parts: [identifier(index.name)], span },
    relation: nameNow(catalog, index.relation.id, statement.relation, index.searchPath),
    keys: statement.keys.map((key, i) => ({
      ...key,
      expr: { kind: 'ColumnRef', parts: [column(must(index.entry.columns[i]))], span },
    })),
    include: index.include.map(column),
  });
}
