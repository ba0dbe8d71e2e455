/** What EXPLAIN says of the nodes that know of time. */
import { unreachable } from '../../common/assert.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import type { Description } from './describe.ts';
import { columnName, columnNames, scalarText } from './scalarText.ts';

const kinds = [
  'Session',
  'AsofJoin',
  'TemporalJoin',
  'AwaitLookup',
  'TemporalFilter',
  'Close',
  'SlidingPanes',
  'Pace',
  'Expire',
] as const;

type TimeNode = Extract<PhysicalPlan | LogicalPlan, { readonly kind: (typeof kinds)[number] }>;

export const isTimeNode = (plan: PhysicalPlan | LogicalPlan): plan is TimeNode =>
  kinds.some((kind) => kind === plan.kind);

const seconds = (micros: bigint): string => `${Number(micros) / 1e6}s`;

export function describeTime(plan: TimeNode): Description {
  switch (plan.kind) {
    case 'Session': {
      const input = plan.input.schema;
      return {
        title: 'Session',
        attributes: [
          ['partition', columnNames(plan.partition, input)],
          ['time', columnName(input, plan.time)],
          ['gap', seconds(plan.gapMicros)],
        ],
      };
    }
    case 'AsofJoin':
      return 'time' in plan ? describeLogicalAsof(plan) : describeAsof(plan);
    case 'TemporalJoin':
      return {
        title: 'TemporalJoin',
        attributes: [
          ['type', plan.type],
          ['keys', keys(plan)],
          ['residual', plan.residual === null ? '' : scalarText(plan.residual, both(plan))],
        ],
      };
    case 'AwaitLookup':
      return {
        title: 'AwaitLookup',
        attributes: [
          ['of', plan.relation.name],
          ['keys', columnNames(plan.leftKeys, plan.left.schema)],
        ],
      };
    case 'TemporalFilter':
      return {
        title: 'TemporalFilter',
        attributes: [['filter', scalarText(plan.condition, plan.input.schema)]],
      };
    case 'Close':
      return {
        title: plan.corrections ? 'EmitOnWindowClose with corrections' : 'EmitOnWindowClose',
        attributes: [['column', columnName(plan.input.schema, plan.column)]],
      };
    case 'SlidingPanes': {
      const input = plan.input.schema;
      return {
        title: 'SlidingPanes',
        attributes: [
          ['keys', columnNames(plan.keys, input)],
          ['time', columnName(input, plan.time)],
          ['slide', seconds(plan.slideMicros)],
          ['size', seconds(plan.sizeMicros)],
          ['folds', plan.folds.map((f) => `${f.fold}(${columnName(input, f.column)})`)],
        ],
      };
    }
    case 'Pace':
      return { title: 'Pace', attributes: [[plan.mode, seconds(plan.micros)]] };
    case 'Expire': {
      const by = plan.column === null ? 'last change' : columnName(plan.input.schema, plan.column);
      return {
        title: 'Expire',
        attributes: [
          ['ttl', seconds(plan.ttlMicros)],
          ['since', by],
        ],
      };
    }
    default:
      return unreachable(plan);
  }
}

type Sides = Pick<
  Extract<PhysicalPlan, { kind: 'AsofJoin' }>,
  'left' | 'right' | 'leftKeys' | 'rightKeys' | 'nullSafe'
>;

const both = (plan: Pick<Sides, 'left' | 'right'>) => [...plan.left.schema, ...plan.right.schema];

function keys(plan: Sides): readonly string[] {
  const schema = both(plan);
  const width = plan.left.schema.length;
  return plan.leftKeys.map((l, i) => {
    const operator = plan.nullSafe[i] === true ? ' IS NOT DISTINCT FROM ' : ' = ';
    return `${columnName(schema, l)}${operator}${columnName(schema, width + (plan.rightKeys[i] ?? 0))}`;
  });
}

function describeAsof(plan: Extract<PhysicalPlan, { kind: 'AsofJoin' }>): Description {
  const schema = both(plan);
  const right = columnName(schema, plan.left.schema.length + plan.rightTime);
  return {
    title: 'AsofJoin',
    attributes: [
      ['type', plan.type],
      ['keys', keys(plan)],
      ['time', `${columnName(schema, plan.leftTime)} ${plan.operator} ${right}`],
    ],
  };
}

function describeLogicalAsof(plan: Extract<LogicalPlan, { kind: 'AsofJoin' }>): Description {
  const schema = [...plan.left.schema, ...plan.right.schema];
  const { time } = plan;
  const right = time.kind === 'asof' ? columnName(schema, plan.left.schema.length + time.right) : '';
  return {
    title: 'AsofJoin',
    attributes: [
      ['type', plan.type],
      ['on', scalarText(plan.condition, schema)],
      [
        'time',
        time.kind === 'process'
          ? 'process time'
          : `${columnName(schema, time.left)} ${time.operator} ${right}`,
      ],
    ],
  };
}
