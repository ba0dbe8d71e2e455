/**
 * Scalars with subqueries and outer references, evaluated one row at a time: those are computed first and handed to the
 * compiled rest of the expression as extra columns of the row.
 */
import { must } from '../../../common/assert.ts';
import type { EvalContext } from '../../../common/function.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { Row, Value } from '../../../common/value.ts';
import { compileScalar, type RowFunction } from '../../../executor/codegen/evaluate.ts';
import type { LogicalPlan } from '../../../planner/plan/logical.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import { isSubquery } from '../../../planner/plan/scalars.ts';
import { mapScalarChildren } from '../../../planner/plan/walk.ts';

/** A fixed moment and session. */
export const testContext: EvalContext = {
  timeZone: 'UTC',
  now: () => 1_600_000_000_000_000n,
  clock: () => 1_600_000_000_000_000n,
  random: () => 0.5,
  randomBytes: (count) => new Uint8Array(count),
  intervalStyle: 'postgres',
  byteaOutput: 'hex',
  extraFloatDigits: 1,
  session: {
    user: 'root',
    database: 'dev',
    processId: 1,
    searchPath: () => ['public'],
    setting: () => null,
    setSetting: () => {},
    catalogFunction: () => null,
  },
};

/** Runs a subquery's plan for given outer rows, nearest last. */
export type RunPlan = (plan: LogicalPlan, outers: readonly Row[]) => readonly Row[];

interface Compiled {
  readonly extras: readonly Scalar[];
  readonly run: RowFunction;
}

const EXTRA = 1000;
const compiled = new WeakMap<Scalar, Compiled>();

function compile(scalar: Scalar): Compiled {
  const known = compiled.get(scalar);
  if (known !== undefined) return known;
  const extras: Scalar[] = [];
  const replace = (s: Scalar): Scalar => {
    if (s.kind !== 'outer' && !isSubquery(s)) return mapScalarChildren(s, replace);
    extras.push(s);
    return { kind: 'column', index: EXTRA + extras.length - 1, type: s.type };
  };
  const made = { run: compileScalar(replace(scalar)), extras };
  compiled.set(scalar, made);
  return made;
}

/** The scalar's value for a row. */
export function evaluate(scalar: Scalar, row: Row, outers: readonly Row[], run: RunPlan): Value {
  const { extras, run: compiledRun } = compile(scalar);
  if (extras.length === 0) return compiledRun(testContext, row);
  const wide: Value[] = [...row];
  extras.forEach((s, i) => {
    wide[EXTRA + i] = extra(s, row, outers, run);
  });
  return compiledRun(testContext, wide);
}

function extra(s: Scalar, row: Row, outers: readonly Row[], run: RunPlan): Value {
  const rows = (plan: LogicalPlan): readonly Row[] => run(plan, [...outers, row]);
  switch (s.kind) {
    case 'outer':
      return must(outers[outers.length - s.depth])[s.index] ?? null;
    case 'scalarSubquery': {
      const found = rows(s.plan);
      if (found.length > 1) {
        throw new SqlError('21000', 'more than one row returned by a subquery used as an expression');
      }
      return found[0]?.[0] ?? null;
    }
    case 'existsSubquery':
      return rows(s.plan).length > 0 !== s.negated;
    case 'arraySubquery':
      return new SqlArray(rows(s.plan).map((r) => r[0] ?? null));
    case 'quantifiedSubquery': {
      const left = s.left.map((item) => evaluate(item, row, outers, run));
      const results = rows(s.plan).map((r) => evaluate(s.condition, [...left, ...r], outers, run));
      const decisive = s.quantifier === 'any';
      const value = results.includes(decisive) ? decisive : results.includes(null) ? null : !decisive;
      return value === null ? null : value !== s.negated;
    }
    default:
      throw new Error(`unexpected ${s.kind}`);
  }
}
