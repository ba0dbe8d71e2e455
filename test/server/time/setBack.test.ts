/** The clock set back: views that compare rows with it are as if it had always stood there. */
import { afterEach, describe, expect, it } from 'vitest';
import { formatValue, plainContext } from '../../../common/textIo.ts';
import { dump, type Opened, open, temporaryDirectory } from '../journal/support.ts';

const plain = plainContext(() => 0n);
const directory = temporaryDirectory('set-back');
afterEach(() => directory.remove());

async function rows({ session }: Opened, sql: string): Promise<readonly string[]> {
  const [result] = await session.run(sql);
  const columns = result?.columns ?? [];
  return (result?.rows ?? []).map((row) =>
    row
      .map((value, i) =>
        value === null ? '' : formatValue(value, columns[i]?.type ?? { id: 'text' }, plain),
      )
      .join(),
  );
}

describe('a clock that is set back', () => {
  it('gives back what had passed, and takes rows that come then, over restarts too', async () => {
    const first = await open(directory.path);
    const { session } = first;
    await session.run("SET millrace.clock = '2024-01-01 10:00:00Z'");
    await session.run('CREATE TABLE t (id int PRIMARY KEY, at timestamptz)');
    await session.run(
      "CREATE MATERIALIZED VIEW recent AS SELECT id FROM t WHERE at > now() - interval '1 hour'",
    );
    await session.run('CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM recent');
    await session.run("INSERT INTO t VALUES (1, '2024-01-01 09:30:00Z'), (2, '2024-01-01 12:00:00Z')");
    await session.run("SET millrace.clock = '2024-01-01 12:30:00Z'");
    expect(await rows(first, 'SELECT id FROM recent ORDER BY id')).toEqual(['2']);
    await session.run("SET millrace.clock = '2024-01-01 10:00:00Z'");
    expect(await rows(first, 'SELECT id FROM recent ORDER BY id')).toEqual(['1', '2']);
    await session.run("INSERT INTO t VALUES (3, '2024-01-01 09:10:00Z'), (4, '2024-01-01 08:00:00Z')");
    expect(await rows(first, 'SELECT id FROM recent ORDER BY id')).toEqual(['1', '2', '3']);
    expect(await rows(first, 'SELECT n FROM counted')).toEqual(['3']);
    await session.run("ADVANCE CLOCK TO timestamptz '2024-01-01 10:20:00Z'");
    expect(await rows(first, 'SELECT id FROM recent ORDER BY id')).toEqual(['1', '2']);
    const before = dump(first.database);
    first.database.close();
    const second = await open(directory.path);
    expect(dump(second.database)).toEqual(before);
    second.database.close();
  });
});
