/** Decorrelation as a rule of the optimizer's list. */
import { decorrelate } from '../decorrelate/decorrelate.ts';
import type { Rule } from './rule.ts';

export const decorrelation: Rule = {
  name: 'decorrelation',
  why: 'subqueries and lateral joins become joins, which have incremental forms',
  apply: (plan, context) => decorrelate(plan, context.functions),
};
