/** What the conditions of a join say about times: `greater + constant >= some function of lesser` across the sides. */
import { must } from '../../common/assert.ts';
import { sameType } from '../../common/dataType.ts';
import type { Scalar } from '../plan/scalar.ts';
import { conjunctsOf, shiftColumns } from '../plan/scalars.ts';
import type { WatermarkTerm } from '../plan/watermark.ts';
import { sideOf } from '../properties.ts';
import { shiftedColumn, termOf } from './monotone.ts';
import type { Terms } from './terms.ts';

export type Side = 'left' | 'right';

export const otherSide = (side: Side): Side => (side === 'left' ? 'right' : 'left');

/** Rows of `side` whose `column` is below `term` match no later row of the other side. */
export interface ConditionBound {
  readonly side: Side;
  readonly column: number;
  readonly term: WatermarkTerm;
}

/** The greater and the lesser side of a comparison; both of `=`. */
function ordered(s: Scalar): readonly (readonly [greater: Scalar, lesser: Scalar])[] {
  if (s.kind !== 'call' || s.args.length !== 2) return [];
  const [a, b] = [must(s.args[0]), must(s.args[1])];
  if (!sameType(a.type, b.type)) return [];
  switch (s.fn.operator) {
    case '>':
    case '>=':
      return [[a, b]];
    case '<':
    case '<=':
      return [[b, a]];
    case '=':
      return [
        [a, b],
        [b, a],
      ];
    default:
      return [];
  }
}

/** Bounds that follow from a residual condition over left ++ right. */
export function conditionBounds(
  residual: Scalar | null,
  width: number,
  terms: { readonly [S in Side]: Terms },
): readonly ConditionBound[] {
  const bounds: ConditionBound[] = [];
  for (const condition of conjunctsOf(residual)) {
    for (const [greater, lesser] of ordered(condition)) {
      const side = sideOf(greater, width);
      const other = sideOf(lesser, width);
      if ((side !== 'left' && side !== 'right') || other !== otherSide(side)) continue;
      const local = (s: Scalar, of: Side): Scalar => (of === 'left' ? s : shiftColumns(s, -width));
      const shifted = shiftedColumn(local(greater, side));
      const term = termOf(local(lesser, otherSide(side)), terms[otherSide(side)]);
      if (shifted === null || term === null) continue;
      const bound = shifted.unshift(term);
      if (bound !== null) bounds.push({ side, column: shifted.column, term: bound });
    }
  }
  return bounds;
}
