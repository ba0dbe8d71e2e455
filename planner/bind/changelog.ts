/**
 * `WITH x AS CHANGELOG FROM t`: a relation of the changes of t. Its columns are those of t, then changelog_op (1 insert,
 * 2 delete, 3 and 4 the new and the old row of an update) and the hidden number of the change.
 */
import { must } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import { type Schema, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { ObjectName } from '../../parser/ast/common.ts';
import type { Cte } from '../../parser/ast/query.ts';
import type { BoundCte } from './context.ts';
import type { BindEnvironment } from './environment.ts';
import { missingRelation } from './from.ts';
import type { QueryContext } from './query.ts';
import { depthOf } from './scope.ts';

const added: Schema = [
  { name: 'changelog_op', type: types.int2, nullable: false },
  { name: '_changelog_row_id', type: types.int8, nullable: false, hidden: true },
];

/** The item over the changes of the table, source or materialized view that it names. */
export function bindChangelog(cte: Cte, name: ObjectName, context: QueryContext): BoundCte {
  const relation = changesOf(relationNamed(name, context.env));
  const { columns } = relation;
  const shown = [...columns.keys()].filter((c) => columns[c]?.hidden !== true);
  if (cte.columns.length > shown.length) {
    const counts = `${shown.length} columns available but ${cte.columns.length} columns specified`;
    throw new SqlError('42P10', `WITH query "${cte.name.name}" has ${counts}`, {
      position: cte.name.span.start,
    });
  }
  return {
    plan: { kind: 'Scan', relation, columns: [...columns.keys()], schema: columns },
    names: columns.map((c, i) => cte.columns[shown.indexOf(i)]?.name ?? c.name),
    hidden: new Set([...columns.keys()].filter((c) => columns[c]?.hidden === true)),
    depth: depthOf(context.parent),
  };
}

function relationNamed(name: ObjectName, env: BindEnvironment): RelationEntry {
  const position = name.span.start;
  const parts = name.parts.map((p) => p.name);
  const table = must(parts.at(-1));
  const schema = parts.at(-2) ?? null;
  const relation = env.catalog.relation(schema, table, env.searchPath);
  if (relation === null) throw missingRelation(schema, table, position, env);
  env.trace?.relation(name, relation);
  if (relation.kind === 'view' || relation.kind === 'system') {
    throw new SqlError('42809', `"${relation.name}" is not a table or materialized view`, { position });
  }
  return relation;
}

const known = new WeakMap<RelationEntry, RelationEntry>();

/** The relation of changes: rows are numbered, and stay. */
function changesOf(relation: RelationEntry): RelationEntry {
  const before = known.get(relation);
  if (before !== undefined) return before;
  const columns = [...relation.columns, ...added];
  const changes: RelationEntry = {
    id: relation.id,
    schema: relation.schema,
    name: relation.name,
    kind: relation.kind,
    columns,
    key: [columns.length - 1],
    declaredKey: false,
    appendOnly: true,
    watermark: null,
    watermarked: relation.watermarked,
    processTime: [],
    indexes: [],
    definition: null,
    searchPath: [],
    changesOf: relation,
    rowCount: () => relation.rowCount(),
  };
  known.set(relation, changes);
  return changes;
}
