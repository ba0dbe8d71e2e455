/** CREATE INDEX on tables and materialised views. */
import { must } from '../../common/assert.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { CreateIndex } from '../../parser/ast/statement.ts';
import { requireRelation } from '../catalog.ts';
import type { IndexObject, MaterializedViewObject, TableObject } from '../objects.ts';
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
    const { database } = context;
    return database.exclusive(() => {
      const target = splitName(statement.relation, context);
      const relation = requireRelation(
        database.catalog,
        target.schema,
        target.name,
        context.searchPath(),
        target.position,
      );
      if (relation.kind !== 'table' && relation.kind !== 'materialized view') {
        throw new SqlError('42809', `cannot create index on relation "${relation.name}"`, {
          position: target.position,
          detail: `This operation is not supported for ${relation.kind}s.`,
        });
      }
      const columns = keyColumns(statement, relation);
      const name =
        statement.name === null
          ? defaultName(relation, columns, context)
          : splitName(statement.name, context).name;
      if (nameTaken(relation.schema, name, statement.ifNotExists, context)) return done('CREATE INDEX');
      const id = database.catalog.allocateId();
      const descending = statement.keys.map((k) => k.direction === 'desc');
      relation.store.addIndex({ id, columns, descending });
      const entry = { id, name, columns, descending, unique: false };
      relation.entry.indexes = [...relation.entry.indexes, entry];
      const include = statement.include.map((c) => columnPosition(relation, c.name, c.span.start));
      const index: IndexObject = {
        kind: 'index',
        id,
        schema: relation.schema,
        name,
        owner: context.user,
        ...originOf(context),
        dependsOn: new Set([relation.id]),
        relation,
        entry,
        include,
      };
      database.catalog.add(index);
      database.journalDdl(originOf(context), id);
      return done('CREATE INDEX');
    });
  },
};
