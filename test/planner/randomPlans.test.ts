/** Random plans: the same rows before and after every rule, decorrelation and physical planning. */
import { describe, it } from 'vitest';
import { expectSame } from './equivalence.ts';
import { RandomPlans } from './randomPlan.ts';

const PLANS = 150;
const first = Number(process.env.FIRST_SEED ?? 1);
const count = Number(process.env.SEEDS ?? PLANS);

describe('random plans', () => {
  for (let from = first; from < first + count; from += 25) {
    it(`seeds ${from} to ${Math.min(from + 25, first + count) - 1}`, () => {
      for (let seed = from; seed < Math.min(from + 25, first + count); seed++) {
        const plan = new RandomPlans(seed).plan(4);
        try {
          expectSame(plan, seed % 2 === 0 ? 'maintained' : 'adhoc', 6);
        } catch (error) {
          throw error instanceof Error
            ? new Error(`seed ${seed}: ${error.message}`, { cause: error })
            : error;
        }
      }
    });
  }
});
