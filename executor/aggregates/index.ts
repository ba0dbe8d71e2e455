/** All aggregates and window functions. A new family is one line. */
import type { AggregateFunction, WindowFunction } from '../../common/function.ts';
import { collectingAggregates } from './collecting.ts';
import { countingAggregates } from './counting.ts';
import { extremeAggregates } from './extremes.ts';
import { orderedSetAggregates } from './orderedSet.ts';
import { statisticAggregates } from './statistics.ts';
import { sumAggregates } from './sums.ts';
import { windowFunctions } from './window.ts';

export const aggregateFamilies: readonly (readonly (AggregateFunction | WindowFunction)[])[] = [
  countingAggregates,
  sumAggregates,
  extremeAggregates,
  collectingAggregates,
  orderedSetAggregates,
  statisticAggregates,
  windowFunctions,
];
