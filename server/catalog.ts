/**
 * The catalog: schemas, relations, indexes and comments of one database, with their dependencies. It is the only place
 * that maps names to objects. System relations are served by `system` under the fixed schemas.
 */
import { must } from '../common/assert.ts';
import type { CatalogReader, RelationEntry } from '../common/catalog.ts';
import type { DataType } from '../common/dataType.ts';
import { SqlError } from '../common/sqlError.ts';
import { type CatalogObject, isRelation, type RelationObject } from './objects.ts';

export const PG_CATALOG = 'pg_catalog';
export const INFORMATION_SCHEMA = 'information_schema';
export const MILLRACE_CATALOG = 'millrace_catalog';
export const RW_CATALOG = 'rw_catalog';
/** Relations of late rows: real tables that nobody but the server writes. */
export const MILLRACE_LATE = 'millrace_late';
/** Relations of dead letters: as those of late rows. */
export const MILLRACE_DEAD = 'millrace_dead';
/** Keys that have been looked up elsewhere: as relations of late rows. */
export const MILLRACE_LOOKUP = 'millrace_lookup';
/** Views of the queries of sinks: nobody but CREATE SINK makes them. */
export const MILLRACE_SINKS = 'millrace_sinks';

export interface SchemaObject {
  readonly id: number;
  name: string;
  owner: string;
}

/** Fixed ids as in PostgreSQL where it has them. */
const systemSchemas: readonly SchemaObject[] = [
  { id: 11, name: PG_CATALOG, owner: 'root' },
  { id: 13000, name: INFORMATION_SCHEMA, owner: 'root' },
  { id: 13001, name: MILLRACE_CATALOG, owner: 'root' },
  { id: 13002, name: RW_CATALOG, owner: 'root' },
  { id: 13003, name: MILLRACE_LATE, owner: 'root' },
  { id: 13004, name: MILLRACE_SINKS, owner: 'root' },
  { id: 13005, name: MILLRACE_DEAD, owner: 'root' },
  { id: 13006, name: MILLRACE_LOOKUP, owner: 'root' },
];

/** Of the schema that every database begins with. */
export const PUBLIC_ID = 2200;

/** First object id for users' objects, as in PostgreSQL. */
const FIRST_OBJECT_ID = 16384;

/** What serves relations of the system schemas. */
export interface SystemRelations {
  relation(schema: string, name: string): RelationEntry | null;
  names(schema: string): readonly string[];
}

export class Catalog implements CatalogReader {
  readonly database: string;
  readonly #schemas = new Map<string, SchemaObject>();
  readonly #objects = new Map<number, CatalogObject>();
  /** schema -> name -> object: tables, sources, views and indexes share one name space, as in PostgreSQL. */
  readonly #names = new Map<string, Map<string, CatalogObject>>();
  readonly #comments = new Map<string, string>();
  #nextId = FIRST_OBJECT_ID;
  #system: SystemRelations | null = null;

  constructor(database: string) {
    this.database = database;
    for (const schema of systemSchemas) this.#schemas.set(schema.name, schema);
    this.#names.set(MILLRACE_LATE, new Map());
    this.#names.set(MILLRACE_DEAD, new Map());
    this.#names.set(MILLRACE_LOOKUP, new Map());
    this.#names.set(MILLRACE_SINKS, new Map());
    this.addSchema({ id: PUBLIC_ID, name: 'public', owner: 'root' });
  }

  attachSystem(system: SystemRelations): void {
    this.#system = system;
  }

  /** A fresh object id. */
  allocateId(): number {
    return this.#nextId++;
  }

  get nextId(): number {
    return this.#nextId;
  }

  /** The id that the next object gets (recovery repeats the ids of the journal). */
  setNextId(id: number): void {
    this.#nextId = id;
  }

  /** Continues numbering above `id` (recovery). */
  reserveIdsThrough(id: number): void {
    this.#nextId = Math.max(this.#nextId, id + 1);
  }

  // Schemas

  addSchema(schema: SchemaObject): void {
    this.#schemas.set(schema.name, schema);
    this.#names.set(schema.name, new Map());
  }

  removeSchema(name: string): void {
    this.#schemas.delete(name);
    this.#names.delete(name);
  }

  schema(name: string): SchemaObject | null {
    return this.#schemas.get(name) ?? null;
  }

  hasSchema(name: string): boolean {
    return this.#schemas.has(name);
  }

  schemas(): readonly SchemaObject[] {
    return [...this.#schemas.values()];
  }

  isSystemSchema(name: string): boolean {
    return systemSchemas.some((s) => s.name === name);
  }

  // Objects

  add(object: CatalogObject): void {
    this.#objects.set(object.id, object);
    must(this.#names.get(object.schema), `schema ${object.schema} must exist`).set(object.name, object);
  }

  remove(object: CatalogObject): void {
    this.#objects.delete(object.id);
    this.#names.get(object.schema)?.delete(object.name);
    for (const key of [...this.#comments.keys()])
      if (key.startsWith(`${object.id}:`)) this.#comments.delete(key);
  }

  /** Gives an object another name or schema; it keeps everything else. */
  rename(object: CatalogObject, schema: string, name: string): void {
    this.#names.get(object.schema)?.delete(object.name);
    this.#place(object, schema, name);
  }

  /** Two objects exchange their names. */
  swap(a: CatalogObject, b: CatalogObject): void {
    const { schema, name } = a;
    this.#place(a, b.schema, b.name);
    this.#place(b, schema, name);
  }

  #place(object: CatalogObject, schema: string, name: string): void {
    object.schema = schema;
    object.name = name;
    if (object.kind === 'index') object.entry = { ...object.entry, name };
    else if (object.kind !== 'sink') {
      object.entry.schema = schema;
      object.entry.name = name;
    }
    must(this.#names.get(schema), `schema ${schema} must exist`).set(name, object);
  }

  /** Gives a schema another name; what is in it goes along. */
  renameSchema(schema: SchemaObject, name: string): void {
    const objects = must(this.#names.get(schema.name), 'the schema is there');
    this.#names.delete(schema.name);
    this.#schemas.delete(schema.name);
    schema.name = name;
    this.#schemas.set(name, schema);
    this.#names.set(name, objects);
    for (const object of objects.values()) this.#place(object, name, object.name);
  }

  /** Puts another object in the place of the one with its id. */
  replace(object: CatalogObject): void {
    this.#objects.set(object.id, object);
    must(this.#names.get(object.schema)).set(object.name, object);
  }

  /** Lists `object` and what depends on it after all others: it may have come to need younger ones. */
  moveLast(object: CatalogObject): void {
    const moved = new Set([object.id]);
    for (let size = 0; size < moved.size; ) {
      size = moved.size;
      for (const o of this.objects()) if ([...o.dependsOn].some((id) => moved.has(id))) moved.add(o.id);
    }
    const ordered = new Set<CatalogObject>();
    const visit = (o: CatalogObject): void => {
      if (ordered.has(o)) return;
      for (const id of o.dependsOn) {
        const needed = moved.has(id) ? this.byId(id) : null;
        if (needed !== null) visit(needed);
      }
      ordered.add(o);
    };
    for (const o of this.objects()) if (moved.has(o.id)) visit(o);
    for (const o of ordered) {
      this.#objects.delete(o.id);
      this.#objects.set(o.id, o);
    }
  }

  byId(id: number): CatalogObject | null {
    return this.#objects.get(id) ?? null;
  }

  /** All objects in the order of their creation. */
  objects(): readonly CatalogObject[] {
    return [...this.#objects.values()];
  }

  objectsOf(schema: string): readonly CatalogObject[] {
    return [...(this.#names.get(schema)?.values() ?? [])];
  }

  /** Objects that directly depend on `id`, in creation order. */
  dependents(id: number): readonly CatalogObject[] {
    return this.objects().filter((o) => o.dependsOn.has(id));
  }

  /** Finds an object by name: in `schema`, or along the search path. */
  find(schema: string | null, name: string, searchPath: readonly string[]): CatalogObject | null {
    if (schema !== null) return this.#names.get(schema)?.get(name) ?? null;
    for (const s of searchPath) {
      const object = this.#names.get(s)?.get(name);
      if (object !== undefined) return object;
    }
    return null;
  }

  // Comments, by object and column (0: the object itself, else 1-based)

  comment(id: number, column = 0): string | null {
    return this.#comments.get(`${id}:${column}`) ?? null;
  }

  setComment(id: number, column: number, text: string | null): void {
    if (text === null || text === '') this.#comments.delete(`${id}:${column}`);
    else this.#comments.set(`${id}:${column}`, text);
  }

  /** Moves the comments of a relation's columns to their present positions; those of columns that are gone go. */
  moveComments(id: number, positions: readonly (number | null)[]): void {
    const moved = positions.map((now, c) => ({ now, text: this.comment(id, c + 1) }));
    moved.forEach((_, c) => {
      this.setComment(id, c + 1, null);
    });
    for (const { now, text } of moved) if (now !== null) this.setComment(id, now + 1, text);
  }

  comments(): readonly { readonly id: number; readonly column: number; readonly text: string }[] {
    return [...this.#comments].map(([key, text]) => {
      const [id, column] = key.split(':');
      return { id: Number(id), column: Number(column), text };
    });
  }

  // CatalogReader

  relation(schema: string | null, name: string, searchPath: readonly string[]): RelationEntry | null {
    if (schema !== null) return this.#relationIn(schema, name);
    // pg_catalog comes first unless the path names it, as in PostgreSQL.
    const path = searchPath.includes(PG_CATALOG) ? searchPath : [PG_CATALOG, ...searchPath];
    for (const s of path) {
      const found = this.#relationIn(s, name);
      if (found !== null) return found;
    }
    return this.#system?.relation(RW_CATALOG, name) ?? null;
  }

  #relationIn(schema: string, name: string): RelationEntry | null {
    const object = this.#names.get(schema)?.get(name);
    if (object !== undefined) return isRelation(object) ? object.entry : null;
    return this.isSystemSchema(schema) ? (this.#system?.relation(schema, name) ?? null) : null;
  }

  relationNames(schema: string | null, searchPath: readonly string[]): readonly string[] {
    const schemas = schema === null ? searchPath : [schema];
    return schemas.flatMap((s) => [
      ...this.objectsOf(s)
        .filter(isRelation)
        .map((o) => o.name),
      ...(this.isSystemSchema(s) ? (this.#system?.names(s) ?? []) : []),
    ]);
  }

  rowType(schema: string | null, name: string, searchPath: readonly string[]): DataType | null {
    const relation = this.relation(schema, name, searchPath);
    if (relation === null) return null;
    const fields = relation.columns
      .filter((c) => c.hidden !== true)
      .map((c) => ({ name: c.name, type: c.type }));
    return { id: 'struct', fields };
  }
}

/** The relation of that name, or 42P01. */
export function requireRelation(
  catalog: Catalog,
  schema: string | null,
  name: string,
  searchPath: readonly string[],
  position?: number,
): RelationObject {
  const object = catalog.find(schema, name, searchPath);
  if (object === null || !isRelation(object)) {
    const shown = schema === null ? name : `${schema}.${name}`;
    throw new SqlError(
      '42P01',
      `relation "${shown}" does not exist`,
      position === undefined ? {} : { position },
    );
  }
  return object;
}
