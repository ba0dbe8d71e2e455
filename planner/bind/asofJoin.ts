/**
 * Joins as of a time, made from the ordinary join that their condition was bound for.
 *
 * ASOF [LEFT] JOIN: at least one equality between the sides and exactly one inequality. Conditions on the right side
 * alone filter it; those on the left side alone decide whether the row can match.
 * FOR SYSTEM_TIME AS OF on the right side: PROCTIME() is a process-time join; a time column of the left side joins with
 * the version that is valid then, where the right side is append-only with a watermark: each of its rows is the version
 * of its key from that time on. Further conditions see the version found.
 */
import { must } from '../../common/assert.ts';
import { sameType } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { Join, NamedTable } from '../../parser/ast/query.ts';
import { extend, filter, joinSchema, nullOf, pick, projectAs } from '../plan/construct.ts';
import type { LogicalAsofJoin, LogicalJoin, LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import {
  and,
  column,
  columnsOf,
  conjunctsOf,
  hasSubquery,
  isVolatile,
  shiftColumns,
  TRUE,
  usedColumns,
} from '../plan/scalars.ts';
import { sideOf } from '../properties.ts';
import { unify } from './coerce.ts';
import { type BindEnvironment, positionOf } from './environment.ts';
import { bindExpr } from './expr.ts';
import type { BoundFrom, FromContext } from './from.ts';
import { operatorCall } from './operators.ts';
import { exprContext } from './query.ts';
import { Scope } from './scope.ts';

type Comparison = '<' | '<=' | '>' | '>=';
const flipped: Readonly<Record<Comparison, Comparison>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

/** `left operator right`; left over the left input, right over left ++ right. */
interface Inequality {
  readonly left: Scalar;
  readonly right: Scalar;
  readonly operator: Comparison;
}

interface Conditions {
  /** Equalities between the sides, over left ++ right. */
  readonly equalities: readonly Scalar[];
  readonly rest: readonly Scalar[];
}

const EXAMPLE =
  'Write ON with equalities of the sides and one comparison of their times, as in a.key = b.key AND a.at >= b.at.';

const isBetween = (a: Scalar, b: Scalar, width: number): boolean => {
  const sides = [sideOf(a, width), sideOf(b, width)];
  return sides.includes('left') && sides.includes('right') && !isVolatile(a) && !isVolatile(b);
};

/** An equality of the two sides with operands of one type, or null. */
function equalityOf(s: Scalar, width: number, env: BindEnvironment): Scalar | null {
  if (hasSubquery(s)) return null;
  if (s.kind === 'isDistinct' && s.negated) return isBetween(s.left, s.right, width) ? s : null;
  if (s.kind !== 'call' || s.fn.operator !== '=' || s.args.length !== 2) return null;
  const [left, right] = [must(s.args[0]), must(s.args[1])];
  if (!isBetween(left, right, width)) return null;
  if (sameType(left.type, right.type)) return s;
  const { scalars } = unify([left, right], 'JOIN/ON', env);
  return operatorCall('=', scalars, positionOf(s) ?? 0, env);
}

function inequalityOf(s: Scalar, width: number): Inequality | null {
  if (s.kind !== 'call' || s.args.length !== 2 || hasSubquery(s)) return null;
  const operator = s.fn.operator as Comparison | undefined;
  if (operator === undefined || !(operator in flipped)) return null;
  const [a, b] = [must(s.args[0]), must(s.args[1])];
  if (!isBetween(a, b, width)) return null;
  return sideOf(a, width) === 'left'
    ? { left: a, right: b, operator }
    : { left: b, right: a, operator: flipped[operator] };
}

function conditionsOf(plan: LogicalJoin, env: BindEnvironment): Conditions {
  const width = plan.left.schema.length;
  const equalities: Scalar[] = [];
  const rest: Scalar[] = [];
  for (const condition of conjunctsOf(plan.condition)) {
    const equality = equalityOf(condition, width, env);
    if (equality === null) rest.push(condition);
    else equalities.push(equality);
  }
  return { equalities, rest };
}

const joinType = (plan: LogicalJoin): 'inner' | 'left' => (plan.type === 'left' ? 'left' : 'inner');

/** Left ++ right; times that are not columns are computed below, and left out again. */
function asofNode(
  plan: LogicalJoin,
  inputs: { readonly left: LogicalPlan; readonly right: LogicalPlan },
  equalities: readonly Scalar[],
  inequality: Inequality,
  env: BindEnvironment,
): LogicalPlan {
  const width = inputs.left.schema.length;
  const { scalars } = unify([inequality.left, inequality.right], 'JOIN/ON', env);
  const leftTime = must(scalars[0]);
  const rightTime = shiftColumns(must(scalars[1]), -width);
  const timeOf = (input: LogicalPlan, time: Scalar): { plan: LogicalPlan; column: number } =>
    time.kind === 'column'
      ? { plan: input, column: time.index }
      : { plan: extend(input, [time], ['time']), column: input.schema.length };
  const left = timeOf(inputs.left, leftTime);
  const right = timeOf(inputs.right, rightTime);
  const grown = left.plan.schema.length;
  const type = joinType(plan);
  const node: LogicalAsofJoin = {
    kind: 'AsofJoin',
    type,
    left: left.plan,
    right: right.plan,
    condition: and(equalities.map((s) => shiftColumns(s, grown - width, width))),
    time: { kind: 'asof', left: left.column, right: right.column, operator: inequality.operator },
    schema: joinSchema(type, left.plan.schema, right.plan.schema),
  };
  const own = [...inputs.left.schema.keys(), ...[...inputs.right.schema.keys()].map((c) => grown + c)];
  return pick(node, own);
}

/** ASOF JOIN: the join with its condition, as an as-of join. */
export function bindAsof(ref: Join, bound: LogicalPlan, lateral: boolean, env: BindEnvironment): LogicalPlan {
  const position = ref.span.start;
  if (bound.kind !== 'Join' || lateral) throw unsupported('ASOF JOIN with LATERAL', position);
  if (ref.type !== 'inner' && ref.type !== 'left') {
    const hint = 'Every row of the left side finds one of the right: use ASOF JOIN or ASOF LEFT JOIN.';
    throw unsupported(`ASOF ${ref.type.toUpperCase()} JOIN`, position, hint);
  }
  const width = bound.left.schema.length;
  const { equalities, rest } = conditionsOf(bound, env);
  const inequalities = rest.flatMap((s) => inequalityOf(s, width) ?? []);
  const [inequality] = inequalities;
  if (equalities.length === 0) {
    const message = 'AsOf join requires at least 1 equal condition';
    throw new SqlError('42601', message, { position, hint: EXAMPLE });
  }
  if (inequality === undefined || inequalities.length > 1) {
    const message = 'AsOf join requires exactly 1 inequality condition';
    throw new SqlError('42601', message, { position, hint: EXAMPLE });
  }
  const others = rest.filter((s) => inequalityOf(s, width) === null);
  for (const s of others) checkOneSided(s, width, position);
  const onRight = others.filter((s) => sideOf(s, width) === 'right');
  const onLeft = others.filter((s) => sideOf(s, width) !== 'right');
  const right = filter(
    bound.right,
    onRight.map((s) => shiftColumns(s, -width)),
  );
  if (ref.type === 'inner' || onLeft.length === 0) {
    return asofNode(bound, { left: filter(bound.left, onLeft), right }, equalities, inequality, env);
  }
  // A row that fails a condition of its own matches nothing: it has no time.
  const { left } = inequality;
  const whens = [{ when: and(onLeft), then: left }];
  const time: Scalar = { kind: 'case', whens, otherwise: nullOf(left.type), type: left.type };
  return asofNode(bound, { left: bound.left, right }, equalities, { ...inequality, left: time }, env);
}

function checkOneSided(s: Scalar, width: number, position: number): void {
  const at = positionOf(s) ?? position;
  if (hasSubquery(s)) throw unsupported('a subquery in the condition of an ASOF JOIN', at);
  if (sideOf(s, width) !== 'both') return;
  const operator = s.kind === 'call' ? s.fn.operator : undefined;
  const what = operator === undefined ? 'this condition on both sides' : `${operator} between the sides`;
  const hint = 'Besides the equalities and the one inequality, each condition can be on one side only.';
  throw unsupported(`ASOF JOIN with ${what}`, at, hint);
}

// FOR SYSTEM_TIME AS OF

type AsOf = NonNullable<NamedTable['asOf']>;

/** FOR SYSTEM_TIME AS OF where it is not the right side of a join. */
export function misplacedAsOf(asOf: AsOf, position: number): SqlError {
  if (asOf.kind === 'expr' && asOf.expr.kind !== 'ColumnRef') return timeTravel(asOf.expr.span.start);
  const hint =
    'It stands on the right side of JOIN or LEFT JOIN: a JOIN b FOR SYSTEM_TIME AS OF PROCTIME() ON ...';
  return unsupported('FOR SYSTEM_TIME AS OF outside of a join', position, hint);
}

function timeTravel(position: number): SqlError {
  const hint = 'Use PROCTIME() for the present state, or name a time column of the left side of the join.';
  return unsupported('FOR SYSTEM_TIME AS OF a fixed point in time (time travel)', position, hint);
}

/** A join whose right side is as of a time: the join with its condition, as a temporal join. */
export function bindTemporal(
  ref: { readonly type: Join['type']; readonly asof: boolean; readonly position: number },
  asOf: AsOf,
  bound: { readonly plan: LogicalPlan; readonly left: BoundFrom; readonly right: BoundFrom },
  context: FromContext,
): LogicalPlan {
  const { position } = ref;
  if (ref.asof) throw unsupported('ASOF JOIN with FOR SYSTEM_TIME AS OF', position);
  if (ref.type === 'right' || ref.type === 'full') {
    const hint =
      'Use JOIN or LEFT JOIN: rows of the right side are looked up, and give no rows of their own.';
    throw unsupported(`${ref.type.toUpperCase()} JOIN with FOR SYSTEM_TIME AS OF`, position, hint);
  }
  const { plan } = bound;
  if (plan.kind !== 'Join') throw unsupported('LATERAL with FOR SYSTEM_TIME AS OF', position);
  const time = asOf.kind === 'proctime' ? null : timeColumn(asOf.expr, bound, context);
  if (time === null) return processNode(plan);
  return versionNode(plan, time, versionColumn(bound.right, position), position, context.env);
}

function processNode(plan: LogicalJoin): LogicalPlan {
  const { left, right, condition, schema } = plan;
  const time = { kind: 'process' } as const;
  return { kind: 'AsofJoin', type: joinType(plan), left, right, condition: condition ?? TRUE, time, schema };
}

/** The column of the left side that is meant; null when it holds the time at which the row came. */
function timeColumn(
  expr: Expr,
  { left, right }: { readonly left: BoundFrom; readonly right: BoundFrom },
  context: FromContext,
): Scalar | null {
  const position = expr.span.start;
  const unreachable = [...context.siblings, ...left.unreachable, ...right.tables];
  const scope = new Scope({ tables: left.tables, joined: left.joined, unreachable }, context.parent);
  const clause = 'FOR SYSTEM_TIME AS OF';
  const bound = bindExpr(expr, { ...exprContext(context.env, scope, context.ctes), clause });
  if (bound.kind !== 'column') {
    if (usedColumns(bound).size === 0 && bound.kind !== 'outer') throw timeTravel(position);
    const hint = 'Name a column of the left side of the join; compute it in a subquery before.';
    throw unsupported('FOR SYSTEM_TIME AS OF an expression', position, hint);
  }
  const table = left.tables.find((t) => t.columns.some((c) => c.index === bound.index));
  const at = table?.columns.findIndex((c) => c.index === bound.index) ?? -1;
  return table?.relation?.processTime.includes(at) === true ? null : bound;
}

/** The column from whose time on a row of the right side is valid, as a column of it. */
function versionColumn(right: BoundFrom, position: number): number {
  const table = must(right.tables[0]);
  const { relation } = table;
  const [only, ...more] = relation?.watermarked ?? [];
  const derived = only !== undefined && more.length === 0 ? only.column : null;
  const at = relation?.watermark?.column ?? derived;
  const versions = relation !== null && relation.kind !== 'view' && relation.appendOnly;
  if (versions && at !== null) return must(table.columns[at]).index;
  throw new SqlError('0A000', `"${table.alias}" has no versions to be joined as of an event time`, {
    position,
    hint:
      'A versioned table is append-only and has a watermark, as in CREATE TABLE rates (currency text, rate numeric, ' +
      'valid_from timestamp, WATERMARK FOR valid_from AS valid_from) APPEND ONLY: each row is the version of its key from then on.',
  });
}

function versionNode(
  plan: LogicalJoin,
  time: Scalar,
  version: number,
  position: number,
  env: BindEnvironment,
): LogicalPlan {
  const width = plan.left.schema.length;
  const from = column(width + version, must(plan.right.schema[version]).type);
  const comparison = inequalityOf(operatorCall('>=', [time, from], position, env), width);
  const { equalities, rest } = conditionsOf(plan, env);
  if (equalities.length === 0) {
    const message = 'FOR SYSTEM_TIME AS OF requires at least 1 equal condition';
    throw new SqlError('42601', message, {
      position,
      hint: 'Say which version is meant, as in ON a.key = b.key.',
    });
  }
  const { left, right } = plan;
  const node = asofNode(plan, { left, right }, equalities, must(comparison), env);
  if (rest.length === 0) return node;
  if (joinType(plan) === 'inner') return filter(node, rest);
  // The version found counts only where the further conditions hold.
  const exprs = columnsOf(node.schema).map((s, i): Scalar => {
    if (i < width) return s;
    return { kind: 'case', whens: [{ when: and(rest), then: s }], otherwise: nullOf(s.type), type: s.type };
  });
  return projectAs(node, exprs, node.schema);
}
