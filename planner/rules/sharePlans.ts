/**
 * Common subplans: structurally equal logical subplans become one object, so that later rules and the executor treat
 * them as one. Volatile plans are left alone.
 */
import { unreachable } from '../../common/assert.ts';
import {
  aggregateKey,
  objectNumber,
  scalarKey,
  sortKeysKey,
  typeKey,
  windowCallKey,
} from '../plan/fingerprint.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import { inputsOf, rewritePlan, scalarsOf } from '../plan/walk.ts';
import { planIsVolatile } from '../properties.ts';
import type { Rule } from './rule.ts';

export const sharePlans: Rule = {
  name: 'sharePlans',
  why: 'equal subqueries are computed and kept once',
  apply: shareEqual,
};

/** The plan with equal subplans as one object. */
export function shareEqual(plan: LogicalPlan): LogicalPlan {
  const known = new Map<string, LogicalPlan>();
  return rewritePlan(plan, (node) => {
    if (planIsVolatile(node) || isLongList(node)) return node;
    const key = nodeKey(node);
    const same = known.get(key);
    if (same !== undefined) return same;
    known.set(key, node);
    return node;
  });
}

/** Constant rows beyond this are not compared with others. */
const MAX_ROWS = 64;

const isLongList = (plan: LogicalPlan): boolean => plan.kind === 'Values' && plan.rows.length > MAX_ROWS;

/** Equal for nodes that are the same operation over the same input objects. Names and nullability follow from that. */
function nodeKey(plan: LogicalPlan): string {
  const inputs = inputsOf(plan).map(objectNumber).join();
  const scalars = scalarsOf(plan).map(scalarKey).join(';');
  const columns = plan.schema.map((c) => typeKey(c.type)).join();
  return `${plan.kind}(${inputs})${own(plan)}{${scalars}}${columns}`;
}

function own(plan: LogicalPlan): string {
  switch (plan.kind) {
    case 'Scan':
      return `${plan.relation.id}${plan.relation.changesOf === undefined ? '' : '+'}:${plan.columns.join()}`;
    case 'Values':
      return `${plan.rows.length}`;
    case 'Join':
      return `${plan.type},${plan.nullAware},${plan.lateral},${plan.condition === null}`;
    case 'Aggregate':
      return `${plan.keys.join()}|${plan.aggregates.map(aggregateKey).join()}|${plan.sets?.map((s) => s.join()).join(';')}`;
    case 'SetOperation':
      return `${plan.operator},${plan.all}`;
    case 'TopN': {
      const bounds = `${plan.limit === null},${plan.offset === null},${plan.withTies},${plan.rank}`;
      return `${plan.partition.join()}|${sortKeysKey(plan.order)}|${bounds}`;
    }
    case 'Window':
      return `${plan.partition.join()}|${sortKeysKey(plan.order)}|${plan.calls.map(windowCallKey).join()}`;
    case 'Hop':
      return `${plan.time},${plan.slideMicros},${plan.sizeMicros},${plan.offsetMicros},${plan.cumulate === true}`;
    case 'Session':
      return `${plan.partition.join()}|${plan.time},${plan.gapMicros}`;
    case 'AsofJoin': {
      const { time } = plan;
      return `${plan.type},${time.kind === 'process' ? 'process' : `${time.left}${time.operator}${time.right}`}`;
    }
    case 'TableFunction':
      return `${plan.calls.map((c) => `${objectNumber(c.fn)}/${c.args.length}`).join()},${plan.ordinality}`;
    case 'MaxOneRow':
      return plan.keys.join();
    case 'Recursive':
      return `${plan.self.id},${plan.all}`;
    case 'Filter':
    case 'Project':
    case 'Distinct':
    case 'UnionAll':
      return '';
    default:
      return unreachable(plan);
  }
}
