/**
 * WITH: common table expressions, inlined. Each is bound once; every reference to it is the same plan object, so that
 * the optimizer can share it. Under RECURSIVE an item may name any other, bound when first named; one that names itself
 * is refused.
 */
import { must } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Cte, WithClause } from '../../parser/ast/query.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { BoundCte, CteScope } from './context.ts';
import { bindNestedQuery, type QueryContext } from './query.ts';
import { shiftOuter } from './rewrite.ts';
import { depthOf, type Scope } from './scope.ts';

/** The names that the WITH clause adds to those around it. */
export function bindWith(clause: WithClause, context: QueryContext): CteScope {
  const seen = new Set<string>();
  for (const { name } of clause.ctes) {
    if (seen.has(name.name)) {
      const message = `WITH query name "${name.name}" specified more than once`;
      throw new SqlError('42712', message, { position: name.span.start });
    }
    seen.add(name.name);
  }
  return clause.recursive ? bindRecursive(clause, context) : bindInOrder(clause, context);
}

function bindInOrder(clause: WithClause, context: QueryContext): CteScope {
  const outer = context.ctes;
  const bound = new Map<string, BoundCte>();
  const names = clause.ctes.map((c) => c.name.name);
  const scope: CteScope = {
    find: (name) => bound.get(name) ?? outer.find(name),
    isPending: (name) => (names.includes(name) && !bound.has(name)) || outer.isPending(name),
  };
  for (const cte of clause.ctes) bound.set(cte.name.name, bindCte(cte, { ...context, ctes: scope }));
  return scope;
}

function bindRecursive(clause: WithClause, context: QueryContext): CteScope {
  const outer = context.ctes;
  const bound = new Map<string, BoundCte>();
  const running = new Set<string>();
  const find = (name: string): BoundCte | null => {
    const cte = clause.ctes.find((c) => c.name.name === name);
    if (cte === undefined) return outer.find(name);
    const known = bound.get(name);
    if (known !== undefined) return known;
    if (running.has(name)) throw unsupported('WITH RECURSIVE', cte.name.span.start);
    running.add(name);
    const result = bindCte(cte, { ...context, ctes: scope });
    bound.set(name, result);
    return result;
  };
  const scope: CteScope = { find, isPending: (name) => outer.isPending(name) };
  for (const cte of clause.ctes) find(cte.name.name);
  return scope;
}

function bindCte(cte: Cte, context: QueryContext): BoundCte {
  const { name, columns, body } = cte;
  if (body.kind === 'changelog') throw unsupported('AS CHANGELOG FROM', cte.span.start);
  const nested = bindNestedQuery(body.query, context);
  if (columns.length > nested.columns.length) {
    const counts = `${nested.columns.length} columns available but ${columns.length} columns specified`;
    throw new SqlError('42P10', `WITH query "${name.name}" has ${counts}`, { position: name.span.start });
  }
  const names = nested.columns.map((c, i) => columns[i]?.name ?? c.name);
  return { plan: nested.plan, names, depth: depthOf(context.parent) };
}

/** A CTE where it is used: the same plan object, unless it refers outwards from a place further in. */
export function cteReference(
  cte: BoundCte,
  parent: Scope | null,
): { readonly plan: LogicalPlan; readonly columns: Schema } {
  const plan = shiftOuter(cte.plan, depthOf(parent) - cte.depth);
  const columns = plan.schema.map((c, i) => ({
    name: must(cte.names[i]),
    type: c.type,
    nullable: c.nullable,
  }));
  return { plan, columns };
}
