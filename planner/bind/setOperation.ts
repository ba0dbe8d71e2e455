/** UNION, INTERSECT, EXCEPT: both sides cast to common column types. */
import { must } from '../../common/assert.ts';
import type { Column, Schema } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { SetOperation } from '../../parser/ast/query.ts';
import { distinct, pick } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import { coerceImplicit, commonType } from './coerce.ts';
import { requireEquality } from './comparable.ts';
import type { BindEnvironment } from './environment.ts';
import { type BoundNested, bindBody, type QueryContext } from './query.ts';
import { type Outputs, outputsOf } from './refit.ts';

export function bindSetOperation(op: SetOperation, context: QueryContext): BoundNested {
  const [left, right] = correspond(op, bindBody(op.left, context), bindBody(op.right, context));
  const construct = op.operator.toUpperCase();
  if (left.columns.length !== right.columns.length) {
    throw new SqlError('42601', `each ${construct} query must have the same number of columns`, {
      position: right.positions[0] ?? op.right.span.start,
    });
  }
  const leftOutputs = outputsOf(left);
  const rightOutputs = outputsOf(right);
  const schema = left.columns.map((c, i): Column => {
    const type = commonType([must(leftOutputs.scalars[i]), must(rightOutputs.scalars[i])], construct);
    if (!(op.operator === 'union' && op.all)) requireEquality(type, left.positions[i]);
    return { name: c.name, type, nullable: c.nullable || must(right.columns[i]).nullable };
  });
  const l = castColumns(left, leftOutputs, schema, context.env);
  const r = castColumns(right, rightOutputs, schema, context.env);
  return { plan: setPlan(op, l, r, schema), columns: schema, positions: left.positions, order: [] };
}

/** CORRESPONDING [BY]: the columns that both sides name, in the left side's order or that of BY. */
function correspond(
  op: SetOperation,
  left: BoundNested,
  right: BoundNested,
): readonly [BoundNested, BoundNested] {
  const { corresponding } = op;
  if (corresponding === null) return [left, right];
  const common = left.columns.map((c) => c.name).filter((n) => right.columns.some((c) => c.name === n));
  const names = corresponding.length > 0 ? corresponding.map((c) => c.name) : common;
  if (names.length === 0) {
    throw new SqlError('42601', 'CORRESPONDING requires at least one column name in common', {
      position: op.span.start,
    });
  }
  const chosen = (side: BoundNested): BoundNested => {
    const columns = names.map((name, i) => {
      const found = side.columns.findIndex((c) => c.name === name);
      if (found >= 0) return found;
      const position = corresponding[i]?.span.start ?? op.span.start;
      throw new SqlError('42703', `column "${name}" in corresponding list does not exist`, { position });
    });
    return {
      plan: pick(side.plan, columns),
      columns: columns.map((c) => must(side.columns[c])),
      positions: columns.map((c) => must(side.positions[c])),
      order: [],
    };
  };
  return [chosen(left), chosen(right)];
}

function castColumns(side: BoundNested, outputs: Outputs, schema: Schema, env: BindEnvironment): LogicalPlan {
  const exprs = outputs.scalars.map((s, i) => coerceImplicit(s, must(schema[i]).type, env));
  if (outputs.input === side.plan && exprs.every((e, i) => e === outputs.scalars[i])) return side.plan;
  return { kind: 'Project', input: outputs.input, exprs, schema };
}

function setPlan(op: SetOperation, left: LogicalPlan, right: LogicalPlan, schema: Schema): LogicalPlan {
  if (op.operator !== 'union') {
    return { kind: 'SetOperation', operator: op.operator, all: op.all, left, right, schema };
  }
  const union: LogicalPlan = { kind: 'UnionAll', inputs: [left, right], schema };
  return op.all ? union : distinct(union);
}
