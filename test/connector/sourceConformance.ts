/** What holds of every source connector, whatever it reads: errors, pauses, kills of either side, dead letters, catalogs, DROP. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { must } from '../../common/assert.ts';
import type { OptionSpec } from '../../connector/connector.ts';
import { sourceConnectors } from '../../connector/index.ts';
import type { IncludeField } from '../../connector/remote.ts';
import { remoteConnectors } from '../../connector/remotes.ts';
import type { TextRow } from '../server/clients.ts';
import { temporaryDirectory } from '../server/journal/support.ts';
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
import { SECRET, type SourceFixture, type SourcePlace } from './sourceFixtures.ts';

/** Nothing comes for so long: nothing will. */
const QUIET_MS = 300;

const message = (id: number): string => JSON.stringify({ id, v: id * 10 });
const messages = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from }, (_, i) => message(from + i));

/** Sources so far. */
let names = 0;

class Suite {
  readonly fixture: SourceFixture;
  readonly options: readonly OptionSpec[];
  readonly fields: readonly IncludeField[];
  readonly millrace: Millrace;
  place: SourcePlace | null = null;

  constructor(fixture: SourceFixture, millrace: Millrace) {
    this.fixture = fixture;
    const remote = remoteConnectors.find((c) => c.name === fixture.connector);
    this.options = must(remote ?? sourceConnectors.find((c) => c.name === fixture.connector)).options;
    this.fields = remote?.include ?? [];
    this.millrace = millrace;
  }

  get at(): SourcePlace {
    return must(this.place);
  }

  newName(prefix = 's'): string {
    return `${prefix}${++names}`;
  }

  statement(name: string, others: Readonly<Record<string, string | null>> = {}, include = ''): string {
    const { kind, columns, clause } = this.at;
    const options = withClause(this.fixture.connector, { ...this.at.options(name), ...others });
    const list = columns === '' ? '' : `(${columns})`;
    return `CREATE ${kind} ${name} ${list} ${include} ${options} ${clause}`;
  }

  /** Makes the place, the source, and a view `<name>_v` of what came. */
  async create(name: string, others: Options = {}): Promise<void> {
    await this.at.prepare(name);
    await this.millrace.rows(this.statement(name, others));
    await this.view(name, `${name}_v`);
  }

  async view(name: string, view: string): Promise<void> {
    await this.millrace.rows(
      `CREATE MATERIALIZED VIEW ${view} AS SELECT count(*) AS n, count(DISTINCT id) AS d, sum(v) AS s FROM ${name}`,
    );
  }

  send(name: string, texts: readonly string[]): Promise<void> {
    return this.at.send(name, texts, this.millrace.http);
  }

  alter(name: string, action: string): Promise<readonly TextRow[]> {
    return this.millrace.rows(`ALTER ${this.at.kind} ${name} ${action}`);
  }

  /** Messages 0 ... `count` - 1 have come, each once; a view that is made now has them too. */
  async hasAll(name: string, count: number, once = true): Promise<void> {
    const all = [String(count), String(count), String((count * (count - 1) * 10) / 2)];
    const columns = once ? 'n, d, s' : 'd, d, s - s';
    const expected = once ? all : [all[1], all[1], '0'];
    const read = (view: string) => () => this.millrace.rows(`SELECT ${columns} FROM ${view}`);
    await eventually(read(`${name}_v`), [expected]);
    const later = this.newName('later');
    await this.view(name, later);
    await eventually(read(later), [expected]);
    await this.millrace.rows(`DROP MATERIALIZED VIEW ${later}`);
  }

  state(name: string): Promise<readonly TextRow[]> {
    return this.millrace.rows(`SELECT state FROM millrace_catalog.sources WHERE name = '${name}'`);
  }

  async drop(name: string): Promise<void> {
    await this.millrace.rows(`DROP ${this.at.kind} ${name} CASCADE`);
  }

  names(): Promise<readonly TextRow[]> {
    return this.millrace.rows('SELECT name FROM millrace_catalog.sources ORDER BY 1');
  }
}

function wrongOptions(suite: Suite): void {
  it('refuses unknown options, missing ones and those of a wrong type', async () => {
    const { millrace } = suite;
    const name = suite.newName();
    await suite.at.prepare(name);
    const unknown = await millrace.refused(suite.statement(name, { 'no.such.option': '1' }), '22023');
    expect(unknown.message).toContain('no.such.option');
    for (const spec of suite.options) {
      if (spec.name.endsWith('*')) continue;
      if (spec.required === true) {
        const missing = await millrace.refused(suite.statement(name, { [spec.name]: null }), '22023');
        expect(missing.message).toContain(spec.name);
      }
      const wrong = wrongValue(spec);
      if (wrong === null) continue;
      const error = await millrace.refused(suite.statement(name, { [spec.name]: wrong }), '22023');
      expect(error.message).toContain(spec.name);
      expect(error.hint).toMatch(/\w/);
    }
    expect(await suite.names()).toEqual([]);
  });
}

function wrongPlaces(suite: Suite): void {
  it('refuses what cannot be reached or is not there, and a wrong password', async () => {
    const { millrace, at } = suite;
    const name = suite.newName();
    await at.prepare(name);
    if (at.unreachable !== null) {
      const error = await millrace.refused(suite.statement(name, at.unreachable), '08001');
      expect(error.hint).toMatch(/\w/);
    }
    if (at.wrongPassword !== null) await millrace.refused(suite.statement(name, at.wrongPassword), '28P01');
    if (at.missing !== null) {
      const { options, state } = at.missing;
      await millrace.refused(suite.statement(name, options), state);
    }
    expect(await suite.names()).toEqual([]);
    await millrace.rows(suite.statement(name));
    await suite.drop(name);
  });
}

function pauses(suite: Suite): void {
  it('takes nothing while it is paused, and everything once after that', async () => {
    const name = suite.newName();
    await suite.create(name);
    await suite.send(name, messages(0, 10));
    await suite.hasAll(name, 10);
    await suite.alter(name, 'PAUSE');
    expect(await suite.state(name)).toEqual([['paused']]);
    const sent = suite.send(name, messages(10, 20));
    await sleep(QUIET_MS);
    expect(await suite.millrace.rows(`SELECT n FROM ${name}_v`)).toEqual([['10']]);
    await suite.alter(name, 'RESUME');
    await sent;
    await suite.hasAll(name, 20);
    expect(await suite.state(name)).toEqual([['running']]);
    await suite.drop(name);
  });
}

function kills(suite: Suite): void {
  it('has each message once after a kill of Millrace', async () => {
    const { millrace } = suite;
    const name = suite.newName();
    await suite.create(name);
    await suite.send(name, messages(0, 10));
    await suite.hasAll(name, 10);
    // Right after, and while messages come.
    const sent = suite.send(name, messages(10, 40));
    await millrace.kill();
    await millrace.start();
    await sent;
    await suite.hasAll(name, 40);
    await suite.drop(name);
  });

  it('goes on when its server has been away', async () => {
    const { outage } = suite.at;
    if (outage === null) return;
    const name = suite.newName();
    await suite.create(name);
    await suite.send(name, messages(0, 10));
    await suite.hasAll(name, 10);
    await outage.stop();
    // Sessions do not wait for it, nor does a restart.
    expect(await suite.millrace.rows(`SELECT n FROM ${name}_v`)).toEqual([['10']]);
    await suite.millrace.kill();
    await suite.millrace.start();
    expect(await suite.millrace.rows(`SELECT n FROM ${name}_v`)).toEqual([['10']]);
    await outage.start();
    await suite.send(name, messages(10, 20));
    await suite.hasAll(name, 20, outage.once);
    await suite.drop(name);
  });
}

/** Those whose relations can have other columns. */
const changing: readonly string[] = ['kafka', 'mqtt', 'nats', 'webhook'];

function columns(suite: Suite): void {
  const wide = (from: number, to: number): readonly string[] =>
    Array.from({ length: to - from }, (_, i) => {
      const id = from + i;
      return JSON.stringify({ id, v: id * 10, w: id, x: `x${id}` });
    });

  it('takes other columns while messages come, over a kill, and each message once', async () => {
    const { fixture, millrace } = suite;
    const name = suite.newName();
    await suite.create(name);
    if (!changing.includes(fixture.connector)) {
      expect(await millrace.client.state(`ALTER ${suite.at.kind} ${name} ADD COLUMN w int`)).toBe('0A000');
      await suite.drop(name);
      return;
    }
    await suite.send(name, wide(0, 10));
    await suite.hasAll(name, 10);
    let sent = suite.send(name, wide(10, 40));
    await suite.alter(name, 'ADD COLUMN w int DEFAULT -1');
    await sent;
    await suite.send(name, wide(40, 50));
    await suite.hasAll(name, 50);
    const filled = `SELECT count(*) FILTER (WHERE id < 10 AND w = -1), count(*) FILTER (WHERE id >= 40 AND w = id),
      count(*) FILTER (WHERE w NOT IN (-1, id) OR w IS NULL) FROM ${name}`;
    expect(await millrace.rows(filled)).toEqual([['10', '10', '0']]);
    sent = suite.send(name, wide(50, 80));
    await suite.alter(name, 'ADD COLUMN x text');
    await millrace.kill();
    await millrace.start();
    await suite.alter(name, 'DROP COLUMN w');
    await sent;
    await suite.send(name, wide(80, 90));
    await suite.hasAll(name, 90);
    const texts = `SELECT count(*) FILTER (WHERE id < 50 AND x IS NULL), count(*) FILTER (WHERE id >= 80 AND x = 'x' || id),
      count(*) FILTER (WHERE x <> 'x' || id) FROM ${name}`;
    expect(await millrace.rows(texts)).toEqual([['50', '10', '0']]);
    expect(await millrace.client.state(`SELECT w FROM ${name}`)).toBe('42703');
    await millrace.kill();
    await millrace.start();
    expect(await millrace.rows(texts)).toEqual([['50', '10', '0']]);
    await suite.hasAll(name, 90);
    await suite.drop(name);
  });
}

function letters(suite: Suite): void {
  const bad = '{"id": 2, "v": "ten"}';
  const rowsOf = (name: string) => () => suite.millrace.rows(`SELECT id, v FROM ${name} ORDER BY id`);

  it('files messages that cannot be used, and goes on', async () => {
    const { garbage, onFail } = suite.at;
    if (onFail === null) return;
    const name = suite.newName();
    await suite.create(name);
    const unusable = garbage === null ? [bad] : [bad, garbage];
    await suite.send(name, [message(1), ...unusable, message(3)]);
    await eventually(rowsOf(name), [
      ['1', '10'],
      ['3', '30'],
    ]);
    const letters = await suite.millrace.rows(
      `SELECT convert_from(value, 'UTF8'), outcome, field, position IS NOT NULL OR partition IS NULL FROM millrace_dead.${name} ORDER BY id`,
    );
    expect(letters.map(([value]) => value)).toEqual(unusable);
    expect(letters[0]?.slice(1)).toEqual(['skipped', 'v', 't']);
    expect(
      await suite.millrace.rows(`SELECT bad_records FROM millrace_catalog.sources WHERE name = '${name}'`),
    ).toEqual([[String(unusable.length)]]);
    await suite.drop(name);
    expect(await suite.millrace.client.state(`SELECT * FROM millrace_dead.${name}`)).toBe('42P01');
  });

  it("makes a field that does not fit NULL with on_error = 'null'", async () => {
    if (suite.at.onFail === null) return;
    const name = suite.newName();
    await suite.create(name, { on_error: 'null' });
    await suite.send(name, [message(1), bad, message(3)]);
    await eventually(rowsOf(name), [
      ['1', '10'],
      ['2', null],
      ['3', '30'],
    ]);
    const letters = await suite.millrace.rows(
      `SELECT convert_from(value, 'UTF8'), outcome, field FROM millrace_dead.${name}`,
    );
    expect(letters).toEqual([[bad, 'nulled', 'v']]);
    await suite.drop(name);
  });

  it("stops at it with on_error = 'fail', and goes on when told to", async () => {
    const { onFail } = suite.at;
    if (onFail === null) return;
    const name = suite.newName();
    await suite.create(name, { on_error: 'fail' });
    const sent = suite.send(name, [message(1), bad, message(3)]);
    if (onFail === 'refuses') {
      await expect(sent).rejects.toThrow(/status 4/);
      await eventually(rowsOf(name), [['1', '10']]);
    } else {
      await sent;
      await eventually(() => suite.state(name), [['paused']]);
      await eventually(rowsOf(name), [['1', '10']]);
      await suite.alter(name, 'RESUME');
      await eventually(() => suite.state(name), [['paused']]);
      expect(await rowsOf(name)()).toEqual([['1', '10']]);
      await suite.alter(name, "CONNECTOR WITH (on_error = 'skip')");
      await eventually(rowsOf(name), [
        ['1', '10'],
        ['3', '30'],
      ]);
    }
    await suite.drop(name);
  });
}

function carried(suite: Suite): void {
  it('gives what messages carry besides their value, by INCLUDE', async () => {
    const { included, sendRich } = suite.at;
    expect(included.map(({ field }) => field).sort()).toEqual(suite.fields.map(({ name }) => name).sort());
    if (sendRich === undefined) return;
    const name = suite.newName('i');
    await suite.at.prepare(name);
    const include = included.map(({ clause }, i) => `INCLUDE ${clause} AS c${i}`).join(' ');
    await suite.millrace.rows(suite.statement(name, {}, include));
    await sendRich(name);
    const columns = included.map((_, i) => `c${i}`);
    await eventually(() => suite.millrace.rows(`SELECT id FROM ${name}`), [['1']]);
    const [row] = await suite.millrace.rows(`SELECT ${columns.join(', ')} FROM ${name}`);
    const types = await suite.millrace.rows(
      `SELECT data_type FROM information_schema.columns WHERE table_name = '${name}' AND column_name LIKE 'c%' ORDER BY ordinal_position`,
    );
    expect(types.map(([type]) => type)).toEqual(included.map(({ type }) => type));
    for (const [i, { field, value }] of included.entries()) expect(row?.[i], field).toMatch(value);
    await suite.drop(name);
  });
}

function catalogs(suite: Suite): void {
  it('says how far it is, and leaves nothing open when it is dropped', async () => {
    const { millrace, at } = suite;
    const name = suite.newName();
    await suite.create(name);
    await suite.send(name, messages(0, 10));
    await suite.hasAll(name, 10);
    const source = `SELECT connector, state, failure FROM millrace_catalog.sources WHERE name = '${name}'`;
    expect(await millrace.rows(source)).toEqual([[suite.fixture.connector, 'running', null]]);
    if (at.partition !== null) {
      const partitions = `SELECT partition, position IS NOT NULL, coalesce(lag, 0), note FROM millrace_catalog.source_partitions WHERE source = '${name}'`;
      await eventually(() => millrace.rows(partitions), [[at.partition(name), 't', '0', null]]);
    }
    const progress = at.progress?.(name);
    if (progress !== undefined) await eventually(() => millrace.rows(progress.sql), progress.rows);
    expect(JSON.stringify(await millrace.rows(`SHOW CREATE ${at.kind} ${name}`))).not.toContain(SECRET);
    const metrics = await scrape(millrace.http());
    const { connector } = suite.fixture;
    expect(metrics.value('millrace_source_rows_total', { source: name, connector })).toBe(10);
    expect(metrics.value('millrace_source_state', { source: name, state: 'running' })).toBe(1);
    if (at.partition !== null) {
      expect(metrics.value('millrace_source_bytes_total', { source: name })).toBeGreaterThan(100);
      const lag = metrics.value('millrace_source_partition_lag_messages', { source: name });
      // Not every server tells.
      expect([0, undefined]).toContain(lag);
    }
    const options = await millrace.rows(
      `SELECT options::text FROM millrace_catalog.sources WHERE name = '${name}'`,
    );
    expect(JSON.stringify(options)).not.toContain(SECRET);
    await suite.drop(name);
    expect(await suite.names()).toEqual([]);
    const { port } = at;
    if (port !== null) await eventually(async () => connectionsTo(port), 0);
    const { leftovers } = at;
    if (leftovers !== undefined) await eventually(() => leftovers(name), []);
    // The name is free, and a new source begins anew.
    await millrace.rows(suite.statement(name));
    await suite.drop(name);
    expect(millrace.log).not.toContain(SECRET);
    expect(millrace.log).not.toContain('internal error');
  });
}

/** The suite of one connector; `inner`: of one that makes its rows. */
export function conformance(fixture: SourceFixture, millrace: Millrace, inner = false): void {
  const missing = fixture.missing();
  if (missing !== null) {
    needs(missing);
    return;
  }
  const directory = temporaryDirectory('source-conformance');
  const suite = new Suite(fixture, millrace);
  beforeAll(async () => {
    suite.place = await fixture.start(directory.path);
  }, 180_000);
  afterAll(async () => {
    await suite.place?.close();
    directory.remove();
  });
  wrongOptions(suite);
  if (inner) return;
  wrongPlaces(suite);
  pauses(suite);
  kills(suite);
  columns(suite);
  letters(suite);
  carried(suite);
  catalogs(suite);
}
