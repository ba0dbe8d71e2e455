/** The types of a statement's parameters once all of it is bound. */
import { type DataType, sameType, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { scalarsOf, walkPlan, walkScalar } from '../plan/walk.ts';
import { type BindEnvironment, positionOf } from './environment.ts';
import { mapSubqueryPlan } from './rewrite.ts';

interface BoundParts {
  readonly plans: readonly LogicalPlan[];
  readonly scalars: readonly Scalar[];
}

/**
 * The type of each parameter. One that only select items name is text; 42P18 for one that no place gives a type, 42P08
 * for one that is text here and something else there.
 */
export function parametersOf(env: BindEnvironment, bound: BoundParts): readonly DataType[] {
  const { parameterTypes } = env;
  if (parameterTypes.length === 0) return [];
  visitParameters(bound, (parameter) => {
    const known = parameterTypes[parameter.index] ?? null;
    if (parameter.type.id === 'unknown') throw indeterminate(parameter.index, positionOf(parameter));
    if (known === null) parameterTypes[parameter.index] = types.text;
    else if (!sameType(known, parameter.type)) throw inconsistent(parameter, known);
  });
  return parameterTypes.map((type, index) => {
    if (type === null) throw indeterminate(index, undefined);
    return type;
  });
}

type Parameter = Scalar & { readonly kind: 'parameter' };

function visitParameters(bound: BoundParts, visit: (parameter: Parameter) => void): void {
  const inScalar = (scalar: Scalar): void => {
    walkScalar(scalar, (s) => {
      if (s.kind === 'parameter') visit(s);
      mapSubqueryPlan(s, (plan) => {
        inPlan(plan);
        return plan;
      });
    });
  };
  const inPlan = (plan: LogicalPlan): void => {
    walkPlan(plan, (node) => {
      for (const s of scalarsOf(node)) inScalar(s);
    });
  };
  for (const plan of bound.plans) inPlan(plan);
  for (const scalar of bound.scalars) inScalar(scalar);
}

function indeterminate(index: number, position: number | undefined): SqlError {
  return new SqlError('42P18', `could not determine data type of parameter $${index + 1}`, {
    ...(position === undefined ? {} : { position }),
  });
}

function inconsistent(parameter: Parameter, known: DataType): SqlError {
  const position = positionOf(parameter);
  return new SqlError('42P08', `inconsistent types deduced for parameter $${parameter.index + 1}`, {
    detail: `${formatType(known)} versus ${formatType(parameter.type)}`,
    ...(position === undefined ? {} : { position }),
  });
}
