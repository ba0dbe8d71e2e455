/**
 * WITH RECURSIVE items that name themselves: PostgreSQL's rules for where they may (its parse_cte.c), then the terms bound
 * one after the other, the types of the first being those of the whole.
 */
import { must } from '../../common/assert.ts';
import { type Column, type DataType, type Schema, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Cte, Query, SetOperation } from '../../parser/ast/query.ts';
import type { LogicalPlan, LogicalRecursive } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { scanOf, workingTable } from '../plan/workingTable.ts';
import { coerceImplicit, commonType } from './coerce.ts';
import { requireEquality } from './comparable.ts';
import type { BoundCte, CteScope } from './context.ts';
import { type BoundNested, bindBody, type QueryContext } from './query.ts';
import { type Reference, referencesTo } from './recursiveReferences.ts';
import { outputsOf } from './refit.ts';
import { depthOf } from './scope.ts';
import { addedColumns, checkClauses, writtenOut } from './searchCycle.ts';

const invalid = (message: string, position: number): SqlError => new SqlError('42P19', message, { position });

/** The recursive union of an item, its parts where PostgreSQL allows them. */
interface RecursiveUnion {
  readonly query: Query;
  readonly union: SetOperation;
}

/** The item's union, when the item names itself only where it may. */
function recursiveUnion(name: string, position: number, query: Query): RecursiveUnion {
  const references = (node: object): readonly Reference[] => referencesTo(node, new Set([name]));
  const inner = unwrapped(query);
  const { body } = inner;
  if (body.kind !== 'SetOperation' || body.operator !== 'union') {
    const form = 'non-recursive-term UNION [ALL] recursive-term';
    throw invalid(`recursive query "${name}" does not have the form ${form}`, position);
  }
  const refuse = ({ place, position: at }: Reference): SqlError =>
    invalid(`recursive reference to query "${name}" must not appear ${place}`, at);
  const [onLeft] = references(body.left);
  if (onLeft !== undefined) throw refuse({ ...onLeft, place: 'within its non-recursive term' });
  let seen = 0;
  for (const reference of references(body.right)) {
    if (reference.place !== null) throw refuse(reference);
    seen += 1;
    if (seen > 1) throw refuse({ ...reference, place: 'more than once' });
  }
  const [inWith] = references({ ctes: inner.with?.ctes ?? [] });
  if (inWith !== undefined) throw refuse({ ...inWith, place: 'within a subquery' });
  refuseDecoration(inner);
  return { query: inner, union: body };
}

/** PostgreSQL does not see parentheses around a query. */
function unwrapped(query: Query): Query {
  const plain =
    query.with === null && query.orderBy.length === 0 && query.limit === null && query.offset === null;
  return plain && query.body.kind === 'ParenQuery' ? unwrapped(query.body.query) : query;
}

function refuseDecoration({ orderBy, limit, offset, locking }: Query): void {
  const refuse = (clause: string, position: number | undefined): SqlError =>
    new SqlError(
      '0A000',
      `${clause} in a recursive query is not implemented`,
      position === undefined ? {} : { position },
    );
  if (orderBy[0] !== undefined) throw refuse('ORDER BY', orderBy[0].expr.span.start);
  if (offset !== null) throw refuse('OFFSET', offset.span.start);
  if (limit !== null) throw refuse('LIMIT', (limit.count ?? limit).span.start);
  if (locking.length > 0) throw refuse('FOR UPDATE/SHARE', undefined);
}

/** Throws unless an item that names itself has PostgreSQL's form for that. */
export function checkRecursive({ name }: Cte, query: Query): void {
  recursiveUnion(name.name, name.span.start, query);
}

/** Binds an item that names itself. `bindWithClause` gives the scope inside the item's own WITH. */
export function bindRecursiveCte(
  cte: Cte,
  query: Query,
  context: QueryContext,
  bindWithClause: (query: Query, context: QueryContext) => QueryContext,
): BoundCte {
  const name = cte.name.name;
  const { query: inner, union: plain } = recursiveUnion(name, cte.name.span.start, query);
  const within = bindWithClause(inner, context);
  const { first, names, union } = bindFirst(cte, plain, within);
  const base = withDecidedTypes(first, context);
  const depth = depthOf(context.parent);
  const columns = base.columns.map(
    (c, i): Column => ({ name: must(names[i]), type: c.type, nullable: true }),
  );
  const self = workingTable(name, columns);
  const added = addedColumns(cte).length;
  const hidden = new Set(names.flatMap((_, i) => (i < names.length - added ? [] : [i])));
  const reference: BoundCte = { plan: scanOf(self), names, hidden, depth, self };
  const step = bindBody(union.right, { ...within, ctes: withSelf(within.ctes, name, reference) });
  const plan = combined(name, union, { ...base, scalars: outputsOf(first).scalars }, step, self, context);
  return { plan, names, depth };
}

/** The first term with the columns of SEARCH and CYCLE, and the union that has them. */
function bindFirst(
  cte: Cte,
  union: SetOperation,
  within: QueryContext,
): { readonly first: BoundNested; readonly names: readonly string[]; readonly union: SetOperation } {
  const first = bindBody(union.left, within);
  const names = columnNames(cte, first.columns);
  const added = addedColumns(cte);
  if (added.length === 0) return { first, names, union };
  checkClauses(cte, names);
  const written = writtenOut(cte, union, names);
  return {
    first: bindBody(written.left, within),
    names: [...names, ...added.map((c) => c.name)],
    union: written,
  };
}

function withSelf(ctes: CteScope, name: string, self: BoundCte): CteScope {
  return {
    find: (wanted) => (wanted === name ? self : ctes.find(wanted)),
    isPending: (wanted) => wanted !== name && ctes.isPending(wanted),
  };
}

function columnNames({ name, columns }: Cte, bound: Schema): readonly string[] {
  if (columns.length > bound.length) {
    const counts = `${bound.length} columns available but ${columns.length} columns specified`;
    throw new SqlError('42P10', `WITH query "${name.name}" has ${counts}`, { position: name.span.start });
  }
  return bound.map((c, i) => columns[i]?.name ?? c.name);
}

/** Literals of no type yet are text, as in the select list of a subquery. */
function withDecidedTypes(bound: BoundNested, { env }: QueryContext): BoundNested {
  const { input, scalars } = outputsOf(bound);
  if (input === bound.plan) return bound;
  const exprs = scalars.map((s) => coerceImplicit(s, s.type.id === 'unknown' ? types.text : s.type, env));
  const schema = bound.columns.map((c, i): Column => ({ ...c, type: must(exprs[i]).type }));
  return { ...bound, plan: { kind: 'Project', input, exprs, schema }, columns: schema };
}

const withModifier = (type: DataType): string => JSON.stringify(type);

/** The recursion over both terms (`scalars`: of the first, before literals became text): the second cast to the types of the first, which must be those of a UNION of them. */
function combined(
  name: string,
  union: SetOperation,
  base: BoundNested & { readonly scalars: readonly Scalar[] },
  step: BoundNested,
  self: LogicalRecursive['self'],
  { env }: QueryContext,
): LogicalPlan {
  const { columns } = self;
  if (columns.length !== step.columns.length) {
    throw new SqlError('42601', 'each UNION query must have the same number of columns', {
      position: step.positions[0] ?? union.right.span.start,
    });
  }
  const outputs = outputsOf(step);
  columns.forEach(({ type }, index) => {
    const position = base.positions[index];
    const overall = commonType([must(base.scalars[index]), must(outputs.scalars[index])], 'UNION');
    if (withModifier(overall) !== withModifier(type)) throw mismatch(name, index, type, overall, position);
    if (!union.all) requireEquality(type, position);
  });
  const exprs = outputs.scalars.map((s, i) => coerceImplicit(s, must(columns[i]).type, env));
  const rows: LogicalPlan = { kind: 'Project', input: outputs.input, exprs, schema: columns };
  return { kind: 'Recursive', name, base: base.plan, step: rows, self, all: union.all, schema: columns };
}

function mismatch(
  name: string,
  index: number,
  base: DataType,
  overall: DataType,
  position: number | undefined,
): SqlError {
  const types = `type ${formatType(base)} in non-recursive term but type ${formatType(overall)} overall`;
  return new SqlError('42804', `recursive query "${name}" column ${index + 1} has ${types}`, {
    hint: 'Cast the output of the non-recursive term to the correct type.',
    ...(position === undefined ? {} : { position }),
  });
}
