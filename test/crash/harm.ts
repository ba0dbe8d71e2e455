/** Harms data directories: node test/crash/harm.ts [--from N] [--count N] */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { damage, killedDirectory } from './damage.ts';

const { values } = parseArgs({
  options: { from: { type: 'string', default: '1' }, count: { type: 'string', default: '100' } },
});
const place = mkdtempSync(join(tmpdir(), 'millrace-harm-'));
const from = Number(values.from);
const outcomes = new Map<string, number>();
let failed = 0;
try {
  const victims = [
    await killedDirectory(join(place, 'a'), 0, 'killed'),
    await killedDirectory(join(place, 'b'), 2, 'killed'),
    await killedDirectory(join(place, 'c'), 1, 'stopped'),
  ];
  for (let seed = from; seed < from + Number(values.count); seed++) {
    const victim = victims[seed % victims.length];
    if (victim === undefined) break;
    try {
      const { what, refusal } = await damage(victim, place, seed);
      const outcome = `${what.replace(/\d+ /, '')}: ${refusal === null ? 'started' : 'refused'}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      failed++;
      process.stdout.write(
        `FAILED seed ${seed}: ${error instanceof Error ? error.message : String(error)}\n`,
      );
    }
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
for (const [outcome, count] of [...outcomes].sort())
  process.stdout.write(`${String(count).padStart(5)} ${outcome}\n`);
process.stdout.write(`${values.count} directories, ${failed} neither right nor refused\n`);
