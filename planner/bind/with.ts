/**
 * WITH: common table expressions, inlined. Each is bound once; every reference to it is the same plan object, so that
 * the optimizer can share it. Under RECURSIVE an item may name any other (bound after it) and itself (recursive.ts).
 */
import { must } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Cte, Query, WithClause } from '../../parser/ast/query.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import { bindChangelog } from './changelog.ts';
import type { BoundCte, CteScope } from './context.ts';
import { bindNestedQuery, type QueryContext } from './query.ts';
import { bindRecursiveCte, checkRecursive } from './recursive.ts';
import { referencesTo } from './recursiveReferences.ts';
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

/** An item of WITH RECURSIVE and the other items that it names. */
interface Item {
  readonly cte: Cte;
  readonly isRecursive: boolean;
  readonly needs: ReadonlySet<string>;
}

function itemOf(cte: Cte, names: ReadonlySet<string>): Item {
  const { body, name } = cte;
  const references = body.kind === 'query' ? referencesTo(body.query, names) : [];
  const found = new Set(references.map((r) => r.name));
  const isRecursive = found.delete(name.name);
  return { cte, isRecursive, needs: found };
}

function bindRecursive(clause: WithClause, context: QueryContext): CteScope {
  const outer = context.ctes;
  const bound = new Map<string, BoundCte>();
  const names = new Set(clause.ctes.map((c) => c.name.name));
  const scope: CteScope = {
    find: (name) => (names.has(name) ? (bound.get(name) ?? null) : outer.find(name)),
    isPending: (name) => outer.isPending(name),
  };
  const items = inOrderOfNeed(clause.ctes.map((cte) => itemOf(cte, names)));
  for (const { cte, isRecursive } of items) {
    if (isRecursive && cte.body.kind === 'query') checkRecursive(cte, cte.body.query);
  }
  const inner = { ...context, ctes: scope };
  for (const { cte, isRecursive } of items) {
    const { body } = cte;
    const recursive = isRecursive && body.kind === 'query';
    bound.set(
      cte.name.name,
      recursive ? bindRecursiveCte(cte, body.query, inner, withScope) : bindCte(cte, inner),
    );
  }
  return scope;
}

/** The context inside a query's own WITH. */
function withScope(query: Query, context: QueryContext): QueryContext {
  return query.with === null ? context : { ...context, ctes: bindWith(query.with, context) };
}

/** Each item after those that it names; PostgreSQL's order (its TopologicalSort), for equal errors. */
function inOrderOfNeed(items: readonly Item[]): readonly Item[] {
  const rest = [...items];
  const sorted: Item[] = [];
  const done = new Set<string>();
  while (rest.length > 0) {
    const at = rest.findIndex(({ needs }) => [...needs].every((name) => done.has(name)));
    const first = must(rest[0]);
    if (at < 0) {
      throw new SqlError('0A000', 'mutual recursion between WITH items is not implemented', {
        position: first.cte.name.span.start,
      });
    }
    const next = must(rest[at]);
    rest[at] = first;
    rest.shift();
    sorted.push(next);
    done.add(next.cte.name.name);
  }
  return sorted;
}

function bindCte(cte: Cte, context: QueryContext): BoundCte {
  const { name, columns, body } = cte;
  if (cte.search !== undefined || cte.cycle !== undefined) {
    throw new SqlError('42601', 'WITH query is not recursive', { position: name.span.start });
  }
  if (body.kind === 'changelog') return bindChangelog(cte, body.relation, context);
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
    ...(cte.hidden?.has(i) === true ? { hidden: true } : {}),
  }));
  return { plan, columns };
}
