/** FLUSH with flush_sinks: afterwards the files of a sink have what was committed before. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runProgram, startInProcess } from '../../harness/server.ts';
import { temporaryDirectory } from '../journal/support.ts';

it('waits for sinks that run', async () => {
  const directory = temporaryDirectory('flush');
  const path = join(directory.path, 'out');
  const server = await startInProcess();
  try {
    const done = await runProgram(
      ['sql', '--url', server.url],
      `CREATE TABLE t (id int PRIMARY KEY);
       CREATE SINK s FROM t WITH (connector = 'file', path = '${path}', rollover_seconds = 0.1) FORMAT UPSERT ENCODE JSON;
       CREATE SINK paused FROM t WITH (connector = 'blackhole');
       ALTER SINK paused PAUSE;
       SET flush_sinks = on;
       INSERT INTO t SELECT g FROM generate_series(1, 1000) g;
       FLUSH;`,
    );
    expect(done).toMatchObject({ code: 0, stderr: '' });
    const lines = readdirSync(path)
      .filter((name) => name.startsWith('part-'))
      .flatMap((name) => readFileSync(join(path, name), 'utf8').trim().split('\n'));
    expect(lines).toHaveLength(1000);
  } finally {
    await server.close();
    directory.remove();
  }
});
