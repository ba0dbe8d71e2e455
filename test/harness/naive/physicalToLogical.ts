/** A physical plan as an equal logical one, so that the oracle can run it. */
import { must, unreachable } from '../../../common/assert.ts';
import { types } from '../../../common/dataType.ts';
import type { FunctionCatalog } from '../../../common/function.ts';
import { aggregate, filter, join, project } from '../../../planner/plan/construct.ts';
import { findAggregate } from '../../../planner/plan/findAggregate.ts';
import type { LogicalPlan } from '../../../planner/plan/logical.ts';
import type {
  PhysicalDeltaJoin,
  PhysicalIndexScan,
  PhysicalJoin,
  PhysicalPlan,
  PhysicalSlidingPanes,
} from '../../../planner/plan/physical.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import {
  and,
  column,
  columnOf,
  columnsOf,
  isNull,
  literal,
  or,
  renumber,
  sameValue,
} from '../../../planner/plan/scalars.ts';
import { rewritePlan } from '../../../planner/plan/walk.ts';

export function physicalToLogical(plan: PhysicalPlan, functions: FunctionCatalog): LogicalPlan {
  const done = new Map<PhysicalPlan, LogicalPlan>();
  const convert = (node: PhysicalPlan): LogicalPlan => {
    const known = done.get(node);
    if (known !== undefined) return known;
    const result = logical(node, convert, functions);
    done.set(node, result);
    return result;
  };
  return convert(plan);
}

function logical(
  node: PhysicalPlan,
  convert: (plan: PhysicalPlan) => LogicalPlan,
  functions: FunctionCatalog,
): LogicalPlan {
  const { schema } = node;
  switch (node.kind) {
    case 'Scan':
      return { kind: 'Scan', relation: node.relation, columns: node.columns, schema };
    case 'IndexScan':
      return indexScan(node, functions);
    case 'Values':
      return { kind: 'Values', rows: node.rows, schema };
    case 'Calc': {
      const input = convert(node.input);
      return {
        ...project(node.condition === null ? input : filter(input, node.condition), node.exprs),
        schema,
      };
    }
    case 'Join':
      return {
        ...join(node.type, convert(node.left), convert(node.right), conditionOf(node, node.residual), node),
        schema,
      };
    case 'DeltaJoin':
      return deltaJoin(node, convert);
    case 'Aggregate':
      return { ...node, input: convert(node.input), sets: null };
    case 'TopN': {
      const limit = node.limit === null ? null : literal(BigInt(node.limit), types.int8);
      return { ...node, input: convert(node.input), limit, offset: literal(BigInt(node.offset), types.int8) };
    }
    case 'UnionAll':
      return { ...node, inputs: node.inputs.map(convert) };
    case 'Recursive': {
      const { name, all, self, base, sources } = node;
      const inputs = new Map(sources.map((source) => [source.relation.id, convert(source.plan)]));
      const step = rewritePlan(physicalToLogical(node.step, functions), (plan) =>
        plan.kind === 'Scan' ? (inputs.get(plan.relation.id) ?? plan) : plan,
      );
      return { kind: 'Recursive', name, all, self, base: convert(base), step, schema };
    }
    case 'SetOperation':
      return { ...node, left: convert(node.left), right: convert(node.right) };
    case 'AsofJoin': {
      const { type, leftTime, rightTime, operator } = node;
      const time = { kind: 'asof', left: leftTime, right: rightTime, operator } as const;
      const [left, right] = [convert(node.left), convert(node.right)];
      return { kind: 'AsofJoin', type, left, right, condition: conditionOf(node, null), time, schema };
    }
    case 'TemporalJoin': {
      const condition = conditionOf(node, node.residual);
      const [left, right] = [convert(node.left), convert(node.right)];
      return { kind: 'AsofJoin', type: node.type, left, right, condition, time: { kind: 'process' }, schema };
    }
    case 'SlidingPanes':
      return slidingPanes(node, convert(node.input), functions);
    case 'AwaitLookup':
    case 'TemporalFilter':
    case 'Close':
    case 'Pace':
    case 'Expire':
    case 'MaterializedExprs':
    case 'Changelog':
      throw new TypeError(`${node.kind} has no logical form`);
    case 'Session':
    case 'Hop':
    case 'TableFunction':
    case 'Distinct':
    case 'Window':
    case 'MaxOneRow':
      return { ...node, input: convert(node.input) };
    default:
      return unreachable(node);
  }
}

/** The inputs' cross product, filtered. */
function deltaJoin(node: PhysicalDeltaJoin, convert: (plan: PhysicalPlan) => LogicalPlan): LogicalPlan {
  const all = node.inputs.flatMap((input) => [...input.schema]);
  const product = node.inputs
    .map(convert)
    .reduce((left, right) => join('inner', left, right, [literal(true, types.bool)]));
  const equalities = node.equalities.map(({ left, right, nullSafe }): Scalar => {
    const [a, b] = [columnOf(all, left), columnOf(all, right)];
    const same = sameValue(a, b);
    return nullSafe ? same : and([isNull(a, true), isNull(b, true), same]);
  });
  const conditions = node.residual === null ? node.tests : [...node.tests, node.residual];
  const others = conditions.map(({ condition, columns }) => renumber(condition, (i) => must(columns[i])));
  const filtered = filter(product, [...equalities, ...others]);
  return {
    ...project(
      filtered,
      node.output.map((c) => columnOf(all, c)),
    ),
    schema: node.schema,
  };
}

function slidingPanes(
  node: PhysicalSlidingPanes,
  input: LogicalPlan,
  functions: FunctionCatalog,
): LogicalPlan {
  const { keys, time, slideMicros, sizeMicros, offsetMicros } = node;
  const width = input.schema.length;
  const bounds = node.schema.slice(keys.length, keys.length + 2);
  const schema = [...input.schema, ...bounds];
  const hop: LogicalPlan = { kind: 'Hop', input, time, slideMicros, sizeMicros, offsetMicros, schema };
  const calls = node.folds.map(({ fold, column: c, type }) => {
    const isBits = fold === 'and' || fold === 'or' || fold === 'xor';
    const name = isBits ? `${type.id === 'bool' ? 'bool' : 'bit'}_${fold}` : fold;
    const fn = must(findAggregate(functions, name, must(input.schema[c]).type));
    return { fn, args: [c], type, distinct: false, filter: null, orderBy: [] };
  });
  return { ...aggregate(hop, [...keys, width, width + 1], calls), schema: node.schema };
}

function conditionOf(
  node: Pick<PhysicalJoin, 'left' | 'right' | 'leftKeys' | 'rightKeys' | 'nullSafe'>,
  residual: Scalar | null,
): Scalar {
  const width = node.left.schema.length;
  const keys = node.leftKeys.map((l, i): Scalar => {
    const left = columnOf(node.left.schema, l);
    const r = must(node.rightKeys[i]);
    const right = column(width + r, must(node.right.schema[r]).type);
    const same = sameValue(left, right);
    if (node.nullSafe[i] === true) return same;
    const whens = [{ when: or([isNull(left), isNull(right)]), then: literal(null, types.bool) }];
    return { kind: 'case', whens, otherwise: same, type: types.bool };
  });
  return and(residual === null ? keys : [...keys, residual]);
}

function indexScan(node: PhysicalIndexScan, functions: FunctionCatalog): LogicalPlan {
  const { relation } = node;
  const columns =
    node.index === null
      ? must(relation.key)
      : must(relation.indexes.find((i) => i.id === node.index)).columns;
  const whole: LogicalPlan = {
    kind: 'Scan',
    relation,
    columns: [...relation.columns.keys()],
    schema: relation.columns,
  };
  const of = (i: number): Scalar => columnOf(relation.columns, must(columns[i]));
  const points = node.points.map((point) => and(point.map((value, i) => sameValue(of(i), value))));
  const conditions = [or(points)];
  const next = must(node.points[0]).length;
  const compare = (operator: string, bound: NonNullable<PhysicalIndexScan['lower']>): void => {
    const operand = of(next);
    const { id } = operand.type;
    const symbol = `${operator}${bound.inclusive ? '=' : ''}`;
    const fn = must(
      functions.operators(symbol).find((f) => f.args.length === 2 && f.args.every((a) => a === id)),
    );
    conditions.push({ kind: 'call', fn, args: [operand, bound.value], type: types.bool });
  };
  if (node.lower !== null) compare('>', node.lower);
  if (node.upper !== null) compare('<', node.upper);
  return project(
    filter(whole, conditions),
    node.columns.map((c) => must(columnsOf(relation.columns)[c])),
  );
}
