/**
 * Simulates seeds: node test/simulation/run.ts [--from N] [--count N] [--save]
 * Failures are printed; with --save their seeds are kept under regressions/, where the test replays them first.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { simulate } from './simulation.ts';

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '100' },
    save: { type: 'boolean', default: false },
  },
});
const from = Number(values.from);
const totals = new Map<string, number>();
let failed = 0;
for (let seed = from; seed < from + Number(values.count); seed++) {
  try {
    const outcome = await simulate(seed);
    for (const [name, value] of Object.entries(outcome)) {
      if (name !== 'seed') totals.set(name, (totals.get(name) ?? 0) + Number(value));
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
