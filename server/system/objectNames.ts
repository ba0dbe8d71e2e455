/** Names of catalog objects to oids and back, as regclass and its kin read and print them. */
import { SqlError } from '../../common/sqlError.ts';
import type { ObjectKind } from '../../common/textContext.ts';
import { oidOf, typeFromName } from '../../common/typeTable.ts';
import { quoteIdentifier } from '../../executor/functions/support/quoting.ts';
import { splitName } from '../../planner/bind/casts.ts';
import { PG_CATALOG } from '../catalog.ts';
import { functionList, typeIoFunctions } from './functionList.ts';
import { qualifiedName, typeText } from './objectText.ts';
import { rowTypeOid, type SystemView } from './systemView.ts';

/** Schemas that unqualified names are looked for in. */
export function visibleSchemas(view: SystemView): readonly string[] {
  const path = view.session.searchPath();
  return path.includes(PG_CATALOG) ? path : [PG_CATALOG, ...path];
}

function parts(name: string): { readonly schema: string | null; readonly name: string } {
  const all = splitName(name);
  return { schema: all.length > 1 ? (all[all.length - 2] ?? null) : null, name: all[all.length - 1] ?? '' };
}

/** Oid of a relation or index. */
export function relationOid(view: SystemView, name: string): number | null {
  const target = parts(name);
  const { catalog } = view.database;
  const path = view.session.searchPath();
  const relation =
    catalog.relation(target.schema, target.name, path) ?? catalog.find(target.schema, target.name, path);
  if (relation !== null) return relation.id;
  const schemas = target.schema === null ? path : [target.schema];
  const key = view.indexes().find((i) => i.name === target.name && schemas.includes(i.relation.schema));
  return key?.oid ?? null;
}

function typeOidOf(view: SystemView, name: string): number | null {
  const target = parts(name);
  const type = typeFromName(
    name
      .trim()
      .replace(/^pg_catalog\./, '')
      .toLowerCase(),
  );
  if (type !== null) return oidOf(type);
  const relation = view.database.catalog.relation(target.schema, target.name, view.session.searchPath());
  return relation === null ? null : rowTypeOid(relation.id);
}

function functionOid(view: SystemView, name: string): number | null {
  const target = parts(name);
  const found = functionList(view.database.functions).functions.filter(({ fn }) => fn.name === target.name);
  if (found.length > 1) throw new SqlError('42725', `more than one function named "${target.name}"`);
  return found[0]?.oid ?? typeIoFunctions.get(target.name) ?? null;
}

export type NamedKind = ObjectKind | 'regtype';

/** The object's oid; digits stand for themselves, `-` for none. */
export function objectOid(view: SystemView, kind: NamedKind, name: string): number | null {
  const text = name.trim();
  if (text === '-') return 0;
  if (/^\d+$/.test(text)) return Number(text);
  switch (kind) {
    case 'regclass':
      return relationOid(view, text);
    case 'regtype':
      return typeOidOf(view, text);
    case 'regproc':
      return functionOid(view, text);
    case 'regnamespace':
      return view.database.catalog.schema(parts(text).name)?.id ?? null;
  }
}

/** PostgreSQL's error for a name that there is no object of. */
export function noSuchObject(kind: NamedKind, name: string): SqlError {
  switch (kind) {
    case 'regclass':
      return new SqlError('42P01', `relation "${name}" does not exist`);
    case 'regtype':
      return new SqlError('42704', `type "${name}" does not exist`);
    case 'regproc':
      return new SqlError('42883', `function "${name}" does not exist`);
    case 'regnamespace':
      return new SqlError('3F000', `schema "${name}" does not exist`);
  }
}

interface Located {
  readonly schema: string;
  readonly name: string;
}

/** Schema and name of a relation or index. */
export function locate(view: SystemView, oid: number): Located | null {
  const object = view.database.catalog.byId(oid);
  if (object !== null) return { schema: object.schema, name: object.name };
  const index = view.index(oid);
  return index === null ? view.relation(oid) : { schema: index.relation.schema, name: index.name };
}

/** Whether the name alone finds the relation. */
export function isVisible(view: SystemView, oid: number): boolean | null {
  const located = locate(view, oid);
  if (located === null) return null;
  for (const schema of visibleSchemas(view)) {
    if (schema === located.schema) return true;
    if (relationOid(view, qualifiedName(schema, located.name)) !== null) return false;
  }
  return false;
}

/** The name to print, qualified where the name alone does not find it; null when there is no such object. */
export function objectName(view: SystemView, kind: NamedKind, oid: number): string | null {
  if (oid === 0) return '-';
  switch (kind) {
    case 'regclass': {
      const located = locate(view, oid);
      if (located === null) return null;
      return isVisible(view, oid) === true
        ? quoteIdentifier(located.name)
        : qualifiedName(located.schema, located.name);
    }
    case 'regtype':
      return typeText(oid, null) ?? rowTypeName(view, oid);
    case 'regproc': {
      const fn = functionList(view.database.functions).byOid.get(oid);
      if (fn !== undefined) return quoteIdentifier(fn.name);
      return [...typeIoFunctions].find(([, id]) => id === oid)?.[0] ?? null;
    }
    case 'regnamespace': {
      const schema = view.database.catalog.schemas().find((s) => s.id === oid);
      return schema === undefined ? null : quoteIdentifier(schema.name);
    }
  }
}

/** Name of a relation's row type. */
export function rowTypeName(view: SystemView, oid: number): string | null {
  const relation = oid - rowTypeOid(0);
  return relation > 0 ? objectName(view, 'regclass', relation) : null;
}
