/** The password of a followed PostgreSQL as a secret: over its change and a restart. */
import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { cdcRuntime } from '../../../server/cdc/tables.ts';
import { startInProcess } from '../../harness/server.ts';
import { connectTo, sourceOptions, startUpstream, until } from '../cdc/support.ts';
import { temporaryDirectory } from '../journal/support.ts';

it('is told to PostgreSQL, and shown nowhere', async () => {
  const upstream = await startUpstream();
  if (upstream === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
    return;
  }
  const directory = temporaryDirectory('cdcsecret');
  let server = await startInProcess(directory.path);
  let here = await connectTo(server.url);
  const there = await connectTo(await upstream.createDatabase('shop'));
  await there.rows('CREATE TABLE items (id int PRIMARY KEY, n int); INSERT INTO items VALUES (1, 10)');
  await here.rows("CREATE SECRET pw AS 'one'");
  const options = sourceOptions(upstream, 'shop').replace(/, password = '[^']*'/, '');
  await here.rows(`CREATE SOURCE shop WITH (${options}, password = SECRET pw)`);
  await here.rows("CREATE TABLE items (*) FROM shop TABLE 'public.items'");
  const arrived = (sum: string): Promise<unknown> =>
    until(
      () => here.value('SELECT sum(n) FROM items'),
      (now) => now === sum,
    );
  const password = (): string | null => {
    const object = must(server.database.catalog.find('public', 'shop', []));
    return must(cdcRuntime(object)).options.password;
  };
  await arrived('10');
  expect(password()).toBe('one');
  await here.rows("ALTER SECRET pw AS 'two'");
  expect(password()).toBe('two');
  await there.rows('INSERT INTO items VALUES (2, 20)');
  await arrived('30');
  expect((await here.rows('SHOW CREATE SOURCE shop'))[0]?.[1]).toContain('password = SECRET pw');
  await here.end();
  await server.close();
  server = await startInProcess(directory.path);
  here = await connectTo(server.url);
  expect(password()).toBe('two');
  await there.rows('INSERT INTO items VALUES (3, 30)');
  await arrived('60');
  expect(await here.state('DROP SECRET pw')).toBe('2BP01');
  await here.end();
  await there.end();
  await server.close();
  upstream.close();
  rmSync(directory.path, { recursive: true, force: true });
}, 120_000);
