/** Seeds that failed once, then a fixed set. More: node test/simulation/run.ts --from 1 --count 1000 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { simulate } from './simulation.ts';

const failedOnce = readdirSync(join(import.meta.dirname, 'regressions'))
  .filter((name) => /^\d+\.txt$/.test(name))
  .map((name) => Number.parseInt(name, 10))
  .sort((a, b) => a - b);

const fixed = Array.from({ length: 10 }, (_, i) => 900_001 + i);

describe('a simulated server', () => {
  it.each(failedOnce)('comes back right, as it once did not with seed %i', async (seed) => {
    expect((await simulate(seed)).operations).toBeGreaterThan(0);
  });

  it.each(fixed)('comes back right after every death, seed %i', async (seed) => {
    expect((await simulate(seed)).operations).toBeGreaterThan(0);
  });
});
