/**
 * Physical joins: equality conditions between the sides become hash keys, the rest is the residual condition.
 *
 * A key that is not a column is computed in a Calc below its side and projected away above the join. Keys must have equal
 * physical types: integers of different widths are widened, blank-padded text loses its padding (which `=` ignores).
 * A NOT IN join keeps the null-aware form only where it is one equality (plus conditions that are never unknown);
 * else it becomes an anti join whose residual is `condition IS NOT FALSE`.
 */
import { must } from '../../common/assert.ts';
import { type DataType, sameType, types } from '../../common/dataType.ts';
import { joinSchema } from '../plan/construct.ts';
import type { LogicalJoin } from '../plan/logical.ts';
import type { PhysicalJoin, PhysicalPlan } from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import {
  and,
  andOrNull,
  conjunctsOf,
  isNullable,
  isVolatile,
  renumber,
  shiftColumns,
} from '../plan/scalars.ts';
import { sideOf } from '../properties.ts';
import { extendCalc, pickCalc } from './nodes.ts';

export interface JoinKey {
  /** Over the left input and over the right input. */
  readonly left: Scalar;
  readonly right: Scalar;
  readonly nullSafe: boolean;
}

interface Split {
  readonly keys: readonly JoinKey[];
  readonly residual: readonly Scalar[];
  readonly nullAware: boolean;
}

const integerWidth: { readonly [id: string]: number } = { int2: 2, int4: 4, int8: 8 };
const plainText: ReadonlySet<string> = new Set(['text', 'varchar', 'name']);

function cast(operand: Scalar, type: DataType): Scalar {
  return { kind: 'cast', operand, type, explicit: false, try: false };
}

/** Both sides with one physical type under which hashing agrees with `=`; null where there is none. */
function unified(left: Scalar, right: Scalar): readonly [Scalar, Scalar] | null {
  const a = left.type;
  const b = right.type;
  if (a.id === 'bpchar' && b.id === 'bpchar') return [cast(left, types.text), cast(right, types.text)];
  if (sameType(a, b) || (plainText.has(a.id) && plainText.has(b.id))) return [left, right];
  const leftWidth = integerWidth[a.id];
  const rightWidth = integerWidth[b.id];
  if (leftWidth === undefined || rightWidth === undefined) return null;
  return leftWidth < rightWidth ? [cast(left, b), right] : [left, cast(right, a)];
}

/** The condition as a key between the sides, or null. */
export function keyOf(condition: Scalar, width: number): JoinKey | null {
  let sides: readonly [Scalar, Scalar] | null = null;
  if (condition.kind === 'isDistinct' && condition.negated) sides = [condition.left, condition.right];
  if (condition.kind === 'call' && condition.fn.operator === '=' && condition.args.length === 2) {
    sides = [must(condition.args[0]), must(condition.args[1])];
  }
  if (sides === null || sides.some(isVolatile)) return null;
  const [a, b] = sideOf(sides[0], width) === 'right' ? [sides[1], sides[0]] : sides;
  if (sideOf(a, width) !== 'left' || sideOf(b, width) !== 'right') return null;
  const pair = unified(a, shiftColumns(b, -width));
  return pair === null ? null : { left: pair[0], right: pair[1], nullSafe: condition.kind === 'isDistinct' };
}

function split(plan: LogicalJoin): Split {
  const width = plan.left.schema.length;
  const schema = [...plan.left.schema, ...plan.right.schema];
  const conjuncts = conjunctsOf(plan.condition).map((condition) => ({
    condition,
    key: keyOf(condition, width),
    nullable: isNullable(condition, schema),
  }));
  const keys = conjuncts.flatMap((c) => (c.key === null ? [] : [c.key]));
  const residual = conjuncts.filter((c) => c.key === null).map((c) => c.condition);
  const unknown = conjuncts.filter((c) => c.nullable);
  if (!plan.nullAware || unknown.length === 0) return { keys, residual, nullAware: false };
  // One equality that may be unknown, everything else a null-safe key: what the operator's null-aware form means.
  if (unknown.length === 1 && residual.length === 0) return { keys, residual, nullAware: true };
  const known = conjuncts.filter((c) => !c.nullable);
  const maybe: Scalar = {
    kind: 'isBool',
    operand: and(unknown.map((c) => c.condition)),
    test: false,
    negated: true,
    type: types.bool,
  };
  const rest = known.filter((c) => c.key === null).map((c) => c.condition);
  return {
    keys: known.flatMap((c) => (c.key === null ? [] : [c.key])),
    residual: [...rest, maybe],
    nullAware: false,
  };
}

/** Key columns of one side: existing columns, or appended ones. */
export function keyColumns(
  input: PhysicalPlan,
  keys: readonly Scalar[],
): { plan: PhysicalPlan; columns: readonly number[] } {
  const computed = keys.filter((s) => s.kind !== 'column');
  const columns = keys.map((s) =>
    s.kind === 'column' ? s.index : input.schema.length + computed.indexOf(s),
  );
  return { plan: extendCalc(input, computed), columns };
}

/** The physical form of a logical join over its physical inputs. */
export function physicalJoin(
  plan: LogicalJoin,
  leftInput: PhysicalPlan,
  rightInput: PhysicalPlan,
  output: { readonly key: readonly number[] | null; readonly estimatedRows: number },
): PhysicalPlan {
  const { keys, residual, nullAware } = split(plan);
  const left = keyColumns(
    leftInput,
    keys.map((k) => k.left),
  );
  const right = keyColumns(
    rightInput,
    keys.map((k) => k.right),
  );
  const leftWidth = leftInput.schema.length;
  const shift = left.plan.schema.length - leftWidth;
  const moved = residual.map((s) => renumber(s, (i) => (i < leftWidth ? i : i + shift)));
  const leftOnly = plan.type === 'semi' || plan.type === 'anti';
  const rightOwn = leftOnly ? [] : [...rightInput.schema.keys()].map((i) => left.plan.schema.length + i);
  const own = [...leftInput.schema.keys(), ...rightOwn];
  const wide = left.plan !== leftInput || (!leftOnly && right.plan !== rightInput);
  const node: PhysicalJoin = {
    kind: 'Join',
    type: plan.type,
    left: left.plan,
    right: right.plan,
    leftKeys: left.columns,
    rightKeys: right.columns,
    nullSafe: keys.map((k) => k.nullSafe),
    residual: andOrNull(moved),
    nullAware,
    schema: wide ? joinSchema(plan.type, left.plan.schema, right.plan.schema) : plan.schema,
    appendOnly:
      (plan.type === 'inner' || plan.type === 'semi') && left.plan.appendOnly && right.plan.appendOnly,
    key: output.key?.map((c) => must(own[c])) ?? null,
    estimatedRows: output.estimatedRows,
  };
  return wide ? pickCalc(node, own, plan.schema, output.key) : node;
}
