/** What EXPLAIN says of one node: its title and its attributes, for physical and logical plans. */
import { unreachable } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { inputsOf } from '../plan/walk.ts';
import { aggregateText, sortKeysText, windowCallText } from './callText.ts';
import { describeDeltaJoin, sharedArrangements } from './describeDeltaJoin.ts';
import { describeTime, isTimeNode } from './describeTime.ts';
import { columnName, columnNames, scalarText } from './scalarText.ts';

export interface Description {
  readonly title: string;
  /** Name and text, or a list of texts; empty ones are left out. */
  readonly attributes: readonly (readonly [name: string, value: string | readonly string[]])[];
}

type Attribute = readonly [string, string | readonly string[]];

export const relationName = (relation: { readonly schema: string; readonly name: string }): string =>
  relation.schema === 'public' || relation.schema === ''
    ? relation.name
    : `${relation.schema}.${relation.name}`;

const scalars = (list: readonly Scalar[], schema: Schema): readonly string[] =>
  list.map((s) => scalarText(s, schema));

const optional = (name: string, s: Scalar | null, schema: Schema): readonly Attribute[] =>
  s === null ? [] : [[name, scalarText(s, schema)]];

const flag = (name: string, set: boolean): readonly Attribute[] => (set ? [[name, 'true']] : []);

function outputs(exprs: readonly Scalar[], input: Schema, output: Schema): readonly string[] {
  return exprs.map((s, i) => {
    const text = scalarText(s, input);
    const name = columnName(output, i);
    return text === name || s.kind === 'column' ? text : `${text} AS ${name}`;
  });
}

function rowsText(rows: readonly (readonly Scalar[])[]): readonly Attribute[] {
  const shown = rows.slice(0, 5).map((row) => `(${scalars(row, []).join(', ')})`);
  if (rows.length > shown.length) shown.push(`... ${rows.length - shown.length} more`);
  return [['values', shown]];
}

interface Windowed {
  readonly partition: readonly number[];
  readonly order: Parameters<typeof sortKeysText>[0];
}

function windowed(plan: Windowed, input: Schema): readonly Attribute[] {
  return [
    ['partition', columnNames(plan.partition, input)],
    ['order', sortKeysText(plan.order, input)],
  ];
}

function hop(
  plan: { time: number; slideMicros: bigint; sizeMicros: bigint; offsetMicros: bigint; cumulate?: boolean },
  input: Schema,
): Description {
  const tumbling = plan.slideMicros === plan.sizeMicros;
  const seconds = (micros: bigint): string => `${Number(micros) / 1e6}s`;
  return {
    title: plan.cumulate === true ? 'Cumulate' : tumbling ? 'Tumble' : 'Hop',
    attributes: [
      ['time', columnName(input, plan.time)],
      ['slide', tumbling ? '' : seconds(plan.slideMicros)],
      ['size', seconds(plan.sizeMicros)],
      ['offset', plan.offsetMicros === 0n ? '' : seconds(plan.offsetMicros)],
    ],
  };
}

function tableFunction(
  plan: Extract<PhysicalPlan | LogicalPlan, { kind: 'TableFunction' }>,
  input: Schema,
): Description {
  const calls = plan.calls.map((c) => `${c.fn.name}(${scalars(c.args, input).join(', ')})`);
  return { title: 'TableFunction', attributes: [['calls', calls], ...flag('ordinality', plan.ordinality)] };
}

const joinTypes: { readonly [T in Extract<PhysicalPlan, { kind: 'Join' }>['type']]: string } = {
  inner: 'Inner',
  left: 'Left',
  right: 'Right',
  full: 'Full',
  semi: 'Semi',
  anti: 'Anti',
};

function physicalJoin(plan: Extract<PhysicalPlan, { kind: 'Join' }>): Description {
  const both = [...plan.left.schema, ...plan.right.schema];
  const width = plan.left.schema.length;
  const keys = plan.leftKeys.map((l, i) => {
    const operator = plan.nullSafe[i] === true ? ' IS NOT DISTINCT FROM ' : ' = ';
    return `${columnName(both, l)}${operator}${columnName(both, width + (plan.rightKeys[i] ?? 0))}`;
  });
  return {
    title: `${plan.leftKeys.length === 0 ? 'NestedLoopJoin' : 'HashJoin'}`,
    attributes: [
      ['type', joinTypes[plan.type].toLowerCase()],
      ['keys', keys],
      ...optional('residual', plan.residual, both),
      ...flag('null aware', plan.nullAware),
      ['shared', sharedArrangements(plan)],
    ],
  };
}

/** A physical node. */
export function describePhysical(plan: PhysicalPlan): Description {
  switch (plan.kind) {
    case 'Scan':
      return {
        title: `Scan on ${relationName(plan.relation)}`,
        attributes: [['columns', columnNames([...plan.schema.keys()], plan.schema)]],
      };
    case 'IndexScan': {
      const index = plan.relation.indexes.find((i) => i.id === plan.index);
      const bounds = (
        plan.lower === null
          ? []
          : [`${plan.lower.inclusive ? '>=' : '>'} ${scalarText(plan.lower.value, [])}`]
      ).concat(
        plan.upper === null
          ? []
          : [`${plan.upper.inclusive ? '<=' : '<'} ${scalarText(plan.upper.value, [])}`],
      );
      return {
        title: `IndexScan using ${index?.name ?? 'primary key'} on ${relationName(plan.relation)}`,
        attributes: [
          ['points', plan.points.filter((p) => p.length > 0).map((p) => `(${scalars(p, []).join(', ')})`)],
          ['range', bounds],
          ['columns', columnNames([...plan.schema.keys()], plan.schema)],
        ],
      };
    }
    case 'Values':
      return { title: 'Values', attributes: rowsText(plan.rows) };
    case 'Calc':
      return {
        title: 'Calc',
        attributes: [
          ...optional('filter', plan.condition, plan.input.schema),
          ['output', outputs(plan.exprs, plan.input.schema, plan.schema)],
        ],
      };
    case 'MaterializedExprs':
      return {
        title: 'MaterializedExprs',
        attributes: [['values', scalars(plan.exprs, plan.input.schema)]],
      };
    case 'Changelog':
      return { title: 'Changelog', attributes: [] };
    case 'Join':
      return physicalJoin(plan);
    case 'DeltaJoin':
      return describeDeltaJoin(plan);
    case 'TopN':
      return {
        title: plan.partition.length === 0 ? 'TopN' : 'GroupTopN',
        attributes: [
          ...windowed(plan, plan.input.schema),
          ['limit', plan.limit === null ? '' : String(plan.limit)],
          ['offset', plan.offset === 0 ? '' : String(plan.offset)],
          ...flag('with ties', plan.withTies),
          ['rank', plan.rank ?? ''],
        ],
      };
    case 'Aggregate':
      return {
        title: plan.global ? 'Aggregate' : 'HashAggregate',
        attributes: [
          ['keys', columnNames(plan.keys, plan.input.schema)],
          ['aggregates', plan.aggregates.map((a) => aggregateText(a, plan.input.schema))],
        ],
      };
    default:
      if (isTimeNode(plan)) return describeTime(plan);
      return describeCommon(plan, 'input' in plan ? plan.input.schema : []);
  }
}

/** Nodes that look the same in both forms. */
function describeCommon(
  plan: Extract<
    PhysicalPlan | LogicalPlan,
    {
      kind:
        | 'Distinct'
        | 'UnionAll'
        | 'SetOperation'
        | 'Recursive'
        | 'Window'
        | 'Hop'
        | 'TableFunction'
        | 'MaxOneRow';
    }
  >,
  input: Schema,
): Description {
  switch (plan.kind) {
    case 'Distinct':
    case 'UnionAll':
      return { title: plan.kind, attributes: [] };
    case 'SetOperation':
      return {
        title: `${plan.operator === 'intersect' ? 'Intersect' : 'Except'}${plan.all ? ' All' : ''}`,
        attributes: [],
      };
    case 'Recursive':
      return {
        title: `Recursive ${plan.name}`,
        attributes: [
          ['union', plan.all ? 'all' : 'distinct'],
          ...flag('recomputed', 'linear' in plan && !plan.linear),
        ],
      };
    case 'Window':
      return {
        title: 'Window',
        attributes: [
          ...windowed(plan, input),
          ['calls', plan.calls.map((w) => windowCallText(w, input))],
          ...flag('final rows', 'final' in plan && plan.final === true),
        ],
      };
    case 'Hop':
      return hop(plan, input);
    case 'TableFunction':
      return tableFunction(plan, input);
    case 'MaxOneRow':
      return { title: 'MaxOneRow', attributes: [['keys', columnNames(plan.keys, input)]] };
    default:
      return unreachable(plan);
  }
}

/** A logical node. */
export function describeLogical(plan: LogicalPlan): Description {
  const input = inputsOf(plan).flatMap((i) => [...i.schema]);
  switch (plan.kind) {
    case 'Scan':
      return {
        title: `Scan ${relationName(plan.relation)}`,
        attributes: [['columns', columnNames([...plan.schema.keys()], plan.schema)]],
      };
    case 'Values':
      return { title: 'Values', attributes: rowsText(plan.rows) };
    case 'Filter':
      return { title: 'Filter', attributes: [['condition', scalarText(plan.condition, input)]] };
    case 'Project':
      return { title: 'Project', attributes: [['output', outputs(plan.exprs, input, plan.schema)]] };
    case 'Join':
      return {
        title: `${joinTypes[plan.type]}Join`,
        attributes: [
          ...optional('on', plan.condition, input),
          ...flag('null aware', plan.nullAware),
          ...flag('lateral', plan.lateral),
        ],
      };
    case 'Aggregate':
      return {
        title: 'Aggregate',
        attributes: [
          ['keys', columnNames(plan.keys, input)],
          ['aggregates', plan.aggregates.map((a) => aggregateText(a, input))],
          ['sets', (plan.sets ?? []).map((s) => `(${columnNames(s, plan.schema)})`)],
        ],
      };
    case 'TopN':
      return {
        title: 'TopN',
        attributes: [
          ...windowed(plan, input),
          ...optional('limit', plan.limit, []),
          ...optional('offset', plan.offset, []),
          ...flag('with ties', plan.withTies),
          ['rank', plan.rank ?? ''],
        ],
      };
    default:
      if (isTimeNode(plan)) return describeTime(plan);
      return describeCommon(plan, input);
  }
}
