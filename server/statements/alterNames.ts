/** ALTER ... RENAME TO, SET SCHEMA, OWNER TO and SWAP WITH, and ALTER SCHEMA. The objects stay, their names change. */
import { must } from '../../common/assert.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Alter, AlterAction } from '../../parser/ast/alter.ts';
import type { Ident } from '../../parser/ast/common.ts';
import type { SchemaObject } from '../catalog.ts';
import type { Database } from '../database.ts';
import { deadName, deadRelationOf } from '../deadLetters/deadRelation.ts';
import { changeCatalog } from '../definitions/definitions.ts';
import { rewriteOwnStatement } from '../definitions/ownStatement.ts';
import { type CatalogObject, isRelation, type TableObject } from '../objects.ts';
import { lateName, lateRelationOf } from '../time/lateRelation.ts';
import { findAltered } from './alterTarget.ts';
import { type StatementContext, splitName } from './statement.ts';

type Renaming = Extract<AlterAction, { readonly kind: 'rename' }>;

/** The one part of a new name. */
function newName(to: Renaming['to']): string {
  const second = to.parts[1];
  if (second !== undefined) {
    throw new SqlError('42601', 'syntax error at or near "."', {
      position: must(to.parts[0]).span.end,
      hint: 'SET SCHEMA moves it to another schema.',
    });
  }
  return must(to.parts[0]).name;
}

interface Belonging {
  readonly relation: TableObject;
  readonly name: () => string;
}

/** Relations that are named after an object: of its late rows, of its dead letters. */
function belonging(database: Database, object: CatalogObject): readonly Belonging[] {
  const late = lateRelationOf(database, object.id);
  const dead = deadRelationOf(database, object.id);
  return [
    ...(late === null ? [] : [{ relation: late, name: () => lateName(database, object) }]),
    ...(dead === null ? [] : [{ relation: dead, name: () => deadName(database, object) }]),
  ];
}

/** The relations that go where objects go: their indexes, and those that are named after them. */
function moveAlong(context: StatementContext, objects: readonly CatalogObject[]): void {
  const { database } = context;
  const { catalog } = database;
  for (const object of objects) {
    for (const dependent of catalog.dependents(object.id)) {
      if (dependent.kind === 'index' && dependent.schema !== object.schema) {
        catalog.rename(dependent, object.schema, dependent.name);
      }
    }
  }
  const moved = objects.flatMap((object) => belonging(database, object));
  // All away from their names first: two objects may have exchanged theirs.
  for (const { relation } of moved) catalog.rename(relation, relation.schema, `\u0000${relation.name}`);
  for (const { relation, name } of moved) catalog.rename(relation, relation.schema, name());
}

/** Runs `rename` with all definitions following, and writes the statements of what has another name. */
function withNames(
  context: StatementContext,
  what: string,
  renamed: readonly { readonly object: CatalogObject; readonly schema: string; readonly name: string }[],
  rename: () => void,
): void {
  const { database } = context;
  const { catalog } = database;
  const along = renamed.flatMap(({ object }) => belonging(database, object).map((b) => b.relation));
  const all = [...renamed.map((r) => r.object), ...along];
  const before = all.map((object) => ({ object, schema: object.schema, name: object.name }));
  changeCatalog(context, {
    what,
    ids: new Set(all.map((o) => o.id)),
    names: [...renamed.map((r) => r.name), ...before.map((b) => b.name)],
    make: () => {
      rename();
      const objects = renamed.map((r) => r.object);
      moveAlong(context, objects);
      return () => {
        // By way of names that nothing has: two may have exchanged theirs.
        before.forEach(({ object, schema }, i) => {
          catalog.rename(object, schema, `\u0000${i}`);
        });
        for (const { object, schema, name } of before) catalog.rename(object, schema, name);
        moveAlong(context, objects);
      };
    },
  });
  for (const object of all) rewriteOwnStatement(catalog, object);
}

export function renameObject(object: CatalogObject, to: Renaming['to'], context: StatementContext): void {
  const { catalog } = context.database;
  const name = newName(to);
  if (catalog.find(object.schema, name, []) !== null) {
    throw new SqlError('42P07', `relation "${name}" already exists`);
  }
  const { schema } = object;
  const what = `rename ${object.kind} ${object.name}`;
  withNames(context, what, [{ object, schema, name }], () => catalog.rename(object, schema, name));
}

export function setSchema(object: CatalogObject, to: Ident, context: StatementContext): void {
  const { catalog } = context.database;
  if (object.kind === 'index') {
    throw new SqlError('42809', `cannot change schema of index "${object.name}"`, {
      hint: 'Change the schema of the table instead.',
    });
  }
  const schema = to.name;
  if (!catalog.hasSchema(schema)) {
    throw new SqlError('3F000', `schema "${schema}" does not exist`, { position: to.span.start });
  }
  if (catalog.isSystemSchema(schema)) {
    throw new SqlError('42501', `permission denied for schema ${schema}`, { position: to.span.start });
  }
  if (schema === object.schema) return;
  const moving = [object, ...catalog.dependents(object.id).filter((o) => o.kind === 'index')];
  for (const { name } of moving) {
    if (catalog.find(schema, name, []) !== null) {
      throw new SqlError('42P07', `relation "${name}" already exists in schema "${schema}"`);
    }
  }
  const { name } = object;
  const what = `move ${object.kind} ${name}`;
  withNames(context, what, [{ object, schema, name }], () => catalog.rename(object, schema, name));
}

/** Two objects of one kind exchange their names; what depends on them goes on depending on the same object. */
export function swapObjects(object: CatalogObject, statement: Alter, context: StatementContext): void {
  const [action] = statement.actions;
  const other =
    action?.kind === 'swap'
      ? findAltered({ ...statement, name: action.with, ifExists: false }, context)
      : null;
  if (other === null) return;
  if (!isRelation(object)) {
    throw unsupported(`ALTER ${object.kind.toUpperCase()} ... SWAP WITH`, statement.span.start);
  }
  const position = splitName(statement.name, context).position;
  if (other.kind !== object.kind) {
    throw new SqlError(
      '42809',
      `cannot swap ${object.kind} "${object.name}" with ${other.kind} "${other.name}"`,
      {
        position,
      },
    );
  }
  if (other.id === object.id) {
    throw new SqlError('22023', `cannot swap ${object.kind} "${object.name}" with itself`, { position });
  }
  const { catalog } = context.database;
  const renamed = [
    { object, schema: other.schema, name: other.name },
    { object: other, schema: object.schema, name: object.name },
  ];
  withNames(context, `swap ${object.kind} ${object.name}`, renamed, () => catalog.swap(object, other));
}

/** A role that there is: the superuser, who owns something, or who is here. In a restart it has been checked. */
export function ownerNamed(to: Ident, context: StatementContext): string {
  const { database } = context;
  const word = to.quoted ? '' : to.name;
  if (['current_user', 'current_role', 'session_user', 'user'].includes(word)) return context.user;
  const roles = new Set([
    'root',
    context.user,
    ...[...database.sessions].map((s) => s.user),
    ...database.catalog.objects().map((o) => o.owner),
    ...database.catalog.schemas().map((s) => s.owner),
  ]);
  if (database.recovery === null && !roles.has(to.name)) {
    throw new SqlError('42704', `role "${to.name}" does not exist`, { position: to.span.start });
  }
  return to.name;
}

/** A schema of the user's. */
function schemaOf(statement: Alter, context: StatementContext): SchemaObject | null {
  const { catalog } = context.database;
  const name = statement.name.parts.map((p) => p.name).join('.');
  const schema = catalog.schema(name);
  const position = statement.name.span.start;
  if (schema === null) {
    if (!statement.ifExists) throw new SqlError('3F000', `schema "${name}" does not exist`, { position });
    const message = `schema "${name}" does not exist, skipping`;
    context.notice({ severity: 'NOTICE', state: '00000', message });
    return null;
  }
  if (catalog.isSystemSchema(name)) {
    throw new SqlError('42501', `permission denied for schema ${name}`, { position });
  }
  return schema;
}

function renameSchema(schema: SchemaObject, to: Renaming['to'], context: StatementContext): void {
  const { catalog, functions, secrets } = context.database;
  const name = newName(to);
  const position = to.span.start;
  if (catalog.hasSchema(name)) throw new SqlError('42P06', `schema "${name}" already exists`, { position });
  if (name.startsWith('pg_')) {
    throw new SqlError('42939', `unacceptable schema name "${name}"`, {
      detail: 'The prefix "pg_" is reserved for system schemas.',
    });
  }
  const [routine] = functions.ofSchema(schema.name);
  if (routine !== undefined) {
    throw new SqlError(
      '0A000',
      `cannot rename schema ${schema.name} because it holds the function ${routine.name}`,
    );
  }
  const [secret] = secrets.ofSchema(schema.name);
  if (secret !== undefined) {
    throw new SqlError(
      '0A000',
      `cannot rename schema ${schema.name} because it holds the secret ${secret.name}`,
    );
  }
  const before = schema.name;
  const paths = (from: string, into: string): void => {
    for (const o of catalog.objects()) {
      if (o.searchPath.includes(from)) o.searchPath = o.searchPath.map((s) => (s === from ? into : s));
      if (isRelation(o))
        o.entry.searchPath = o.kind === 'table' || o.kind === 'source' ? o.entry.searchPath : o.searchPath;
    }
  };
  const inside = catalog.objectsOf(before);
  const rename = (from: string, into: string): void => {
    catalog.renameSchema(schema, into);
    paths(from, into);
    moveAlong(context, inside);
  };
  changeCatalog(context, {
    what: `rename schema ${before}`,
    ids: new Set(inside.map((o) => o.id)),
    names: [before, name, ...inside.map((o) => o.name)],
    make: () => {
      rename(before, name);
      return () => rename(name, before);
    },
  });
  for (const object of inside) {
    rewriteOwnStatement(catalog, object);
    for (const { relation } of belonging(context.database, object)) rewriteOwnStatement(catalog, relation);
  }
}

/** ALTER SCHEMA s RENAME TO | OWNER TO. */
export function alterSchema(statement: Alter, context: StatementContext): (() => void) | null {
  const [action] = statement.actions;
  if (action?.kind !== 'rename' && action?.kind !== 'owner') {
    throw unsupported('this form of ALTER SCHEMA', statement.span.start);
  }
  const schema = schemaOf(statement, context);
  if (schema === null) return null;
  if (action.kind === 'rename') renameSchema(schema, action.to, context);
  else schema.owner = ownerNamed(action.to, context);
  return () => {};
}
