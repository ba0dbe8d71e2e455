/** Chooses the join operator for a plan node; NOT IN in its general form becomes an anti join with a residual. */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import type { PhysicalJoin } from '../../planner/plan/physical.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { HashJoin } from './joinHash.ts';
import { NullAwareAntiJoin } from './joinNullAware.ts';
import { SemiJoin } from './joinSemi.ts';
import type { Operator, TickContext } from './operator.ts';

/** The operator of a join node. Port 0 is the left input. */
export function createJoin(node: PhysicalJoin, context: TickContext): Operator {
  const plain = node.nullAware ? withoutNullAwareness(node) : node;
  if (plain === null) return new NullAwareAntiJoin(node, context);
  const byKey = plain.residual === null && (plain.type === 'semi' || plain.type === 'anti');
  return byKey ? new SemiJoin(plain, context) : new HashJoin(plain, context);
}

/**
 * NOT IN keeps a left row iff the condition is false for every right row: an anti join whose match is "not false".
 * A key that is never unknown stays a key; the others become residuals `l = r OR l IS NULL OR r IS NULL`. Null: the
 * one case with an operator of its own, a single nullable key.
 */
function withoutNullAwareness(node: PhysicalJoin): PhysicalJoin | null {
  const width = node.left.schema.length;
  const leftKeys: number[] = [];
  const rightKeys: number[] = [];
  const nullSafe: boolean[] = [];
  const conditions: Scalar[] = [];
  node.leftKeys.forEach((left, k) => {
    const right = must(node.rightKeys[k]);
    const l = must(node.left.schema[left]);
    const r = must(node.right.schema[right]);
    if (node.nullSafe[k] === true || !(l.nullable || r.nullable)) {
      leftKeys.push(left);
      rightKeys.push(right);
      nullSafe.push(node.nullSafe[k] === true);
      return;
    }
    const a: Scalar = { kind: 'column', index: left, type: l.type };
    const b: Scalar = { kind: 'column', index: width + right, type: r.type };
    const unknown = (operand: Scalar): Scalar => ({
      kind: 'isNull',
      operand,
      negated: false,
      type: types.bool,
    });
    const same: Scalar = { kind: 'isDistinct', left: a, right: b, negated: true, type: types.bool };
    conditions.push({ kind: 'or', operands: [unknown(a), unknown(b), same], type: types.bool });
  });
  if (conditions.length === 1 && leftKeys.length === 0 && node.residual === null) return null;
  if (node.residual !== null) {
    conditions.push({ kind: 'isBool', operand: node.residual, test: false, negated: true, type: types.bool });
  }
  const residual: Scalar | null =
    conditions.length <= 1
      ? (conditions[0] ?? null)
      : { kind: 'and', operands: conditions, type: types.bool };
  const { clean, ...rest } = node;
  const plain = { ...rest, leftKeys, rightKeys, nullSafe, residual, nullAware: false };
  // With a residual, an unknown condition is a match: rows that no watermark bounds may still match.
  return clean === undefined || residual !== null ? plain : { ...plain, clean };
}
