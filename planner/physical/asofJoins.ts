/**
 * Physical joins as of a time. Equalities between the sides become keys, computed in a Calc below where they are not
 * columns, as for other joins. What else a process-time join asks for is its residual; an as-of join has no more.
 */
import { must } from '../../common/assert.ts';
import { unsupported } from '../../common/sqlError.ts';
import { joinSchema } from '../plan/construct.ts';
import type { LogicalAsofJoin } from '../plan/logical.ts';
import type { PhysicalPlan, PhysicalProperties } from '../plan/physical.ts';
import { andOrNull, conjunctsOf, renumber } from '../plan/scalars.ts';
import { keyColumns, keyOf } from './joins.ts';
import { awaitLookup, lookedUp } from './lookups.ts';
import { pickCalc } from './nodes.ts';

/** The physical form of a join as of a time. */
export function physicalAsofJoin(
  plan: LogicalAsofJoin,
  leftInput: PhysicalPlan,
  rightInput: PhysicalPlan,
  common: Omit<PhysicalProperties, 'appendOnly'>,
): PhysicalPlan {
  const width = leftInput.schema.length;
  const conjuncts = conjunctsOf(plan.condition).map((condition) => ({
    condition,
    key: keyOf(condition, width),
  }));
  const keys = conjuncts.flatMap((c) => (c.key === null ? [] : [c.key]));
  const residual = conjuncts.filter((c) => c.key === null).map((c) => c.condition);
  const waits = plan.time.kind === 'process' && lookedUp(rightInput) !== null;
  const waiting = waits ? awaitLookup(leftInput, rightInput, keys) : leftInput;
  const left = keyColumns(
    waiting,
    keys.map((k) => k.left),
  );
  const right = keyColumns(
    rightInput,
    keys.map((k) => k.right),
  );
  const shift = left.plan.schema.length - width;
  const rightOwn = [...rightInput.schema.keys()].map((i) => left.plan.schema.length + i);
  const own = [...leftInput.schema.keys(), ...rightOwn];
  const wide = left.plan.schema.length !== width || right.plan !== rightInput;
  const shared = {
    type: plan.type,
    left: left.plan,
    right: right.plan,
    leftKeys: left.columns,
    rightKeys: right.columns,
    nullSafe: keys.map((k) => k.nullSafe),
    schema: wide ? joinSchema(plan.type, left.plan.schema, right.plan.schema) : plan.schema,
    key: common.key?.map((c) => must(own[c])) ?? null,
    estimatedRows: common.estimatedRows,
  };
  const node = timed(
    plan,
    shared,
    andOrNull(residual.map((s) => renumber(s, (i) => (i < width ? i : i + shift)))),
  );
  return wide ? pickCalc(node, own, plan.schema, common.key) : node;
}

type Shared = Omit<Extract<PhysicalPlan, { kind: 'TemporalJoin' }>, 'kind' | 'residual' | 'appendOnly'>;

function timed(
  { time }: LogicalAsofJoin,
  shared: Shared,
  residual: Extract<PhysicalPlan, { kind: 'TemporalJoin' }>['residual'],
): PhysicalPlan {
  if (time.kind === 'process') {
    return { kind: 'TemporalJoin', ...shared, residual, appendOnly: shared.left.appendOnly };
  }
  if (residual !== null || shared.leftKeys.length === 0) {
    throw unsupported('ASOF JOIN with a condition that is no equality of columns');
  }
  const { left: leftTime, right: rightTime, operator } = time;
  return { kind: 'AsofJoin', ...shared, leftTime, rightTime, operator, appendOnly: false };
}
