/** Data directories that were harmed: everything is there, or XX001. More: node test/crash/harm.ts --count 1000 */
import { cpSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../harness/server.ts';
import { damage, killedDirectory, type Victim } from './damage.ts';

const SEEDS = 24;

let place = '';
let victims: readonly Victim[] = [];
beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'millrace-harm-'));
  victims = [
    await killedDirectory(join(place, 'a'), 0, 'killed'),
    await killedDirectory(join(place, 'b'), 2, 'killed'),
    await killedDirectory(join(place, 'c'), 1, 'stopped'),
  ];
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

describe('a server over a harmed directory', () => {
  it.each(Array.from({ length: SEEDS }, (_, i) => i + 1))('is right or refuses, seed %i', async (seed) => {
    const victim = victims[seed % victims.length];
    expect(victim).toBeDefined();
    if (victim !== undefined) await damage(victim, place, seed);
  });

  it('says in one line what is wrong, and ends with code 1', async () => {
    const copy = join(place, 'cut');
    cpSync(victims[2]?.directory ?? '', copy, { recursive: true });
    truncateSync(join(copy, 'state.db'), 30_000);
    const { code, stderr } = await runProgram([
      'serve',
      '--port',
      '0',
      '--http-port',
      '0',
      '--data-dir',
      copy,
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^millrace: .*(checkpoint).*backup/s);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });
});
