/** `millrace backup verify`, `millrace restore`, `millrace serve --from-backup` as programs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram, startInProcess, startProgram } from '../harness/server.ts';
import { Connection } from '../server/clients.ts';
import { temporaryDirectory } from '../server/journal/support.ts';

let directory: { readonly path: string; remove(): void };
const at = (name: string): string => join(directory.path, name);

beforeEach(() => {
  directory = temporaryDirectory('backup-cli');
});

afterEach(() => directory.remove());

async function run(url: string, ...statements: readonly string[]): Promise<readonly string[]> {
  const connection = new Connection(url);
  await connection.client.connect();
  const tags: string[] = [];
  for (const sql of statements) tags.push(...(await connection.tags(sql)));
  await connection.end();
  return tags;
}

describe('backups by the command line', () => {
  it('are checked, restored, gone back to', async () => {
    const first = await startInProcess(at('a'));
    await run(
      first.url,
      'CREATE TABLE t (id int)',
      'INSERT INTO t VALUES (1), (2)',
      `BACKUP TO '${at('b.db')}'`,
      'BACKUP AS two',
      'DELETE FROM t',
    );
    await first.close();

    const verified = await runProgram(['backup', 'verify', at('b.db')]);
    expect([verified.code, verified.stderr]).toEqual([0, '']);
    expect(verified.stdout).toMatch(
      /b\.db: checkpoint 1 of \d{4}-\d\d-\d\dT[\d:.]+Z, version \d+, 1 objects, [\d.]+ MB in \d+ blocks\nnothing is damaged\n$/,
    );
    const restored = await runProgram(['restore', at('b.db'), '--data-dir', at('c')]);
    expect([restored.code, restored.stderr]).toEqual([0, '']);
    expect(restored.stdout).toContain(`restored into ${at('c')}\n`);
    writeFileSync(at('b.db'), 'nonsense'.repeat(1000));
    const damaged = await runProgram(['backup', 'verify', at('b.db')]);
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toMatch(/^millrace: ".*b\.db" is not a backup, or is damaged\. .*\n$/);

    const served = await startProgram([
      '--data-dir',
      at('a'),
      '--from-backup',
      'two',
      '--checkpoint-interval',
      'off',
    ]);
    expect(await run(served.url, 'SELECT * FROM t')).toEqual(['SELECT 2']);
    expect(served.program.stderr).toMatch(
      /^the state until now is kept as backup "before_two_\d+T\d+"\nstarting from backup "two"\n$/,
    );
    await served.close();
  });
});
