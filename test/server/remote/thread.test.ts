/** Readers in a thread of their own: rows come over, and a thread that ends is replaced. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Database } from '../../../server/database.ts';
import { createDatabase, localSession, realEnvironment } from '../../../server/serve.ts';
import { SourceLoop } from '../../../server/sourceLoop.ts';
import { temporaryDirectory } from '../journal/support.ts';
import { rowsOf } from './support.ts';
import { remoteConnectors } from './threadConnectors.ts';

/** A database whose loop runs; `body` gets it. */
async function running(body: (database: Database) => Promise<void>): Promise<void> {
  const module = new URL('./threadConnectors.ts', import.meta.url).href;
  const database = createDatabase({
    ...realEnvironment(),
    remote: { connectors: remoteConnectors, threaded: true, module },
  });
  const loop = new SourceLoop(database, (error) => {
    throw error;
  });
  loop.start();
  try {
    await body(database);
  } finally {
    await loop.stop();
    await database.remote.close();
    database.close();
  }
}

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('the thread of readers', () => {
  it('brings rows of every kind of column', async () => {
    await running(async (database) => {
      const opened = { database, journal: null, checkpointer: null, session: localSession(database) };
      await opened.session.run(
        "CREATE SOURCE s (n int, words text, list int[]) WITH (connector = 'counting') FORMAT PLAIN ENCODE JSON",
      );
      await waitFor(async () => (await rowsOf(opened, 'SELECT count(*) FROM s'))[0] === '10');
      expect((await rowsOf(opened, 'SELECT * FROM s ORDER BY n')).slice(0, 2)).toEqual([
        '0 | ä0 | {0,NULL}',
        '1 | ä1 | {1,NULL}',
      ]);
    });
  });

  it('is replaced when it ends, and every row comes once', async () => {
    const place = temporaryDirectory('remote-thread');
    await running(async (database) => {
      const opened = { database, journal: null, checkpointer: null, session: localSession(database) };
      await opened.session.run(
        `CREATE SOURCE s (n int) WITH (connector = 'frail', marker = '${join(place.path, 'marker')}') FORMAT PLAIN ENCODE JSON`,
      );
      const state = 'SELECT failure_sqlstate FROM millrace_catalog.sources';
      await waitFor(async () => (await rowsOf(opened, state))[0] === '58030');
      await waitFor(async () => (await rowsOf(opened, 'SELECT count(*) FROM s'))[0] === '10');
      expect(await rowsOf(opened, 'SELECT n FROM s ORDER BY n')).toEqual(
        Array.from({ length: 10 }, (_, n) => String(n)),
      );
    });
    place.remove();
  });
});
