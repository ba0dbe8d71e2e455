/** CREATE INDEX on tables and materialised views: at once, or between ticks where there are many rows. */

import { must } from '../../common/assert.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { CreateIndex } from '../../parser/ast/statement.ts';
import type { IndexDefinition, IndexFill, RelationStore } from '../../storage/state/relationStore.ts';
import { carryOut, SlicedJob, type SlicedWork } from '../backfill/slicedJob.ts';
import { inBackground } from '../backfill/viewJob.ts';
import { requireRelation } from '../catalog.ts';
import type { Database, DdlOrigin } from '../database.ts';
import type { IndexObject, MaterializedViewObject, TableObject } from '../objects.ts';
import { shownKind } from '../objects.ts';
import { pausedError } from '../pause.ts';
import {
  done,
  nameTaken,
  originOf,
  type StatementContext,
  type StatementHandler,
  splitName,
} from './statement.ts';

function columnPosition(
  relation: TableObject | MaterializedViewObject,
  name: string,
  position: number,
): number {
  const index = relation.columns.findIndex((c) => c.name === name);
  if (index < 0) throw new SqlError('42703', `column "${name}" does not exist`, { position });
  return index;
}

function keyColumns(
  statement: CreateIndex,
  relation: TableObject | MaterializedViewObject,
): readonly number[] {
  return statement.keys.map(({ expr }) => {
    if (expr.kind !== 'ColumnRef' || expr.parts.length !== 1) {
      throw unsupported(
        'an index on an expression',
        expr.span.start,
        'Index a materialized view that computes it.',
      );
    }
    return columnPosition(relation, must(expr.parts[0]).name, expr.span.start);
  });
}

/** table_a_b_idx, with a number when it is taken. */
function defaultName(
  relation: TableObject | MaterializedViewObject,
  columns: readonly number[],
  context: StatementContext,
): string {
  const base = `${relation.name}_${columns.map((c) => must(relation.columns[c]).name).join('_')}_idx`;
  let name = base;
  for (let n = 1; context.database.catalog.find(relation.schema, name, []) !== null; n++)
    name = `${base}${n}`;
  return name;
}

export const createIndex: StatementHandler<CreateIndex> = {
  async run(statement, context) {
    context.requireNoTransactionBlock('CREATE INDEX');
    const position = statement.span.start;
    if (statement.unique) throw unsupported('CREATE UNIQUE INDEX', position);
    if (statement.where !== null) throw unsupported('a partial index', statement.where.span.start);
    if (statement.method !== null && !['btree', 'hash'].includes(statement.method)) {
      throw unsupported(`access method "${statement.method}"`, position);
    }
    const job = await context.database.exclusive(() => create(statement, context));
    if (job !== null) await carryOut(job, context);
    return done('CREATE INDEX');
  },
};

/** Makes the index, or begins to where that takes a while. */
function create(statement: CreateIndex, context: StatementContext): SlicedJob | null {
  const { database } = context;
  const target = splitName(statement.relation, context);
  const relation = requireRelation(
    database.catalog,
    target.schema,
    target.name,
    context.searchPath(),
    target.position,
  );
  const kind = shownKind(relation);
  if ((relation.kind !== 'table' && relation.kind !== 'materialized view') || kind === 'source') {
    throw new SqlError('42809', `cannot create index on relation "${relation.name}"`, {
      position: target.position,
      detail: `This operation is not supported for ${kind}s.`,
    });
  }
  const columns = keyColumns(statement, relation);
  const name =
    statement.name === null
      ? defaultName(relation, columns, context)
      : splitName(statement.name, context).name;
  if (nameTaken(relation.schema, name, statement.ifNotExists, context)) return null;
  const made: MadeIndex = {
    relation,
    definition: {
      id: database.catalog.allocateId(),
      columns,
      descending: statement.keys.map((k) => k.direction === 'desc'),
    },
    name,
    include: statement.include.map((c) => columnPosition(relation, c.name, c.span.start)),
    origin: originOf(context),
    user: context.user,
  };
  const background = database.recovery === null && inBackground(context);
  const isLarge = database.recovery === null && relation.store.rowCount() > database.jobs.inOneGo;
  if (!background && !isLarge) {
    relation.store.addIndex(made.definition);
    placeIndex(made, database, undefined);
    return null;
  }
  const work = new IndexWork(made, database);
  const { origin } = made;
  const job = new SlicedJob(context, { origin, name: `${relation.schema}.${name}`, background }, work);
  job.job.total = relation.store.rowCount();
  job.job.dependsOn = new Set([relation.id]);
  work.number = background ? job.job.id : undefined;
  return job;
}

interface MadeIndex {
  readonly relation: TableObject | MaterializedViewObject;
  readonly definition: IndexDefinition;
  readonly name: string;
  readonly include: readonly number[];
  readonly origin: DdlOrigin;
  readonly user: string;
}

/** Names the index, which the relation's store has, and journals it. */
function placeIndex(made: MadeIndex, database: Database, job: number | undefined): void {
  const { relation, definition, name, include, origin, user } = made;
  const entry = { ...definition, name, unique: false };
  relation.entry.indexes = [...relation.entry.indexes, entry];
  const index: IndexObject = {
    kind: 'index',
    id: definition.id,
    schema: relation.schema,
    name,
    owner: user,
    ...origin,
    dependsOn: new Set([relation.id]),
    relation,
    entry,
    include,
  };
  database.catalog.add(index);
  database.journal?.appendDdl(origin, definition.id, database.clock(), job);
}

/** The index is filled between ticks, while the relation changes; anew where the relation's rows are elsewhere by then. */
class IndexWork implements SlicedWork {
  readonly #made: MadeIndex;
  readonly #database: Database;
  #store: RelationStore;
  #fill: IndexFill;
  #finished = false;
  /** Of the job, where the statement is pending. */
  number: number | undefined;

  constructor(made: MadeIndex, database: Database) {
    this.#made = made;
    this.#database = database;
    this.#store = made.relation.store;
    this.#fill = this.#store.beginIndex(made.definition);
  }

  begin(): boolean {
    const { relation, definition } = this.#made;
    if (this.#database.catalog.byId(relation.id) !== relation) {
      throw new SqlError('42P01', `relation "${relation.name}" does not exist`);
    }
    if (relation.kind === 'materialized view' && relation.paused !== null) throw pausedError(relation);
    if (relation.store === this.#store) return false;
    this.#store.abandonIndex(this.#fill);
    this.#store = relation.store;
    this.#fill = this.#store.beginIndex(definition);
    return false;
  }

  read(): number | null {
    return this.#store.fillIndex(this.#fill, this.#database.jobs.partRows);
  }

  settle(): void {
    this.#database.memory?.relieve();
  }

  finish(): void {
    this.#finished = true;
    const { relation, name, definition } = this.#made;
    if (this.#database.catalog.find(relation.schema, name, []) !== null) {
      this.#store.dropIndex(definition.id);
      throw new SqlError('42P07', `relation "${name}" already exists`);
    }
    placeIndex(this.#made, this.#database, this.number);
  }

  abandon(): void {
    if (!this.#finished) this.#store.abandonIndex(this.#fill);
  }
}
