/** What holds of every sink connector, whatever its target: errors, restarts of either side, backlog, exactly once. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { must } from '../../common/assert.ts';
import type { OptionSpec } from '../../connector/connector.ts';
import type { SinkConnector, SinkTransaction, SinkWriter } from '../../connector/sink.ts';
import { sinkConnectors } from '../../connector/sinks.ts';
import { SinkDelivery } from '../../server/sinks/delivery.ts';
import { temporaryDirectory } from '../server/journal/support.ts';
import { World } from '../server/sinks/support.ts';
import type { Options, SinkFixture, SinkTarget } from './sinkFixtures.ts';

/** The connector with a part of its transactions' work replaced. */
function altered(
  connector: SinkConnector,
  alter: (transaction: SinkTransaction) => SinkTransaction,
): SinkConnector {
  return {
    ...connector,
    async open(config): Promise<SinkWriter> {
      const writer = await connector.open(config);
      return {
        recover: () => writer.recover(),
        begin: async (first) => alter(await writer.begin(first)),
        close: () => writer.close(),
      };
    },
  };
}

const withOptions = (options: Options): string =>
  Object.entries(options)
    .map(([name, value]) => `${name} = '${value}'`)
    .join(', ');

const wrongValues: Readonly<Record<OptionSpec['type'], string | null>> = {
  integer: 'many',
  float: 'long',
  boolean: 'perhaps',
  list: null,
  string: null,
};

class Suite {
  readonly fixture: SinkFixture;
  readonly connector: SinkConnector;
  target: SinkTarget | null = null;
  world: World | null = null;
  #sinks = 0;
  #deliveries = new Map<string, SinkDelivery>();

  constructor(fixture: SinkFixture) {
    this.fixture = fixture;
    this.connector = must(sinkConnectors.find((c) => c.name === fixture.connector));
  }

  get place(): SinkTarget {
    return must(this.target);
  }

  run(sql: string): Promise<readonly (readonly unknown[])[]> {
    return must(this.world).run(sql);
  }

  newName(): string {
    return `s${++this.#sinks}`;
  }

  /** The statement, with some options instead of, or (null) without, its own. */
  statement(name: string, others: Readonly<Record<string, string | null>> = {}): string {
    const options = Object.entries({ ...this.place.options(name), ...others }).flatMap(([key, value]) =>
      value === null ? [] : [[key, value] as const],
    );
    const all = withOptions({ connector: this.fixture.connector, ...Object.fromEntries(options) });
    return `CREATE SINK ${name} FROM t WITH (${all}) ${this.place.clause}`;
  }

  delivery(name: string): SinkDelivery {
    const known = this.#deliveries.get(name);
    if (known !== undefined) return known;
    const { database } = must(this.world);
    const delivery = new SinkDelivery(database, must(this.world).sink(name), { open: 20_000, step: 20_000 });
    this.#deliveries.set(name, delivery);
    return delivery;
  }

  async drain(name: string): Promise<void> {
    for (;;) {
      const result = await this.delivery(name).step(true);
      if (result === 'idle') return;
      if (result !== 'delivered') {
        const { lastError, reason } = this.delivery(name).sink.runtime;
        throw new Error(`${result}: ${lastError} ${reason}`);
      }
    }
  }

  /** The target has what the table has. */
  async check(name: string): Promise<void> {
    await this.drain(name);
    const state = await this.place.state(name);
    if (state === null) return;
    const rows = await this.run('SELECT id, v FROM t ORDER BY id');
    expect([...state].sort((a, b) => a[0] - b[0])).toEqual(rows);
  }

  async change(): Promise<void> {
    await this.run('INSERT INTO t VALUES (1, 10), (2, 20), (3, 30)');
    await this.run('UPDATE t SET v = 21 WHERE id = 2');
    await this.run('DELETE FROM t WHERE id = 3');
  }

  async closeDeliveries(): Promise<void> {
    for (const delivery of this.#deliveries.values()) await delivery.close();
    this.#deliveries = new Map();
  }

  async crash(): Promise<void> {
    await this.closeDeliveries();
    await must(this.world).crash();
  }

  /** Its writer does something else from the next one on. */
  alter(name: string, connector: SinkConnector): void {
    const { runtime } = must(this.world).sink(name);
    runtime.shape = { ...runtime.shape, connector };
  }
}

function refusals(suite: Suite): void {
  const refused = (sql: string, state: string): Promise<void> =>
    expect(suite.run(sql)).rejects.toMatchObject({ state });

  it('refuses unknown options, missing ones and those of a wrong type', async () => {
    await refused(suite.statement('s', { 'no.such.option': '1' }), '22023');
    for (const { name, required, type } of suite.connector.options) {
      if (required === true) await refused(suite.statement('s', { [name]: null }), '22023');
      const wrong = wrongValues[type];
      if (wrong !== null) await refused(suite.statement('s', { [name]: wrong }), '22023');
    }
    expect(await suite.run('SELECT name FROM millrace_catalog.sinks')).toEqual([]);
  });

  it('refuses a target that cannot be reached, and a wrong password', async () => {
    const { unreachable, unreachableState = '08001', wrongPassword } = suite.place;
    const name = suite.newName();
    if (unreachable !== null) await refused(suite.statement(name, unreachable), unreachableState);
    if (wrongPassword !== null) await refused(suite.statement(name, wrongPassword), '28P01');
    expect(await suite.run('SELECT name FROM millrace_catalog.sinks')).toEqual([]);
    await suite.run(suite.statement(name));
    await suite.check(name);
  });
}

function restarts(suite: Suite): void {
  it('delivers what is there and what changes, also after a pause', async () => {
    const name = suite.newName();
    await suite.run('INSERT INTO t VALUES (7, 70)');
    await suite.run(suite.statement(name));
    await suite.change();
    await suite.check(name);
    await suite.run(`ALTER SINK ${name} PAUSE`);
    await suite.run('UPDATE t SET v = v + 1');
    expect(await suite.delivery(name).step(true)).toBe('paused');
    await suite.run(`ALTER SINK ${name} RESUME`);
    await suite.check(name);
  });

  it('goes on after a restart of the server', async () => {
    const name = suite.newName();
    await suite.run(suite.statement(name));
    await suite.change();
    await suite.check(name);
    await suite.run('INSERT INTO t VALUES (4, 40)');
    await must(suite.world).checkpoint();
    await suite.run('DELETE FROM t WHERE id = 1');
    await suite.crash();
    await suite.run('INSERT INTO t VALUES (5, 50)');
    await suite.check(name);
  });

  it('goes on after a restart of the target', async () => {
    const name = suite.newName();
    await suite.run(suite.statement(name));
    await suite.change();
    await suite.check(name);
    const { outage } = suite.place;
    if (outage === null) return;
    await outage.stop();
    await suite.run('INSERT INTO t VALUES (4, 40)');
    const down = await suite.delivery(name).step(true);
    await outage.start();
    expect(['failed', 'delivered']).toContain(down);
    for (let i = 0; i < 3 && (await suite.delivery(name).step(true)) === 'failed'; i++) {}
    await suite.check(name);
  });

  it.each(['before', 'after'])('has everything once when all stops right %s the commit', async (when) => {
    const name = suite.newName();
    await suite.run(suite.statement(name));
    await suite.drain(name);
    await suite.closeDeliveries();
    const stopped = altered(suite.connector, (transaction) => ({
      write: (batch) => transaction.write(batch),
      prepare: (last) => transaction.prepare(last),
      abort: () => Promise.resolve(),
      async commit() {
        if (when === 'after') await transaction.commit();
        throw new Error('stopped');
      },
    }));
    suite.alter(name, stopped);
    await suite.change();
    expect(await suite.delivery(name).step(true)).toBe('failed');
    await suite.crash();
    await suite.run('INSERT INTO t VALUES (4, 40)');
    await suite.check(name);
    await suite.crash();
    await suite.check(name);
  });
}

function backlogs(suite: Suite): void {
  it('spills what waits, and delivers it', async () => {
    const name = suite.newName();
    must(suite.world).database.sinks.limits = { memoryBytes: 20_000, chunkBytes: 5_000 };
    await suite.run(suite.statement(name));
    for (let i = 0; i < 4; i++) {
      await suite.run(`INSERT INTO t SELECT g, ${i} FROM generate_series(1, 500) g`);
    }
    const { outbox } = must(suite.world).sink(name).runtime;
    expect(outbox.spilledBytes).toBeGreaterThan(0);
    await suite.check(name);
    expect(outbox.isEmpty).toBe(true);
  });

  it('holds up nobody while its target hangs', async () => {
    const [slow, quick] = [suite.newName(), suite.newName()];
    await suite.run(suite.statement(slow));
    await suite.run(suite.statement(quick));
    const never = new Promise<never>(() => {});
    const hanging = altered(suite.connector, (transaction) => ({ ...transaction, write: () => never }));
    suite.alter(slow, { ...hanging });
    const { database } = must(suite.world);
    const waiting = new SinkDelivery(database, must(suite.world).sink(slow), { open: 20_000, step: 300 });
    await suite.change();
    const outcome = waiting.step(true);
    await suite.run('INSERT INTO t VALUES (9, 90)');
    await suite.check(quick);
    expect(await outcome).toBe('failed');
    expect(must(suite.world).sink(slow).runtime.lastError).toContain('has not answered');
    await suite.run(`DROP SINK ${slow}`);
    await waiting.close();
  });
}

const LIMITS = { memoryBytes: 20_000, chunkBytes: 5_000 };

/** Files of backlogs that lie on disk. */
function spilled(suite: Suite): readonly string[] {
  return readdirSync(must(suite.world).path, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /spill\/sink-/.test(name),
  );
}

/** A target that refuses for long, while more and more waits for it. */
function longRefusals(suite: Suite): void {
  const refusing = altered(suite.connector, (transaction) => ({
    ...transaction,
    write: () => Promise.reject(new Error('refused')),
    abort: () => transaction.abort(),
  }));

  /** Rounds of changes, each of which the sink fails to deliver. */
  async function grow(name: string, rounds: number): Promise<void> {
    const { outbox } = must(suite.world).sink(name).runtime;
    for (let round = 0; round < rounds; round++) {
      const before = outbox.rows;
      await suite.run(`INSERT INTO t SELECT g, ${round} FROM generate_series(1, 500) g`);
      expect(await suite.delivery(name).step(true)).toBe('failed');
      expect(outbox.rows).toBe(before + 500);
      expect(outbox.bytes - outbox.spilledBytes).toBeLessThanOrEqual(LIMITS.memoryBytes + LIMITS.chunkBytes);
      expect(await suite.run('SELECT n, s FROM v')).toEqual([[500n, BigInt(round * 500)]]);
    }
    expect(spilled(suite).length).toBeGreaterThan(0);
  }

  const makeView = () => suite.run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, sum(v) AS s FROM t');

  it('keeps a backlog that grows on disk, and holds up nobody', async () => {
    const [slow, quick] = [suite.newName(), suite.newName()];
    must(suite.world).database.sinks.limits = LIMITS;
    await makeView();
    await suite.run(suite.statement(slow));
    await suite.run(suite.statement(quick));
    suite.alter(slow, refusing);
    await grow(slow, 12);
    await suite.check(quick);
    await must(suite.world).checkpoint();
    await grow(slow, 6);
    // What a restart makes again is on disk too, and a target that takes it again gets it.
    must(suite.world).prepare = ({ sinks }) => {
      sinks.limits = LIMITS;
    };
    await suite.crash();
    const { outbox } = must(suite.world).sink(slow).runtime;
    expect(outbox.bytes - outbox.spilledBytes).toBeLessThanOrEqual(LIMITS.memoryBytes + LIMITS.chunkBytes);
    await suite.check(slow);
    await suite.check(quick);
    expect(outbox.isEmpty).toBe(true);
    const data = must(suite.world).directory;
    expect(spilled(suite).filter((name) => join(must(suite.world).path, name).startsWith(data))).toEqual([]);
  });

  it('keeps it while the target is away', async () => {
    const { outage } = suite.place;
    if (outage === null) return;
    const name = suite.newName();
    must(suite.world).database.sinks.limits = LIMITS;
    await makeView();
    await suite.run(suite.statement(name));
    await suite.check(name);
    await outage.stop();
    try {
      await grow(name, 3);
    } finally {
      await outage.start();
    }
    for (let i = 0; i < 5 && (await suite.delivery(name).step(true)) === 'failed'; i++) {}
    await suite.check(name);
  });

  it('is dropped while it fails, and what waited for it is gone', async () => {
    const name = suite.newName();
    must(suite.world).database.sinks.limits = LIMITS;
    await makeView();
    await suite.run(suite.statement(name));
    suite.alter(name, refusing);
    await grow(name, 4);
    // Also in the middle of a delivery.
    const { promise, reject } = Promise.withResolvers<never>();
    let isWriting: () => void = () => {};
    const writing = new Promise<void>((resolve) => {
      isWriting = resolve;
    });
    const delivery = suite.delivery(name);
    await delivery.close();
    suite.alter(
      name,
      altered(suite.connector, (transaction) => ({
        ...transaction,
        write: () => {
          isWriting();
          return promise;
        },
        abort: () => transaction.abort(),
      })),
    );
    const outcome = delivery.step(true);
    await writing;
    await suite.run(`DROP SINK ${name}`);
    expect(spilled(suite)).toEqual([]);
    reject(new Error('refused'));
    expect(await outcome).toBe('dropped');
    expect(delivery.sink.runtime.outbox.isEmpty).toBe(true);
    expect(await suite.run('SELECT name FROM millrace_catalog.sinks')).toEqual([]);
    const next = suite.newName();
    await suite.run(suite.statement(next));
    await suite.check(next);
    await must(suite.world).checkpoint();
    await suite.crash();
    await suite.check(next);
  });
}

/** The suite of one connector. */
export function conformance(fixture: SinkFixture): void {
  const missing = fixture.missing();
  if (missing !== null) {
    it(`is tested where there is ${missing}`, () => {
      expect(process.env.MILLRACE_REQUIRE_SERVERS, `${missing} is required`).not.toBe('1');
    });
    return;
  }
  const suite = new Suite(fixture);
  let seed = 0;
  const outer = temporaryDirectory('conformance');
  let directory: ReturnType<typeof temporaryDirectory>;
  beforeAll(async () => {
    const place = join(outer.path, 'target');
    mkdirSync(place, { recursive: true });
    suite.target = await fixture.start(place);
  }, 120_000);
  afterAll(async () => {
    await suite.target?.close();
    outer.remove();
  });
  beforeEach(async () => {
    directory = temporaryDirectory('conformance');
    suite.world = new World(directory.path);
    // One target has the sinks of all tests: they must not be taken for one another.
    suite.world.seed = ++seed;
    await suite.world.open();
    await suite.run('CREATE TABLE t (id int PRIMARY KEY, v int)');
  });
  afterEach(async () => {
    await suite.closeDeliveries();
    await suite.world?.close();
    directory.remove();
  });
  refusals(suite);
  restarts(suite);
  backlogs(suite);
  longRefusals(suite);
}
