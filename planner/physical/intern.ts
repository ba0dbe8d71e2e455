/**
 * Hash-consing of a physical plan: structurally equal subtrees become one object, which the executor builds one operator
 * for. Subtrees with volatile functions stay apart unless they were one object already.
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
import type { PhysicalPlan } from '../plan/physical.ts';
import { isVolatile } from '../plan/scalars.ts';
import { physicalInputs, physicalScalars, rewritePhysical } from '../plan/walk.ts';

export function intern(plan: PhysicalPlan): PhysicalPlan {
  const known = new Map<string, PhysicalPlan>();
  return rewritePhysical(plan, (node) => {
    if (callsVolatile(node) || isLongList(node)) return node;
    // Inputs are interned already, so their identity stands for their structure.
    const key = nodeKey(node);
    const same = known.get(key);
    if (same !== undefined) return same;
    known.set(key, node);
    return node;
  });
}

/** Constant rows beyond this are not compared with others. */
const MAX_ROWS = 64;

const isLongList = (plan: PhysicalPlan): boolean => plan.kind === 'Values' && plan.rows.length > MAX_ROWS;

function callsVolatile(plan: PhysicalPlan): boolean {
  if (plan.kind === 'TableFunction' && plan.calls.some((c) => c.fn.volatility === 'volatile')) return true;
  return physicalScalars(plan).some(isVolatile);
}

function nodeKey(plan: PhysicalPlan): string {
  const inputs = physicalInputs(plan).map(objectNumber).join();
  const scalars = physicalScalars(plan).map(scalarKey).join(';');
  const columns = plan.schema.map((c) => typeKey(c.type)).join();
  return `${plan.kind}(${inputs})${own(plan)}{${scalars}}${columns}`;
}

function own(plan: PhysicalPlan): string {
  switch (plan.kind) {
    case 'Scan':
      return `${plan.relation.id}:${plan.columns.join()}`;
    case 'IndexScan': {
      const bounds = [plan.lower, plan.upper].map((b) => (b === null ? '-' : String(b.inclusive))).join();
      const points = plan.points.map((p) => p.length).join();
      return `${plan.relation.id}:${plan.index}:${plan.columns.join()}:${points}:${bounds}`;
    }
    case 'Values':
      return `${plan.rows.length}`;
    case 'Calc':
      return `${plan.condition === null}`;
    case 'Join': {
      const keys = `${plan.leftKeys.join()}=${plan.rightKeys.join()}/${plan.nullSafe.join()}`;
      return `${plan.type},${keys},${plan.residual === null},${plan.nullAware}`;
    }
    case 'Aggregate':
      return `${plan.keys.join()}|${plan.aggregates.map(aggregateKey).join()}|${plan.global}`;
    case 'SetOperation':
      return `${plan.operator},${plan.all}`;
    case 'TopN': {
      const bounds = `${plan.limit},${plan.offset},${plan.withTies},${plan.rank}`;
      return `${plan.partition.join()}|${sortKeysKey(plan.order)}|${bounds}`;
    }
    case 'Window':
      return `${plan.partition.join()}|${sortKeysKey(plan.order)}|${plan.calls.map(windowCallKey).join()}`;
    case 'Hop':
      return `${plan.time},${plan.slideMicros},${plan.sizeMicros},${plan.offsetMicros},${plan.cumulate === true}`;
    case 'Session':
      return `${plan.partition.join()}|${plan.time},${plan.gapMicros}`;
    case 'AsofJoin': {
      const keys = `${plan.leftKeys.join()}=${plan.rightKeys.join()}/${plan.nullSafe.join()}`;
      return `${plan.type},${keys},${plan.leftTime}${plan.operator}${plan.rightTime}`;
    }
    case 'TemporalJoin': {
      const keys = `${plan.leftKeys.join()}=${plan.rightKeys.join()}/${plan.nullSafe.join()}`;
      return `${plan.type},${keys},${plan.residual === null}`;
    }
    case 'AwaitLookup':
      return `${plan.relation.id},${plan.leftKeys.join()}=${plan.rightKeys.join()}`;
    // Made after interning.
    case 'DeltaJoin':
    case 'TemporalFilter':
    case 'Close':
    case 'SlidingPanes':
    case 'Pace':
    case 'Expire':
    case 'Recursive':
    case 'MaterializedExprs':
      return `#${objectNumber(plan)}`;
    case 'TableFunction':
      return `${plan.calls.map((c) => `${objectNumber(c.fn)}/${c.args.length}`).join()},${plan.ordinality}`;
    case 'MaxOneRow':
      return plan.keys.join();
    case 'Distinct':
    case 'UnionAll':
    case 'Changelog':
      return '';
    default:
      return unreachable(plan);
  }
}
