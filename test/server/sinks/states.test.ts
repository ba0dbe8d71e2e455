/** What can happen to a sink: its view is paused or replaced, its target fails, is lost or ahead, memory is full. */
import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { SinkRefusal } from '../../../connector/sink.ts';
import { MaterializeOperator } from '../../../executor/operators/materialize.ts';
import { pauseView } from '../../../server/pause.ts';
import { createDatabase, localSession } from '../../../server/serve.ts';
import { SinkDelivery } from '../../../server/sinks/delivery.ts';
import { CrashDisk } from '../../connector/fileSink/crashDisk.ts';
import { temporaryDirectory } from '../journal/support.ts';
import { World } from './support.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let world: World;

beforeEach(async () => {
  directory = temporaryDirectory('sinkstates');
  world = new World(directory.path);
  await world.open();
  await world.run('CREATE TABLE t (id int PRIMARY KEY, g int)');
  await world.run('CREATE MATERIALIZED VIEW m AS SELECT g, count(*) AS c FROM t GROUP BY g');
});

afterEach(async () => {
  await world.close();
  directory.remove();
});

async function createSink(format = 'DEBEZIUM'): Promise<void> {
  await world.run(
    `CREATE SINK s FROM m WITH (connector = 'file', path = '${directory.path}/s') FORMAT ${format} ENCODE JSON`,
  );
}

interface Change {
  readonly before: object | null;
  readonly after: object | null;
}

/** Delivers; gives `before -> after` of every change so far. */
async function delivered(): Promise<readonly string[]> {
  await world.drain('s');
  return world
    .disk('s')
    .lines()
    .map((line) => {
      const { before, after } = JSON.parse(line) as Change;
      return `${JSON.stringify(before)} -> ${JSON.stringify(after)}`;
    });
}

const paused = (): string | null => world.sink('s').runtime.paused?.reason ?? null;

describe('the view of a sink', () => {
  for (const restart of [false, true]) {
    it(`paused and resumed: the sink gets the difference${restart ? ', over a restart' : ''}`, async () => {
      await createSink();
      await world.run('INSERT INTO t VALUES (1, 1), (2, 2)');
      const view = must(world.database.catalog.find('public', 'm', []));
      await world.database.exclusive(() => {
        if (view.kind === 'materialized view') pauseView(world.database, view, new TypeError('broken'));
      });
      expect(world.sink('s').runtime.state).toBe('waiting');
      await world.run('INSERT INTO t VALUES (3, 1), (4, 3)');
      await world.run('DELETE FROM t WHERE id = 2');
      if (restart) {
        await world.checkpoint();
        await world.crash();
        expect(world.sink('s').runtime.state).toBe('waiting');
      }
      await world.run('ALTER MATERIALIZED VIEW m RESUME');
      await world.run('INSERT INTO t VALUES (5, 3)');
      if (restart) await world.crash();
      const lines = await delivered();
      expect(lines.slice(0, 2).sort()).toEqual(['null -> {"g":1,"c":1}', 'null -> {"g":2,"c":1}']);
      expect(lines.slice(2, 5).sort()).toEqual([
        'null -> {"g":3,"c":1}',
        '{"g":1,"c":1} -> {"g":1,"c":2}',
        '{"g":2,"c":1} -> null',
      ]);
      expect(lines.slice(5)).toEqual(['{"g":3,"c":1} -> {"g":3,"c":2}']);
    });
  }

  it('replaced: the sink gets the difference, with the columns that it has', async () => {
    await createSink();
    await world.run('INSERT INTO t VALUES (1, 1), (2, 2)');
    await delivered();
    await world.run(
      'CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT g, count(*) + 10 AS c, max(id) AS x FROM t WHERE g > 1 GROUP BY g',
    );
    await world.run('INSERT INTO t VALUES (3, 2)');
    await world.crash();
    await world.run('INSERT INTO t VALUES (4, 2)');
    await world.checkpoint();
    await world.crash();
    await world.run('INSERT INTO t VALUES (5, 2)');
    const lines = await delivered();
    expect(lines.slice(2, 4).sort()).toEqual(['{"g":1,"c":1} -> null', '{"g":2,"c":1} -> {"g":2,"c":11}']);
    expect(lines.slice(4)).toEqual([
      '{"g":2,"c":11} -> {"g":2,"c":12}',
      '{"g":2,"c":12} -> {"g":2,"c":13}',
      '{"g":2,"c":13} -> {"g":2,"c":14}',
    ]);
  });

  it('cannot be dropped or lose the key that the sink has', async () => {
    await createSink();
    await expect(world.run('DROP MATERIALIZED VIEW m')).rejects.toMatchObject({ state: '2BP01' });
    await expect(
      world.run('CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT g, id::bigint AS c FROM t'),
    ).rejects.toMatchObject({
      state: '2BP01',
      detail: 'Rows would no longer be told apart by its primary key.',
    });
    await world.run('DROP MATERIALIZED VIEW m CASCADE');
    expect(world.database.sinks.list()).toEqual([]);
  });

  it('renamed: the sink follows, over restarts', async () => {
    await createSink();
    await world.run('ALTER MATERIALIZED VIEW m RENAME TO m2');
    await world.run('ALTER SINK s RENAME TO s2');
    await world.run('ALTER SINK s2 RENAME TO s');
    await world.checkpoint();
    await world.crash();
    await world.run('INSERT INTO t VALUES (1, 1)');
    expect(await delivered()).toEqual(['null -> {"g":1,"c":1}']);
    expect(await world.run('SHOW CREATE SINK s')).toEqual([
      [
        'public.s',
        `CREATE SINK s FROM m2 WITH (connector = 'file', path = '${directory.path}/s') FORMAT debezium ENCODE json`,
      ],
    ]);
  });

  it('a table that has got columns: the sink has its own', async () => {
    await world.run(
      `CREATE SINK s FROM t WITH (connector = 'file', path = '${directory.path}/s') FORMAT DEBEZIUM ENCODE JSON`,
    );
    await world.run('ALTER TABLE t ADD COLUMN x int DEFAULT 5');
    await expect(world.run('ALTER TABLE t DROP COLUMN g')).rejects.toMatchObject({ state: '2BP01' });
    await expect(world.run('ALTER TABLE t RENAME COLUMN g TO h')).rejects.toMatchObject({ state: '0A000' });
    await world.run('INSERT INTO t VALUES (1, 1, 1)');
    await world.checkpoint();
    await world.crash();
    await world.run('UPDATE t SET x = 7');
    await world.run('UPDATE t SET g = 7');
    expect(await delivered()).toEqual(['null -> {"id":1,"g":1}', '{"id":1,"g":1} -> {"id":1,"g":7}']);
  });
});

describe('a view that a restart builds again', () => {
  /** The next checkpoint cannot have the operators of the view. */
  function loseOperators(name: string): void {
    const view = must(world.database.catalog.find('public', name, []));
    if (view.kind !== 'materialized view') return;
    for (const { operator } of view.nodes) {
      if (operator !== null && !(operator instanceof MaterializeOperator)) {
        Object.defineProperty(operator, 'persistent', { value: undefined });
      }
    }
  }

  it('goes on where its rows are the same', async () => {
    await createSink();
    await world.run('INSERT INTO t VALUES (1, 1), (2, 2)');
    await world.drain('s');
    await world.run('INSERT INTO t VALUES (3, 1)');
    loseOperators('m');
    await world.checkpoint();
    await world.run('INSERT INTO t VALUES (4, 1)');
    await world.crash();
    await world.run('INSERT INTO t VALUES (5, 1)');
    expect((await delivered()).slice(2)).toEqual([
      '{"g":1,"c":1} -> {"g":1,"c":2}',
      '{"g":1,"c":2} -> {"g":1,"c":3}',
      '{"g":1,"c":3} -> {"g":1,"c":4}',
    ]);
  });

  it('pauses its sinks where they are not', async () => {
    await world.run('CREATE MATERIALIZED VIEW r AS SELECT id, random() AS x FROM t');
    await world.run(
      `CREATE SINK s FROM r WITH (connector = 'file', path = '${directory.path}/s') FORMAT UPSERT ENCODE JSON`,
    );
    await world.run('INSERT INTO t VALUES (1, 1), (2, 2)');
    await world.run('DELETE FROM t WHERE id = 1');
    await world.drain('s');
    loseOperators('r');
    await world.checkpoint();
    await world.crash();
    expect(paused()).toContain('materialized view "r" was built again');
    await world.run('ALTER SINK s RESUME');
    await world.run('INSERT INTO t VALUES (3, 3)');
    await world.drain('s');
    expect(world.disk('s').lines()).toHaveLength(4);
  });
});

describe('CREATE SINK', () => {
  it('leaves nothing where it fails', async () => {
    const path = `${directory.path}/claimed`;
    await world.run('CREATE TABLE d (id int PRIMARY KEY, x int)');
    await world.run('INSERT INTO d VALUES (1, 0)');
    const sql = `CREATE SINK f FROM d WITH (connector = 'file', path = '${path}') FORMAT UPSERT ENCODE JSON`;
    const { sinks } = world.database;
    const { newRuntime } = sinks;
    sinks.newRuntime = () => {
      throw new TypeError('broken');
    };
    await expect(world.run(sql)).rejects.toThrow('broken');
    sinks.newRuntime = newRuntime;
    expect(readdirSync(path)).toEqual([]);
    expect(sinks.list()).toEqual([]);
    await world.run(sql);
    await expect(world.run(sql.replace('SINK f', 'SINK g'))).rejects.toMatchObject({ state: '55000' });
    expect(readdirSync(path)).toEqual(['.millrace-sink']);
  });
});

describe('a sink of a source', () => {
  it('gives what the source has brought and brings, over restarts', async () => {
    const files = join(directory.path, 'in');
    mkdirSync(files);
    writeFileSync(join(files, 'a.ndjson'), '{"x": 1}\n{"x": 2}\n');
    await world.run(
      `CREATE SOURCE src (x int) WITH (connector = 'posix_fs', posix_fs.root = '${files}') FORMAT PLAIN ENCODE JSON`,
    );
    await world.run('CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM src');
    await world.database.pollSources();
    await world.run(
      `CREATE SINK s FROM src WITH (connector = 'file', path = '${directory.path}/s') FORMAT PLAIN ENCODE JSON`,
    );
    await world.run('DROP MATERIALIZED VIEW n');
    appendFileSync(join(files, 'a.ndjson'), '{"x": 3}\n');
    await world.database.pollSources();
    await world.crash();
    appendFileSync(join(files, 'a.ndjson'), '{"x": 4}\n');
    await world.database.pollSources();
    await world.drain('s');
    await world.checkpoint();
    await world.crash();
    appendFileSync(join(files, 'a.ndjson'), '{"x": 5}\n');
    await world.database.pollSources();
    await world.drain('s');
    expect(world.disk('s').lines()).toEqual([1, 2, 3, 4, 5].map((x) => `{"x":${x}}`));
    await world.run('DROP SINK s');
    const source = must(world.database.catalog.find('public', 'src', []));
    expect(source.kind === 'source' ? source.source.consumers.size : -1).toBe(0);
  });
});

describe('rows that come late', () => {
  for (const format of ['UPSERT', 'PLAIN']) {
    it(`counted after all: ${format}`, async () => {
      await world.run(
        "CREATE TABLE e (at timestamp, WATERMARK FOR at AS at - INTERVAL '1 minute') APPEND ONLY",
      );
      await world.run(
        "CREATE MATERIALIZED VIEW w AS SELECT window_start AS at, count(*) AS c FROM TUMBLE(e, at, INTERVAL '1 minute') GROUP BY window_start EMIT ON WINDOW CLOSE",
      );
      await world.run(
        `CREATE SINK s FROM w WITH (connector = 'file', path = '${directory.path}/s') FORMAT ${format} ENCODE JSON`,
      );
      await world.run("INSERT INTO e VALUES ('2024-01-01 00:00:10'), ('2024-01-01 00:05:00')");
      await world.run("INSERT INTO e VALUES ('2024-01-01 00:00:20')");
      await world.drain('s');
      const first = world.disk('s').lines();
      expect(first).toHaveLength(1);
      await world.run('REPLAY LATE ROWS FROM e');
      await world.crash();
      if (format === 'UPSERT') {
        await world.drain('s');
        expect(world.disk('s').lines().at(-1)).toContain('"c":2');
        return;
      }
      expect(await world.delivery('s').step(true)).toBe('paused');
      expect(paused()).toContain('an append-only sink cannot take them back');
    });
  }
});

describe('the target of a sink', () => {
  it('that fails is tried again, and everybody else goes on', async () => {
    await createSink('UPSERT');
    const disk = world.disk('s');
    const delivery = world.delivery('s');
    disk.stopAt = 0;
    const delays: number[] = [];
    for (let i = 1; i <= 24; i++) {
      await world.run(`INSERT INTO t VALUES (${i}, ${i % 3})`);
      expect(await delivery.step(true)).toBe('failed');
      delays.push(delivery.retryDelay);
    }
    expect(delays.slice(0, 5)).toEqual([100, 200, 400, 800, 1600]);
    expect(delays.at(-1)).toBe(30_000);
    expect(world.sink('s').runtime).toMatchObject({
      state: 'retrying',
      attempts: 24,
      lastError: 'the disk has stopped',
    });
    expect(await delivery.step(true)).toBe('paused');
    expect(paused()).toBe('the disk has stopped (tried 25 times)');
    await world.checkpoint();
    await world.crash();
    expect(paused()).toBe('the disk has stopped (tried 25 times)');
    expect(await world.run('SELECT count(*) FROM t')).toEqual([[24n]]);
    disk.kill();
    expect(await world.delivery('s').step(true)).toBe('paused');
    await world.run('ALTER SINK s RESUME');
    await world.drain('s');
    expect(disk.lines()).toHaveLength(24);
    const [row] = await world.run(
      'SELECT state, backlog_rows, delivered_rows, attempts FROM millrace_catalog.sinks',
    );
    expect(row).toEqual(['running', 0n, 24n, 0]);
  });

  it('that refuses is not tried again', async () => {
    await createSink('UPSERT');
    await world.run('INSERT INTO t VALUES (1, 1)');
    const delivery = world.delivery('s');
    Object.assign(world.sink('s').runtime.shape, {
      connector: {
        ...world.sink('s').runtime.shape.connector,
        open: () => Promise.reject(new SinkRefusal('no such topic')),
      },
    });
    expect(await delivery.step(true)).toBe('paused');
    expect(paused()).toBe('no such topic');
  });

  it('that has lost what was delivered pauses the sink; RESUME goes on', async () => {
    await createSink('UPSERT');
    await world.run('INSERT INTO t VALUES (1, 1)');
    await world.drain('s');
    await world.checkpoint();
    world.disks.set('s', new CrashDisk());
    await world.crash();
    await world.run('INSERT INTO t VALUES (2, 2)');
    expect(await world.delivery('s').step(true)).toBe('paused');
    expect(paused()).toContain('the target has lost changes that were delivered');
    await world.run('ALTER SINK s RESUME');
    await world.drain('s');
    expect(world.disk('s').lines()).toEqual(['{"key":{"g":2},"value":{"g":2,"c":1}}']);
  });

  it('that is ahead of a database from a backup pauses the sink', async () => {
    await createSink('UPSERT');
    await world.run('INSERT INTO t VALUES (1, 1)');
    await world.drain('s');
    const old = must(world.disks.get('s'));
    const position = must(old.names.get('.millrace-sink'));
    position.text = position.text.replace(/"epoch":"\d+"/, '"epoch":"999"');
    await world.crash();
    expect(await world.delivery('s').step(true)).toBe('paused');
    expect(paused()).toContain('it is older than its target');
  });

  it('waits while the sink is paused, over restarts', async () => {
    await createSink('UPSERT');
    await world.run('ALTER SINK s PAUSE');
    await world.run('INSERT INTO t VALUES (1, 1)');
    for (const checkpoint of [false, true]) {
      if (checkpoint) await world.checkpoint();
      await world.crash();
      expect(await world.delivery('s').step(true)).toBe('paused');
      expect(paused()).toBe('paused by ALTER SINK');
    }
    await world.run('ALTER SINK s RESUME');
    await world.drain('s');
    expect(world.disk('s').lines()).toHaveLength(1);
  });
});

describe('a backlog without room', () => {
  it('becomes a difference, and nothing is lost', async () => {
    const database = createDatabase();
    database.sinks.limits = { memoryBytes: 2000, chunkBytes: 500 };
    const session = localSession(database);
    await session.run('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await session.run(
      `CREATE SINK s FROM t WITH (connector = 'file', path = '${directory.path}/memory') FORMAT UPSERT ENCODE JSON`,
    );
    const [sink] = database.sinks.list();
    const { runtime } = must(sink);
    for (let i = 0; i < 500; i++) await session.run(`INSERT INTO t VALUES (${i % 50}, ${i})`);
    expect(runtime.state).toBe('waiting');
    expect(runtime.reason).toContain('no data directory');
    expect(runtime.outbox.bytes).toBeLessThan(4000);
    const delivery = new SinkDelivery(database, must(sink));
    for (let i = 0; i < 5; i++) {
      while ((await delivery.step(true)) === 'delivered') {}
    }
    expect(runtime.state).toBe('running');
    await session.run('DELETE FROM t WHERE id = 7');
    while ((await delivery.step(true)) === 'delivered') {}
    const { realFileSystem } = await import('../../../connector/fileSink/fileSystem.ts');
    const path = `${directory.path}/memory`;
    const state = new Map<string, string>();
    for (const name of [...(await realFileSystem.list(path))].sort()) {
      if (!name.startsWith('part-')) continue;
      for (const line of ((await realFileSystem.read(`${path}/${name}`)) ?? '').split('\n').slice(0, -1)) {
        const { key, value } = JSON.parse(line) as { key: object; value: object | null };
        if (value === null) state.delete(JSON.stringify(key));
        else state.set(JSON.stringify(key), JSON.stringify(value));
      }
    }
    const expected = Array.from({ length: 50 }, (_, id) => `{"id":${id},"v":${450 + id}}`).filter(
      (_, id) => id !== 7,
    );
    expect([...state.values()].sort()).toEqual(expected.sort());
    database.close();
  });
});
