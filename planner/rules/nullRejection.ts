/** What a condition is when some columns are all NULL: the question behind turning outer joins into inner ones. */
import type { Scalar } from '../plan/scalar.ts';

/** null: surely NULL. notTrue: surely false or NULL. unknown: cannot tell. */
type Outcome = 'null' | 'notTrue' | 'unknown';

function outcome(s: Scalar, isNullColumn: (index: number) => boolean): Outcome {
  const of = (x: Scalar): Outcome => outcome(x, isNullColumn);
  switch (s.kind) {
    case 'column':
      return isNullColumn(s.index) ? 'null' : 'unknown';
    case 'literal':
      return s.value === null ? 'null' : s.value === false ? 'notTrue' : 'unknown';
    case 'call':
      return s.fn.nulls === 'strict' && s.args.some((a) => of(a) === 'null') ? 'null' : 'unknown';
    case 'cast':
    case 'not':
    case 'inSet':
    case 'field':
      return of(s.operand) === 'null' ? 'null' : 'unknown';
    case 'subscript':
    case 'slice':
      return of(s.operand) === 'null' ? 'null' : 'unknown';
    case 'quantified':
      return of(s.right) === 'null' ? 'null' : 'unknown';
    case 'and':
      return s.operands.some((x) => of(x) !== 'unknown') ? 'notTrue' : 'unknown';
    case 'or':
      return s.operands.every((x) => of(x) !== 'unknown') ? 'notTrue' : 'unknown';
    case 'isNull':
      return s.negated && of(s.operand) === 'null' ? 'notTrue' : 'unknown';
    case 'isBool':
      return !s.negated && of(s.operand) === 'null' ? 'notTrue' : 'unknown';
    case 'coalesce':
    case 'greatest':
    case 'least':
      return s.operands.every((x) => of(x) === 'null') ? 'null' : 'unknown';
    default:
      return 'unknown';
  }
}

/** True when the condition cannot be true for a row whose columns that satisfy `isNullColumn` are all NULL. */
export function rejectsNulls(condition: Scalar, isNullColumn: (index: number) => boolean): boolean {
  return outcome(condition, isNullColumn) !== 'unknown';
}
