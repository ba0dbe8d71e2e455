/**
 * The name of a table as a value: a row, or NULL where an outer join found no row of the table. A row of NULLs that is there
 * is a row, so it takes a column that is never NULL to tell; a table that has none gets one if its name may be used so.
 */
import { types } from '../../common/dataType.ts';
import { type AnyNode, walk } from '../../parser/walk.ts';
import { projectAs } from '../plan/construct.ts';
import type { Scalar } from '../plan/scalar.ts';
import type { BoundFrom } from './from.ts';
import type { ScopeColumn, ScopeTable } from './scope.ts';

/** Names in `reader` that may mean a whole row. */
function rowNames(reader: AnyNode): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (parts: unknown): void => {
    const last: unknown = Array.isArray(parts) ? parts.at(-1) : null;
    if (typeof last === 'object' && last !== null && 'name' in last) names.add(String(last.name));
  };
  walk(reader, (node) => {
    if (node.kind === 'ColumnRef' && 'parts' in node && Array.isArray(node.parts) && node.parts.length === 1)
      add(node.parts);
    else if (node.kind === 'Star' && 'qualifier' in node) add(node.qualifier);
  });
  return names;
}

/** `from`, of which an outer join may find no row; each table that `reader` may name as a whole tells whether it did. */
export function tellingRows(from: BoundFrom, reader: AnyNode): BoundFrom {
  const { plan } = from;
  const made: ScopeColumn = {
    name: 'present',
    type: types.bool,
    nullable: false,
    index: plan.schema.length,
    hidden: true,
    merged: false,
  };
  let names: ReadonlySet<string> | null = null;
  const tables = from.tables.map((t): ScopeTable => {
    if (t.present !== undefined || t.scalar) return t;
    const own = t.columns.find((c) => !('expr' in c) && !c.nullable);
    if (own !== undefined) return { ...t, present: own };
    names ??= rowNames(reader);
    return names.has(t.alias) ? { ...t, present: made } : t;
  });
  if (!tables.some((t) => t.present === made)) return { ...from, tables };
  const schema = [...plan.schema, { name: made.name, type: made.type, nullable: false, hidden: true }];
  const exprs: Scalar[] = plan.schema.map((c, index) => ({ kind: 'column', index, type: c.type }));
  exprs.push({ kind: 'literal', value: true, type: types.bool });
  return { ...from, tables, plan: projectAs(plan, exprs, schema) };
}
