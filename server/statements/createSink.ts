/** CREATE SINK: a relation's changes, or a query's, go out of the database. */
import { must } from '../../common/assert.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { SinkWriter } from '../../connector/sink.ts';
import type { ObjectName } from '../../parser/ast/common.ts';
import type { CreateSink } from '../../parser/ast/streaming.ts';
import { parse } from '../../parser/parse.ts';
import { printStatement } from '../../parser/print.ts';
import type { Database } from '../database.ts';
import type { RelationObject, SinkObject } from '../objects.ts';
import { pausedError } from '../pause.ts';
import { secretsFor } from '../secrets/optionValues.ts';
import {
  type DeclaredSink,
  declaredSink,
  queryInput,
  relationInput,
  type SinkOver,
  sinkOver,
} from '../sinks/declare.ts';
import { declaredInto, sinkOverTable, targetOf } from '../sinks/declareInto.ts';
import { queryView } from '../sinks/definition.ts';
import { createQueryView, planQueryView } from '../sinks/queryView.ts';
import type { SinkShape } from '../sinks/runtime.ts';
import { TableFeed } from '../sinks/tableFeed.ts';
import { openTarget } from '../sinks/target.ts';
import { CLOSE_MS, closeInTime, inTime, OPEN_MS } from '../sinks/timeouts.ts';
import { cancellable } from './cancellable.ts';
import { removeObject, withDependents } from './drop.ts';
import {
  creationSchema,
  done,
  namedRelation,
  nameTaken,
  originOf,
  type StatementContext,
  type StatementHandler,
  type StatementResult,
  splitName,
} from './statement.ts';

const TAG = 'CREATE SINK';

/** Where the sink goes. */
interface Place {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
}

/** A plain view, and a relation with EMIT ON WINDOW CLOSE, are what a query over them gives. */
function asQuery(statement: CreateSink, context: StatementContext): CreateSink {
  const { source, emit } = statement;
  if (source.kind === 'query') return statement;
  const relation = namedRelation(source.name, context);
  if (relation.kind !== 'view' && emit === null) return statement;
  const query = selectAll(source.name, context);
  return { ...statement, source: { kind: 'query', query } };
}

function selectAll(name: ObjectName, context: StatementContext) {
  const [parsed] = parse(`SELECT * FROM ${context.textOf(name)}`);
  if (parsed?.statement.kind !== 'SelectStatement') throw unsupported(TAG, name.span.start);
  return parsed.statement.query;
}

/** The relation whose changes go out, and what the sink depends on. */
function relationOf(
  statement: CreateSink,
  id: number,
  context: StatementContext,
): { readonly relation: RelationObject; readonly dependsOn: ReadonlySet<number> } {
  const view = createQueryView(statement, id, context);
  if (view !== null) return { relation: view, dependsOn: new Set([...view.dependsOn, view.id]) };
  const { source } = statement;
  if (source.kind !== 'relation') throw unsupported(TAG, statement.span.start);
  const relation = namedRelation(source.name, context);
  return { relation, dependsOn: new Set([relation.id]) };
}

/** What the statement says, over what its relation or query has now. */
function shapeOf(id: number, declared: DeclaredSink, over: SinkOver): SinkShape {
  const { columns, key, mode, format } = over;
  const { connector, options, encode, encodeOptions } = declared;
  return { id, connector, options, format, encode, encodeOptions, columns, key, mode };
}

/** The same before anything is made. */
function shapeAhead(
  statement: CreateSink,
  place: Place,
  declared: DeclaredSink,
  context: StatementContext,
): SinkShape {
  const quiet: StatementContext = { ...context, notice: () => {} };
  const plan = planQueryView(statement, place.id, quiet);
  const { source } = statement;
  const input =
    plan === null && source.kind === 'relation'
      ? relationInput(namedRelation(source.name, context))
      : queryInput(place.name, must(plan));
  return shapeOf(place.id, declared, sinkOver(declared, input));
}

/** The sink over its relation, and what it writes into a table. */
function overRelation(
  statement: CreateSink,
  id: number,
  declared: DeclaredSink,
  relation: RelationObject,
  context: StatementContext,
): { readonly over: SinkOver; readonly feed: TableFeed | null } {
  const { into } = statement;
  const input = relationInput(relation);
  if (into === null) return { over: sinkOver(declared, input), feed: null };
  const { database } = context;
  const position = into.table.span.start;
  const table = targetOf(into, context);
  database.sinks.feeding.refuseCycle(table, [relation.id], position);
  const over = sinkOverTable(declared, input, table, into);
  const feed = new TableFeed(database, { sink: id, table: table.id }, over.targets, over.columns);
  feed.check(position);
  return { over, feed };
}

function makeSink(
  written: CreateSink,
  statement: CreateSink,
  place: Place,
  declared: DeclaredSink,
  context: StatementContext,
): SinkObject {
  const { database } = context;
  const { relation, dependsOn } = relationOf(statement, place.id, context);
  const { over, feed } = overRelation(statement, place.id, declared, relation, context);
  const runtime = database.sinks.newRuntime(shapeOf(place.id, declared, over), over.positions, feed);
  runtime.rateLimit = declared.rateLimit;
  if (declared.backlogLimit !== null) runtime.outbox.diskLimit = declared.backlogLimit;
  const sink: SinkObject = {
    kind: 'sink',
    ...place,
    owner: context.user,
    ...originOf(context),
    ...(written.replace ? { sql: printStatement({ ...written, replace: false }) } : {}),
    dependsOn: feed === null ? dependsOn : new Set([...dependsOn, feed.table]),
    relation: relation.id,
    runtime,
  };
  const waits = relation.kind === 'materialized view' && relation.paused !== null;
  // In a restart, views whose sources are gone are paused.
  if (waits && database.recovery === null) throw pausedError(relation);
  if (waits)
    runtime.detached = { why: 'view', reason: `materialized view "${relation.name}" is paused`, held: null };
  else database.sinks.connect(sink);
  if (relation.kind === 'source') relation.source.consumers.add(sink.id);
  return sink;
}

/** Takes everything back that a failed statement has made. */
function discard(id: number, context: StatementContext): void {
  const { database } = context;
  for (const made of [database.catalog.byId(id), queryView(database.catalog, { id })]) {
    if (made === null) continue;
    for (const late of database.catalog.dependents(made.id))
      if (late.kind === 'table') removeObject(database, late);
    removeObject(database, made);
  }
}

export const createSink: StatementHandler<CreateSink> = {
  async run(written, context) {
    context.requireNoTransactionBlock(TAG);
    const { database } = context;
    const secrets = secretsFor(context);
    const declared =
      written.into === null
        ? declaredSink(written, secrets, database.environment.sinks)
        : declaredInto(written, secrets);
    const target = splitName(written.name, context);
    const schema = creationSchema(target, context);
    if (written.replace) replacedSink(schema, target.name, context);
    else if (nameTaken(schema, target.name, written.ifNotExists, context)) return done(TAG);
    const statement = asQuery(written, context);
    const place: Place = { id: database.catalog.allocateId(), schema, name: target.name };
    const make = (): Promise<StatementResult> => placeSink(written, statement, place, declared, context);
    // A restart opens it when everything is there again. A table of our own needs no opening.
    if (database.recovery !== null || written.into !== null) return make();
    const claiming = claim(shapeAhead(statement, place, declared, context), place, context);
    const writer = await cancellable(claiming, () => context.checkCancelled(), takeBack);
    try {
      return await make();
    } catch (error) {
      await release(writer);
      throw error;
    } finally {
      await closeInTime(writer);
    }
  },
};

/** The target forgets that it was to be a sink's. */
async function release(writer: SinkWriter): Promise<void> {
  await inTime(Promise.resolve(writer.release?.()), CLOSE_MS, 'taking back').catch(() => {});
}

/** Of a statement that was cancelled before its target answered. */
async function takeBack(writer: SinkWriter): Promise<void> {
  await release(writer);
  await closeInTime(writer);
}

/** Makes the sink and puts it into the catalog. Its target has been found to be there. */
function placeSink(
  written: CreateSink,
  statement: CreateSink,
  place: Place,
  declared: DeclaredSink,
  context: StatementContext,
): Promise<StatementResult> {
  const { database } = context;
  return database.exclusive(() => {
    // Another session may have been faster.
    const replaced = written.replace ? replacedSink(place.schema, place.name, context) : null;
    if (replaced === null) nameTaken(place.schema, place.name, false, context);
    const sink = putInPlace(written, statement, place, declared, replaced, context);
    if (!database.restoring && declared.snapshot && sink.runtime.node !== null) database.sinks.giveAll(sink);
    database.journalDdl(originOf(context), place.id);
    database.sinks.onCreated(sink);
    return done(TAG);
  });
}

/** Makes the sink in the place of the one that it replaces; if that fails, nothing has changed. */
function putInPlace(
  written: CreateSink,
  statement: CreateSink,
  place: Place,
  declared: DeclaredSink,
  replaced: SinkObject | null,
  context: StatementContext,
): SinkObject {
  const { database } = context;
  try {
    const sink = makeSink(written, statement, place, declared, context);
    if (replaced !== null) {
      dropSink(replaced, context);
      sink.runtime.after = replaced.runtime.ended;
    }
    database.catalog.add(sink);
    return sink;
  } catch (error) {
    discard(place.id, context);
    throw error;
  }
}

/** The sink that REPLACE SINK takes the place of; null: there is none. */
function replacedSink(schema: string, name: string, context: StatementContext): SinkObject | null {
  const { catalog, jobs } = context.database;
  const existing = catalog.find(schema, name, []);
  if (existing === null) {
    if (jobs.taking(schema, name) !== null) nameTaken(schema, name, false, context);
    return null;
  }
  if (existing.kind === 'sink') return existing;
  throw new SqlError('42809', `"${name}" is not a sink`);
}

function dropSink(sink: SinkObject, { database }: StatementContext): void {
  const view = queryView(database.catalog, sink);
  const all = withDependents(database, view === null ? [sink] : [sink, view]);
  database.jobs.refuseChange(all);
  for (const object of all) removeObject(database, object);
}

/** Opens the target before anything waits for it: one that cannot be reached, or is another sink's, fails the statement. */
async function claim(shape: SinkShape, { name }: Place, { database }: StatementContext): Promise<SinkWriter> {
  try {
    return await openAndRecover(database, name, shape);
  } catch (error) {
    if (error instanceof SqlError) throw error;
    throw new SqlError('58030', `the target of sink "${name}" cannot be written to`, {
      detail: error instanceof Error ? error.message : String(error),
    });
  }
}

/** After a return to a backup, ids of sinks are given out again that had been given out since. */
function knownTarget(name: string, version: bigint): SqlError {
  return new SqlError(
    '55000',
    `the target of sink "${name}" has changes of an earlier sink of this database`,
    {
      detail: `They are of versions through ${version}: the database has been set back to a backup since.`,
      hint: 'Write to another target, or create the sink again: it gets another identity then.',
    },
  );
}

async function openAndRecover(database: Database, name: string, shape: SinkShape): Promise<SinkWriter> {
  const writer = await inTime(openTarget(database, name, shape), OPEN_MS, 'opening');
  try {
    const has = await inTime(writer.recover(), OPEN_MS, 'connecting');
    if (has !== null && shape.connector.guarantee === 'exactly once') {
      // The next one is not the sink of this id.
      database.catalog.allocateId();
      throw knownTarget(name, has);
    }
    return writer;
  } catch (error) {
    await closeInTime(writer);
    throw error;
  }
}
