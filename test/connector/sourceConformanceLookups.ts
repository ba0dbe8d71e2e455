/** What holds of every lookup connector: errors, joins, answers that cannot be used, an absent server, kills, DROP. */
import { createClient } from 'redis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { must } from '../../common/assert.ts';
import type { OptionSpec } from '../../connector/connector.ts';
import { lookupConnectors } from '../../connector/lookups.ts';
import { redisServer, startRedis } from '../../scripts/servers/redis.ts';
import { connectTo } from '../server/cdc/support.ts';
import { scrape } from '../server/metrics/scrape.ts';
import type { Options } from './sinkFixtures.ts';
import {
  connectionsTo,
  eventually,
  type Millrace,
  needs,
  withClause,
  wrongValue,
} from './sourceConformanceMillrace.ts';
import { SECRET } from './sourceFixtures.ts';
import { postgresNeeds, startGuarded } from './sourceFixturesHeavy.ts';

export interface LookupPlace {
  /** Of a table (id int PRIMARY KEY, v int). */
  readonly options: Options;
  /** The row of a key over there; `v` that is no integer is an answer that cannot be used. */
  put(id: number, v: string): Promise<void>;
  readonly unreachable: Options;
  readonly wrongPassword: Options;
  /** A table that is not there, and the SQLSTATE; null: there are only keys. */
  readonly missing: { readonly options: Options; readonly state: string } | null;
  stop(): Promise<void>;
  start(): Promise<void>;
  readonly port: number;
  close(): Promise<void>;
}

export interface LookupFixture {
  readonly connector: string;
  missing(): string | null;
  start(): Promise<LookupPlace>;
}

const postgres: LookupFixture = {
  connector: 'postgres-lookup',
  missing: postgresNeeds,
  start: async () => {
    const server = await startGuarded();
    const run = async (sql: string): Promise<void> => {
      const connection = await connectTo(server.url('postgres'));
      await connection.rows(sql).finally(() => connection.end());
    };
    await run('CREATE TABLE looked (id int PRIMARY KEY, v text)');
    return {
      options: {
        host: '127.0.0.1',
        port: String(server.port),
        user: 'guarded',
        password: SECRET,
        database: 'postgres',
        table: 'looked',
      },
      put: (id, v) => run(`INSERT INTO looked VALUES (${id}, '${v}')`),
      unreachable: { port: '1' },
      wrongPassword: { password: `${SECRET}-wrong` },
      missing: { options: { table: 'nowhere' }, state: '42P01' },
      stop: async () => server.stop('immediate'),
      start: async () => server.start(),
      port: server.port,
      close: async () => server.close(),
    };
  },
};

const redis: LookupFixture = {
  connector: 'redis-lookup',
  missing: () => (redisServer.installed() ? null : redisServer.needs),
  start: async () => {
    const server = await startRedis({ password: SECRET });
    return {
      options: {
        'redis.url': `redis://127.0.0.1:${server.port}`,
        'redis.password': SECRET,
        'key.prefix': 'looked:',
      },
      put: async (id, v) => {
        const client = createClient({ url: server.url });
        await client.connect();
        await client.set(`looked:${id}`, JSON.stringify({ id, v: /^\d+$/.test(v) ? Number(v) : v }));
        await client.close();
      },
      unreachable: { 'redis.url': 'redis://127.0.0.1:1' },
      wrongPassword: { 'redis.password': `${SECRET}-wrong` },
      missing: null,
      stop: () => server.stop(),
      start: () => server.start(),
      port: server.port,
      close: () => server.close(),
    };
  },
};

export const lookupFixtures: readonly LookupFixture[] = [postgres, redis];

class Suite {
  readonly fixture: LookupFixture;
  readonly specs: readonly OptionSpec[];
  readonly millrace: Millrace;
  place: LookupPlace | null = null;

  constructor(fixture: LookupFixture, millrace: Millrace) {
    this.fixture = fixture;
    this.millrace = millrace;
    this.specs = must(lookupConnectors.find((c) => c.name === fixture.connector)).options;
  }

  get at(): LookupPlace {
    return must(this.place);
  }

  statement(others: Readonly<Record<string, string | null>> = {}): string {
    const options = withClause(this.fixture.connector, { ...this.at.options, ...others });
    return `CREATE TABLE looked (id int PRIMARY KEY, v int) ${options}`;
  }

  /** A stream of keys, joined. */
  async create(): Promise<void> {
    await this.millrace.rows(this.statement());
    await this.millrace.rows('CREATE TABLE asked (n int PRIMARY KEY, id int)');
    await this.millrace.rows(
      `CREATE MATERIALIZED VIEW joined AS SELECT a.n, l.v FROM asked a
         LEFT JOIN looked FOR SYSTEM_TIME AS OF PROCTIME() l ON l.id = a.id`,
    );
  }

  async drop(): Promise<void> {
    await this.millrace.rows('DROP MATERIALIZED VIEW joined');
    await this.millrace.rows('DROP TABLE asked');
    await this.millrace.rows('DROP TABLE looked');
  }

  ask(n: number, id: number): Promise<unknown> {
    return this.millrace.rows(`INSERT INTO asked VALUES (${n}, ${id})`);
  }

  joined(): Promise<unknown> {
    return this.millrace.rows('SELECT n, v FROM joined ORDER BY n');
  }
}

function refusals(suite: Suite): void {
  it('refuses unknown options, missing ones and those of a wrong type', async () => {
    const { millrace } = suite;
    await millrace.refused(suite.statement({ 'no.such.option': '1' }), '22023');
    for (const spec of suite.specs) {
      if (spec.required === true) await millrace.refused(suite.statement({ [spec.name]: null }), '22023');
      const wrong = wrongValue(spec);
      if (wrong === null) continue;
      const error = await millrace.refused(suite.statement({ [spec.name]: wrong }), '22023');
      expect(error.message).toContain(spec.name);
    }
  });

  it('refuses what cannot be reached or is not there, and a wrong password', async () => {
    const { millrace, at } = suite;
    expect((await millrace.refused(suite.statement(at.unreachable), '08001')).hint).toMatch(/\w/);
    await millrace.refused(suite.statement(at.wrongPassword), '28P01');
    if (at.missing !== null) await millrace.refused(suite.statement(at.missing.options), at.missing.state);
    expect(await millrace.rows('SELECT name FROM millrace_catalog.lookups')).toEqual([]);
  });
}

function joins(suite: Suite): void {
  it('joins each row once, also when its server has been away and after a kill', async () => {
    const { millrace, at } = suite;
    await at.put(1, '10');
    await at.put(2, '20');
    await at.put(3, 'ten');
    await suite.create();
    await suite.ask(1, 1);
    await suite.ask(2, 9);
    await suite.ask(3, 3);
    const first = [
      ['1', '10'],
      ['2', null],
      ['3', null],
    ];
    await eventually(() => suite.joined(), first);
    expect(
      await millrace.rows(
        'SELECT asked, found, absent, unusable, waiting_keys FROM millrace_catalog.lookups',
      ),
    ).toEqual([['3', '1', '1', '1', '0']]);
    const metrics = await scrape(millrace.http());
    const of = { lookup: 'looked', connector: suite.fixture.connector };
    expect(metrics.value('millrace_lookup_keys_asked_total', of)).toBe(3);
    expect(metrics.value('millrace_lookup_answers_total', { ...of, result: 'found' })).toBe(1);
    expect(metrics.value('millrace_lookup_answers_total', { ...of, result: 'unusable' })).toBe(1);
    expect(metrics.value('millrace_lookup_waiting_keys', of)).toBe(0);
    await at.stop();
    await suite.ask(4, 2);
    await suite.ask(5, 1);
    const second = [...first, ['5', '10']];
    await eventually(() => suite.joined(), second);
    const state = 'SELECT state, last_error IS NOT NULL FROM millrace_catalog.lookups';
    await eventually(() => millrace.rows(state), [['retrying', 't']]);
    await millrace.kill();
    await millrace.start();
    expect(await suite.joined()).toEqual(second);
    await at.start();
    await eventually(() => suite.joined(), [...first, ['4', '20'], ['5', '10']]);
    await suite.drop();
    expect(await millrace.rows('SELECT name FROM millrace_catalog.lookups')).toEqual([]);
    await eventually(async () => connectionsTo(at.port), 0);
    expect(millrace.log).not.toContain(SECRET);
    expect(millrace.log).not.toContain('internal error');
  });
}

/** The suite of one lookup connector. */
export function lookupConformance(fixture: LookupFixture, millrace: Millrace): void {
  const missing = fixture.missing();
  if (missing !== null) {
    needs(missing);
    return;
  }
  const suite = new Suite(fixture, millrace);
  beforeAll(async () => {
    suite.place = await fixture.start();
  }, 120_000);
  afterAll(async () => {
    await suite.place?.close();
  });
  refusals(suite);
  joins(suite);
}
