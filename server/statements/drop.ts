/** DROP of relations, indexes and schemas, with PostgreSQL's dependency errors. */

import { must } from '../../common/assert.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { ObjectName } from '../../parser/ast/common.ts';
import type { Drop } from '../../parser/ast/statement.ts';
import { cleanUpDropped } from '../cdc/cleanUp.ts';
import { cdcRuntime } from '../cdc/tables.ts';
import type { Database } from '../database.ts';
import { ownerOf } from '../internalRelation.ts';
import type { CatalogObject } from '../objects.ts';
import { shownKind } from '../objects.ts';
import { forgetDropped, remotesOf } from '../remote/cleanUp.ts';
import type { SecretObject } from '../secrets/secrets.ts';
import { findSecret } from '../secrets/statements.ts';
import { isQueryView, queryView } from '../sinks/definition.ts';
import { type RoutineObject, signatureOf } from '../udf/routine.ts';
import { findRoutine } from './dropFunction.ts';
import { done, originOf, type StatementContext, type StatementHandler, splitName } from './statement.ts';

/** What DROP may take away. */
type Dropped = CatalogObject | RoutineObject | SecretObject;

const articles: Readonly<Record<CatalogObject['kind'], string>> = {
  table: 'a table',
  source: 'a source',
  view: 'a view',
  'materialized view': 'a materialized view',
  index: 'an index',
  sink: 'a sink',
};

function missing(object: string, name: string, position: number): SqlError {
  return new SqlError(
    object === 'index' || object === 'source' || object === 'sink' ? '42704' : '42P01',
    `${object} "${name}" does not exist`,
    { position },
  );
}

/** The object of that name and kind; null when it is missing and IF EXISTS allows it. */
function find(statement: Drop, name: ObjectName, context: StatementContext): CatalogObject | null {
  const { catalog } = context.database;
  const target = splitName(name, context);
  const object = catalog.find(target.schema, target.name, context.searchPath());
  if (object === null) {
    if (!statement.ifExists) throw missing(statement.object, target.name, target.position);
    context.notice({
      severity: 'NOTICE',
      state: '00000',
      message: `${statement.object} "${target.name}" does not exist, skipping`,
    });
    return null;
  }
  const kind = shownKind(object);
  if (kind !== statement.object) {
    throw new SqlError(
      '42809',
      `"${object.name}" is not ${articles[statement.object as CatalogObject['kind']] ?? statement.object}`,
      {
        position: target.position,
        hint: `Use DROP ${kind.toUpperCase()} to remove ${articles[kind]}.`,
      },
    );
  }
  refuseInternal(context.database, object, target.position);
  return object;
}

/** As messages name it. */
function shown(object: Dropped): string {
  // PostgreSQL calls aggregates functions here.
  if (object.kind === 'function' || object.kind === 'aggregate') {
    return `function ${signatureOf(object.name, object.fn.user.parameters)}`;
  }
  return `${object.kind === 'table' ? shownKind(object) : object.kind} ${object.name}`;
}

/** `roots` with everything that depends on them, dependents first. */
export function withDependents(database: Database, roots: readonly Dropped[]): readonly Dropped[] {
  const ordered: Dropped[] = [];
  const seen = new Set<number>();
  const visit = (object: Dropped): void => {
    if (seen.has(object.id)) return;
    seen.add(object.id);
    for (const dependent of database.catalog.dependents(object.id)) visit(dependent);
    if (object.kind === 'secret') for (const user of database.secrets.users(object)) visit(user);
    for (const routine of database.functions.dependents(object.id)) visit(routine);
    ordered.push(object);
    // The view of a sink's query goes with it, also where the sink goes with its table.
    const view = object.kind === 'sink' ? queryView(database.catalog, object) : null;
    if (view !== null) visit(view);
  };
  for (const root of roots) visit(root);
  return ordered;
}

/** Takes one object out of catalog and dataflow. Its dependents are already gone. */
export function removeObject(database: Database, object: Dropped): void {
  const { catalog } = database;
  if (object.kind === 'function' || object.kind === 'aggregate') {
    database.functions.remove(object);
    catalog.setComment(object.id, 0, null);
    return;
  }
  if (object.kind === 'secret') {
    database.secrets.remove(object);
    catalog.setComment(object.id, 0, null);
    return;
  }
  switch (object.kind) {
    case 'materialized view':
      database.removeNodes(object.nodes);
      database.rowErrors.dropRelation(object.id);
      break;
    case 'table':
      database.removeNodes(new Set([object.node]));
      database.rowErrors.dropRelation(object.name);
      object.source?.close();
      break;
    case 'source':
      database.removeNodes(new Set([object.node]));
      object.source.close();
      break;
    case 'index':
      object.relation.store.dropIndex(object.id);
      object.relation.entry.indexes = object.relation.entry.indexes.filter((i) => i.id !== object.id);
      break;
    case 'sink':
      database.sinks.remove(object);
      break;
    case 'view':
      break;
  }
  for (const id of object.dependsOn) {
    const upstream = catalog.byId(id);
    if (upstream?.kind === 'source' || upstream?.kind === 'table')
      upstream.source?.consumers.delete(object.id);
  }
  database.removeNodes(database.lateNodes.forget(object.id));
  database.watermarks.forget(object.id);
  database.lookups.forget(object.id);
  catalog.remove(object);
}

/** Indexes and relations of late rows go with what they belong to. */
function belongs(object: Dropped): boolean {
  if (object.kind === 'table') return object.internal;
  return object.kind === 'index' || isQueryView(object);
}

/** A relation of late rows goes only with its owner. */
function refuseInternal(database: Database, object: CatalogObject, position: number): void {
  if (object.kind !== 'table' || !object.internal) return;
  const owner = database.catalog.byId(ownerOf(object));
  const shown = owner === null ? 'its owner' : `${shownKind(owner)} ${owner.name}`;
  throw new SqlError('2BP01', `cannot drop table ${object.name} because ${shown} requires it`, {
    position,
    hint: `You can drop ${shown} instead.`,
  });
}

/** What the object directly depends on. */
function needed(database: Database, object: Dropped): readonly Dropped[] {
  const { catalog, functions, secrets } = database;
  const objects = [...object.dependsOn].flatMap((id) => catalog.byId(id) ?? functions.byId(id) ?? []);
  return object.kind === 'secret' ? objects : [...objects, ...secrets.usedBy(object)];
}

/** A statement that connects with a secret will keep its name. */
function refuseHeld(database: Database, all: readonly Dropped[]): void {
  const held = all.find((o) => o.kind === 'secret' && database.secrets.isHeld(o));
  if (held === undefined) return;
  throw new SqlError('55006', `secret "${held.name}" is being used by a statement that is under way`, {
    hint: 'Try again when it has ended.',
  });
}

function checkRestrict(
  database: Database,
  roots: readonly Dropped[],
  all: readonly Dropped[],
  what: string,
): void {
  const rootIds = new Set(roots.map((r) => r.id));
  const others = all.filter((o) => !rootIds.has(o.id) && !belongs(o));
  if (others.length === 0) return;
  const lines = others.map((o) => {
    const on = needed(database, o).find((d) => all.includes(d));
    return `${shown(o)} depends on ${on === undefined ? what : shown(on)}`;
  });
  throw new SqlError('2BP01', `cannot drop ${what} because other objects depend on it`, {
    detail: lines.reverse().join('\n'),
    hint: 'Use DROP ... CASCADE to drop the dependent objects too.',
  });
}

function dropAll(statement: Drop, roots: readonly Dropped[], what: string, context: StatementContext): void {
  const { database } = context;
  const views = roots.flatMap((root) =>
    root.kind === 'sink' ? (queryView(database.catalog, root) ?? []) : [],
  );
  const all = withDependents(database, [...roots, ...views]);
  refuseHeld(database, all);
  database.jobs.refuseChange(all);
  if (statement.behavior === 'restrict') checkRestrict(database, roots, all, what);
  const cascaded = all.filter((o) => !roots.includes(o) && !belongs(o));
  if (cascaded.length === 1) {
    context.notice({
      severity: 'NOTICE',
      state: '00000',
      message: `drop cascades to ${shown(must(cascaded[0]))}`,
    });
  } else if (cascaded.length > 1) {
    context.notice({
      severity: 'NOTICE',
      state: '00000',
      message: `drop cascades to ${cascaded.length} other objects`,
      detail: cascaded.map((o) => `drop cascades to ${shown(o)}`).join('\n'),
    });
  }
  for (const object of all) removeObject(database, object);
}

function dropSchemas(statement: Drop, context: StatementContext): void {
  const { catalog } = context.database;
  for (const objectName of statement.names) {
    const name = objectName.parts.map((p) => p.name).join('.');
    const schema = catalog.schema(name);
    if (schema === null) {
      if (!statement.ifExists)
        throw new SqlError('3F000', `schema "${name}" does not exist`, { position: objectName.span.start });
      context.notice({
        severity: 'NOTICE',
        state: '00000',
        message: `schema "${name}" does not exist, skipping`,
      });
      continue;
    }
    if (catalog.isSystemSchema(name)) throw new SqlError('42501', `permission denied for schema ${name}`);
    const contents = [
      ...catalog.objectsOf(name),
      ...context.database.functions.ofSchema(name),
      ...context.database.secrets.ofSchema(name),
    ];
    if (contents.length > 0 && statement.behavior === 'restrict') {
      throw new SqlError('2BP01', `cannot drop schema ${name} because other objects depend on it`, {
        detail: contents.map((o) => `${shown(o)} depends on schema ${name}`).join('\n'),
        hint: 'Use DROP ... CASCADE to drop the dependent objects too.',
      });
    }
    dropAll(statement, contents, `schema ${name}`, context);
    catalog.removeSchema(name);
  }
}

export const drop: StatementHandler<Drop> = {
  async run(statement, context) {
    const tag = `DROP ${statement.object.toUpperCase()}`;
    context.requireNoTransactionBlock(tag);
    switch (statement.object) {
      case 'table':
      case 'source':
      case 'view':
      case 'materialized view':
      case 'index':
      case 'sink':
      case 'schema':
      case 'function':
      case 'aggregate':
      case 'secret':
        break;
      default:
        throw unsupported(tag, statement.span.start);
    }
    const cdc = context.database.catalog.objects().filter((o) => cdcRuntime(o) !== null);
    const remotes = remotesOf(context.database.catalog.objects());
    const result = await context.database.exclusive(() => {
      if (statement.object === 'schema') {
        dropSchemas(statement, context);
      } else if (statement.object === 'function' || statement.object === 'aggregate') {
        const { object, ifExists, argumentTypes } = statement;
        const name = must(statement.names[0]);
        const routine = findRoutine({ object, ifExists, name, argumentTypes }, context);
        if (routine === null) return done(tag);
        dropAll(statement, [routine], shown(routine), context);
      } else if (statement.object === 'secret') {
        const { ifExists } = statement;
        const roots = statement.names.flatMap((name) => findSecret({ name, ifExists }, context) ?? []);
        if (roots.length === 0) return done(tag);
        dropAll(statement, roots, roots.map(shown).join(', '), context);
      } else {
        const roots = statement.names.map((name) => find(statement, name, context)).filter((o) => o !== null);
        if (roots.length === 0) return done(tag);
        dropAll(statement, roots, roots.map((o) => `${shownKind(o)} ${o.name}`).join(', '), context);
      }
      context.database.journalDdl(originOf(context), null);
      return done(tag);
    });
    await cleanUpDropped(cdc, context);
    await forgetDropped(remotes, context);
    return result;
  },
};
