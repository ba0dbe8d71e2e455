/** INJECT: rows into a source, as if its connector had brought them; each is a message of its own. */
import { SqlError } from '../../common/sqlError.ts';
import type { Insert } from '../../parser/ast/statement.ts';
import type { Inject } from '../../parser/ast/time.ts';
import { type BoundInsert, bindInsert } from '../../planner/bind/dml.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import { bindEnvironment } from '../planning.ts';
import { injectIntoStream } from '../remote/apply.ts';
import { injectRows } from '../time/control.ts';
import { runDue } from '../time/due.ts';
import { requirePartition } from './advance.ts';
import { rowMaker, sourceRows } from './dml.ts';
import { done, namedRelation, type StatementContext, type StatementHandler } from './statement.ts';

const DEFAULT_PARTITION = '0';

function targetSource(statement: Inject, context: StatementContext): SourceObject | TableObject {
  const object = namedRelation(statement.source, context);
  if (object.kind === 'source') return object;
  if (object.kind === 'table' && object.stream !== null) return object;
  throw new SqlError('42809', `"${object.name}" is not a source`, {
    position: statement.source.span.start,
    hint: object.kind === 'table' ? 'Use INSERT for tables.' : 'INJECT puts rows into sources.',
  });
}

/** The statement as the INSERT that it is but for its target. */
function bind(statement: Inject, source: SourceObject | TableObject, context: StatementContext): BoundInsert {
  const insert: Insert = {
    kind: 'Insert',
    table: statement.source,
    alias: null,
    columns: statement.columns,
    source: statement.query,
    onConflict: null,
    returning: [],
    span: statement.span,
  };
  const target = {
    entry: source.entry,
    defaults: source.columns.map((c) => c.default),
    generated: source.columns.map((c) => c.generated),
  };
  return bindInsert(insert, target, bindEnvironment(context));
}

export const inject: StatementHandler<Inject> = {
  describe(statement, context) {
    const bound = bind(statement, targetSource(statement, context), context);
    return { parameterTypes: bound.parameters, columns: null };
  },
  async run(statement, context) {
    context.requireNoTransactionBlock('INJECT');
    const { database } = context;
    const source = targetSource(statement, context);
    const bound = bind(statement, source, context);
    // Generated columns are the source's own work, at arrival.
    const makeRow = rowMaker({ ...bound, generated: source.columns.map(() => null) }, source, context);
    const physical = source.columns.flatMap((c, i) => (c.generated === null && c.hidden !== true ? [i] : []));
    const rows = [...sourceRows(bound, context)].map((values) => {
      const row = makeRow(values);
      return physical.map((i) => row[i] ?? null);
    });
    await database.exclusive(() => {
      if (database.catalog.byId(source.id) !== source) {
        throw new SqlError('40001', `source "${source.name}" was dropped or replaced by another transaction`);
      }
      requirePartition(source, statement.partition, statement.source.span.start);
      const partition = statement.partition ?? defaultPartition(source);
      if (source.kind === 'source') injectRows(database, source, rows, partition);
      else injectIntoStream(database, source, rows, partition);
      runDue(database);
    });
    return done(`INJECT ${rows.length}`);
  },
};

/** Without PARTITION: the first that is known. */
function defaultPartition(source: SourceObject | TableObject): string {
  if (source.kind === 'table') return source.admission?.eventTime.partitions()[0]?.name ?? DEFAULT_PARTITION;
  const { connector, config } = source.source;
  return connector.partitions?.(config.options)[0] ?? DEFAULT_PARTITION;
}
