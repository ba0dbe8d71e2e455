/**
 * Simulates seeds: node test/simulation/run.ts [--from N] [--count N] [--twice] [--save]
 * With --twice each must go the same way again. Failures are printed; with --save their seeds are kept under regressions/, where the test replays them first.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { simulate } from './simulation.ts';

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '100' },
    twice: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
async function expectAgain(seed: number, fingerprint: number): Promise<void> {
  const again = await simulate(seed);
  if (again.fingerprint !== fingerprint) throw new Error(`seed ${seed} has two histories`);
}

const from = Number(values.from);
const totals = new Map<string, number>();
let failed = 0;
for (let seed = from; seed < from + Number(values.count); seed++) {
  try {
    const outcome = await simulate(seed);
    if (values.twice) await expectAgain(seed, outcome.fingerprint);
    for (const [name, value] of Object.entries(outcome)) {
      if (name !== 'seed' && name !== 'fingerprint')
        totals.set(name, (totals.get(name) ?? 0) + Number(value));
    }
  } catch (error) {
    failed++;
    process.stdout.write(`FAILED ${error instanceof Error ? error.message : String(error)}\n\n`);
    if (values.save) writeFileSync(join(import.meta.dirname, 'regressions', `${seed}.txt`), `${seed}\n`);
  }
  if ((seed - from) % 50 === 49)
    process.stdout.write(
      `-- through seed ${seed}, ${failed} failed ${JSON.stringify(Object.fromEntries(totals))}\n`,
    );
}
process.stdout.write(
  `${values.count} seeds, ${failed} failed ${JSON.stringify(Object.fromEntries(totals))}\n`,
);
process.exit(failed === 0 ? 0 : 1);
