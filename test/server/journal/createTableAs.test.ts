/** CREATE TABLE AS and crashes: the table is there with all its rows, or not at all. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  afterCrash,
  diskFull,
  dump,
  type Opened,
  open,
  stateOf,
  TestStore,
  temporaryDirectory,
} from './support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let store: TestStore;
let server: Opened;

const STATEMENT = "CREATE TABLE copy WITH (ttl = '1 day') AS SELECT id, n * 2 AS n FROM t";

beforeEach(async () => {
  place = temporaryDirectory('ctas');
  server = await open(`${place.path}/data`, {
    store: (directory) => {
      store = new TestStore(directory);
      return store;
    },
  });
  await server.session.run('CREATE TABLE t (id int PRIMARY KEY, n int)');
  await server.session.run('INSERT INTO t SELECT i, i FROM generate_series(1, 500) AS i');
});

afterEach(() => {
  server.database.close();
  place.remove();
});

describe('CREATE TABLE AS', () => {
  it('comes back from a crash at any write with all its rows, or not at all', async () => {
    const left: string[] = [];
    store.onWrite = (when, count) => {
      left.push(afterCrash(`${place.path}/data`, `${when}-${count}`));
    };
    await server.session.run(STATEMENT);
    store.onWrite = () => {};
    left.push(afterCrash(`${place.path}/data`, 'end'));
    const found: (number | null)[] = [];
    for (const directory of left) {
      const again = await open(directory);
      const table = again.database.catalog.find('public', 'copy', []);
      found.push(table?.kind === 'table' ? table.store.rowCount() : null);
      again.database.close();
    }
    expect(found[0]).toBe(null);
    expect(found.at(-1)).toBe(500);
    expect(found.filter((count) => count !== null && count !== 500)).toEqual([]);
    const again = await open(left.at(-1) ?? '');
    expect(dump(again.database)).toEqual(dump(server.database));
    again.database.close();
  });

  it('leaves nothing where the disk is full, and can be tried again', async () => {
    store.onWrite = () => {
      throw diskFull();
    };
    expect(await stateOf(server.session.run(STATEMENT))).toBe('53100');
    expect(server.database.catalog.find('public', 'copy', [])).toBe(null);
    store.onWrite = () => {};
    await server.session.run(STATEMENT);
    await server.session.run('INSERT INTO copy VALUES (0, 0)');
    const again = await open(afterCrash(`${place.path}/data`, 'full'));
    expect(dump(again.database)).toEqual(dump(server.database));
    again.database.close();
  });

  it('brings nothing where the query gives nothing', async () => {
    await server.session.run('CREATE TABLE no_rows AS SELECT * FROM t WHERE id < 0');
    await server.session.run('CREATE TABLE no_data AS SELECT * FROM t WHERE id < 3 WITH NO DATA');
    const again = await open(afterCrash(`${place.path}/data`, 'none'));
    expect(dump(again.database)).toEqual(dump(server.database));
    again.database.close();
  });
});
