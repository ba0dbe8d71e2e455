/**
 * Exactly once from end to end: numbered events of a Kafka topic go through views into two other topics and a PostgreSQL table,
 * while the server is killed at random, broker and PostgreSQL are killed or restarted, and connections are cut. At the end every event is in
 * the first topic's results once, and the changes of every group in the second are a chain without a gap or a repetition.
 *
 * Everything goes to the broker through a proxy that cuts connections, the broker's own address included. The events are written
 * by the Kafka sink's own writer (so that they too are there once), which is under the same harm.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { types } from '../../common/dataType.ts';
import { kafkaSinkConnector } from '../../connector/kafka/sink.ts';
import type { SinkConfig } from '../../connector/sink.ts';
import { type KafkaServer, startKafka } from '../../scripts/servers/kafka.ts';
import { came, configOf, consumeEach, createTopic, deliver, text } from '../connector/kafkaSink/support.ts';
import { Target } from '../connector/postgresSink/support.ts';
import { CuttingProxy } from '../harness/cuttingProxy.ts';
import { type ServedProgram, startProgram } from '../harness/server.ts';
import { generator } from '../server/time/random.ts';
import { Breach } from './check.ts';

export interface ExactlyOnceOptions {
  readonly events: number;
  /** Of the server. */
  readonly kills: number;
  readonly seed: number;
  /** Longest time between two harms. */
  readonly mostMs: number;
  readonly log: (line: string) => void;
}

export interface ExactlyOnceReport {
  events: number;
  kills: number;
  brokerKills: number;
  brokerRestarts: number;
  cuts: number;
  targetCuts: number;
  targetRestarts: number;
  /** Records of the topic of changes. */
  changes: number;
  /** Rows of the PostgreSQL table; null: there is no PostgreSQL here. */
  rows: number | null;
  seconds: number;
}

const PARTITIONS = 3;
const GROUPS = 50;
/** Events of one transaction of the input. */
const BATCH = 500;
const PATIENCE_MS = 120_000;
/** How long is waited for a sign of life before the next kill. */
const STIR_MS = 10_000;

interface Place {
  readonly broker: KafkaServer;
  readonly proxy: CuttingProxy;
  target: Target | null;
  /** In front of the PostgreSQL server. */
  readonly targetProxy: CuttingProxy;
  readonly data: string;
  server: ServedProgram;
}

function serve(data: string): Promise<ServedProgram> {
  return startProgram(['--data-dir', data, '--checkpoint-interval', '500ms']);
}

async function within(server: ServedProgram, statements: readonly string[]): Promise<readonly unknown[][]> {
  const client = new pg.Client(server.url);
  client.on('error', () => {});
  await client.connect();
  try {
    let rows: unknown[][] = [];
    for (const sql of statements) rows = (await client.query({ text: sql, rowMode: 'array' })).rows;
    return rows;
  } finally {
    await client.end();
  }
}

function statements({ proxy, target, targetProxy }: Place): readonly string[] {
  const kafka = `connector = 'kafka', properties.bootstrap.server = '127.0.0.1:${proxy.port}', properties.request.timeout.ms = '5000'`;
  const all = [
    `CREATE SOURCE events (n int) WITH (${kafka}, topic = 'events') FORMAT PLAIN ENCODE JSON`,
    'CREATE MATERIALIZED VIEW results AS SELECT n, n::bigint * 7 AS m FROM events',
    `CREATE MATERIALIZED VIEW totals AS SELECT n % ${GROUPS} AS g, count(*) AS c, sum(n) AS s FROM events GROUP BY 1`,
    `CREATE SINK results_out FROM results WITH (${kafka}, topic = 'results') FORMAT PLAIN ENCODE JSON`,
    `CREATE SINK totals_out FROM totals WITH (${kafka}, topic = 'totals', primary_key = 'g') FORMAT DEBEZIUM ENCODE JSON`,
  ];
  if (target !== null) {
    all.push(
      `CREATE SINK totals_table FROM totals WITH (connector = 'postgres', host = '127.0.0.1', port = '${targetProxy.port}', user = 'root', database = 'postgres', table = 'totals', create.table = 'true', primary_key = 'g')`,
    );
  }
  return all;
}

/** Writes events as they are allowed; gives when all are written. */
class Events {
  readonly #config: SinkConfig;
  readonly #connector = kafkaSinkConnector();
  readonly #last: number;
  #allowed = 0;
  #stopped = false;

  constructor(url: string, last: number) {
    const options = { topic: 'events', 'properties.request.timeout.ms': '5000' };
    this.#config = configOf(url, { identity: 'events', columns: [['n', types.int4]], options });
    this.#last = last;
  }

  allow(events: number): void {
    this.#allowed = Math.min(this.#last, events);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** An epoch is named by the number of its last event. */
  async run(): Promise<void> {
    let done = 0;
    while (done < this.#last && !this.#stopped) {
      const writer = await this.#connector.open(this.#config);
      try {
        done = Number((await writer.recover()) ?? 0n);
        while (done < this.#last && !this.#stopped) {
          const to = Math.min(this.#allowed, done + BATCH);
          if (to <= done) {
            await sleep(5);
            continue;
          }
          const first = done + 1;
          const changes = Array.from({ length: to - done }, (_, i) => came(first + i));
          await deliver(writer, to, changes);
          done = to;
        }
      } catch {
        await sleep(100);
      } finally {
        await writer.close();
      }
    }
  }
}

async function killServer(place: Place): Promise<void> {
  place.server.program.signal('SIGKILL');
  const { stderr } = await place.server.program.finished();
  if (/internal error| {4}at /.test(stderr)) throw new Breach(`the server has said:\n${stderr}`);
  place.server = await serve(place.data);
}

/** A port may be somebody else's for a moment. */
async function startBroker({ broker }: Place): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await broker.start();
      return;
    } catch (error) {
      if (tries === 5) throw error;
      await sleep(1000);
    }
  }
}

async function harm(place: Place, random: (n: number) => number, report: ExactlyOnceReport): Promise<void> {
  switch (random(7)) {
    case 0:
      await place.broker.kill();
      await sleep(random(1000));
      await startBroker(place);
      report.brokerKills++;
      return;
    case 1:
      await place.broker.stop();
      await startBroker(place);
      report.brokerRestarts++;
      return;
    case 2:
    case 3:
      place.proxy.cutAfter = random(100_000);
      report.cuts++;
      return;
    case 4:
      place.proxy.cut();
      report.cuts++;
      return;
    case 5:
      place.targetProxy.cutAfter = random(10_000);
      report.targetCuts++;
      return;
    default:
      if (place.target === null) return;
      place.target = await place.target.restart('immediate');
      report.targetRestarts++;
  }
}

/** Until a sink has delivered something since, so that no life is over before it begins. */
async function stirred(place: Place, before: string): Promise<string> {
  const end = Date.now() + STIR_MS;
  for (;;) {
    const rows = await within(place.server, [
      'SELECT name, delivered_version FROM millrace_catalog.sinks ORDER BY name',
    ]);
    const now = JSON.stringify(rows);
    if (now !== before || Date.now() > end) return now;
    await sleep(20);
  }
}

/** Until the views have everything and the sinks nothing left. */
async function settled(place: Place, events: number): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const [[count] = []] = await within(place.server, ['SELECT sum(c) FROM totals']);
    const sinks = await within(place.server, [
      'SELECT name, state, backlog_rows, reason, last_error FROM millrace_catalog.sinks',
    ]);
    const paused = sinks.find(([, state]) => state === 'paused');
    if (paused !== undefined) throw new Breach(`a sink is paused: ${paused.join(', ')}`);
    if (Number(count) > events) throw new Breach(`${count} events instead of ${events}`);
    if (Number(count) === events && sinks.every(([, , backlog]) => Number(backlog) === 0)) return;
    if (Date.now() > end) throw new Breach(`${count} of ${events} events; ${JSON.stringify(sinks)}`);
    await sleep(100);
  }
}

/** Every number from 1 to `events` once. */
class Once {
  readonly #seen: Uint8Array;
  readonly #what: string;

  constructor(what: string, events: number) {
    this.#what = what;
    this.#seen = new Uint8Array(events + 1);
  }

  add(n: number): void {
    if (!(n > 0 && n < this.#seen.length)) throw new Breach(`${this.#what} has ${n}`);
    if (this.#seen[n] !== 0) throw new Breach(`${this.#what} has ${n} twice`);
    this.#seen[n] = 1;
  }

  check(): void {
    const missing = this.#seen.indexOf(0, 1);
    if (missing > 0) throw new Breach(`${this.#what} lacks ${missing}`);
  }
}

interface Total {
  readonly g: number;
  readonly c: number;
  readonly s: number;
}

/** What the groups must come to. */
function expectedTotals(events: number): ReadonlyMap<number, string> {
  const totals = new Map<number, { c: number; s: number }>();
  for (let n = 1; n <= events; n++) {
    const total = totals.get(n % GROUPS) ?? { c: 0, s: 0 };
    total.c++;
    total.s += n;
    totals.set(n % GROUPS, total);
  }
  return new Map([...totals].map(([g, { c, s }]) => [g, `${c}/${s}`]));
}

async function checkAll(place: Place, events: number, report: ExactlyOnceReport): Promise<void> {
  const { url } = place.broker;
  for (const topic of ['events', 'results']) {
    const once = new Once(`topic ${topic}`, events);
    await consumeEach(url, topic, ({ value }) => {
      const { n, m } = JSON.parse(text(value) ?? '') as { readonly n: number; readonly m?: number };
      if (m !== undefined && m !== n * 7) throw new Breach(`the result of ${n} is ${m}`);
      once.add(n);
    });
    once.check();
  }
  const state = new Map<number, string>();
  const shown = (total: Total | null): string | undefined =>
    total === null ? undefined : `${total.c}/${total.s}`;
  await consumeEach(url, 'totals', ({ value }) => {
    const { before, after } = JSON.parse(text(value) ?? '') as {
      readonly before: Total | null;
      readonly after: Total;
    };
    if (state.get(after.g) !== shown(before)) {
      throw new Breach(
        `group ${after.g} was ${state.get(after.g)}, and a change begins with ${shown(before)}`,
      );
    }
    state.set(after.g, shown(after) ?? '');
    report.changes++;
  });
  const expected = expectedTotals(events);
  const compare = (what: string, found: ReadonlyMap<number, string>): void => {
    for (const [g, total] of expected) {
      if (found.get(g) !== total)
        throw new Breach(`${what}: group ${g} is ${found.get(g)} instead of ${total}`);
    }
    if (found.size !== expected.size) throw new Breach(`${what}: ${found.size} groups`);
  };
  compare('topic totals', state);
  if (place.target === null) return;
  const rows = await place.target.rows('SELECT g, c, s FROM totals');
  compare('table totals', new Map(rows.map(([g, c, s]) => [Number(g), `${c}/${s}`])));
  report.rows = rows.length;
}

async function harmAll(
  place: Place,
  events: Events,
  options: ExactlyOnceOptions,
  report: ExactlyOnceReport,
): Promise<void> {
  const random = generator(options.seed);
  let stir = '';
  while (report.kills < options.kills) {
    events.allow(Math.ceil((options.events * (report.kills + 1)) / (options.kills + 1)));
    await sleep(random(options.mostMs));
    // Several things may go wrong at once.
    const other = random(3) < 2 ? harm(place, random, report) : Promise.resolve();
    other.catch(() => {});
    if (random(2) === 0) await other;
    stir = await stirred(place, stir);
    await sleep(random(options.mostMs));
    await killServer(place);
    report.kills++;
    await other;
    options.log(
      `kill ${report.kills}, broker ${report.brokerKills} killed ${report.brokerRestarts} restarted, ${report.cuts} cuts, PostgreSQL ${report.targetRestarts} killed ${report.targetCuts} cuts`,
    );
  }
  events.allow(options.events);
}

/** Throws a Breach as soon as something is not as it must be. */
export async function runExactlyOnce(options: ExactlyOnceOptions): Promise<ExactlyOnceReport> {
  const started = performance.now();
  const root = mkdtempSync(join(tmpdir(), 'millrace-once-'));
  const proxy = await CuttingProxy.start(0);
  const broker = await startKafka({
    properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` },
  });
  proxy.to = broker.port;
  const target = await Target.start();
  const data = join(root, 'data');
  const targetProxy = await CuttingProxy.start(target?.port ?? 0);
  const place: Place = { broker, proxy, target, targetProxy, data, server: await serve(data) };
  const report: ExactlyOnceReport = {
    events: options.events,
    kills: 0,
    brokerKills: 0,
    brokerRestarts: 0,
    cuts: 0,
    targetCuts: 0,
    targetRestarts: 0,
    changes: 0,
    rows: null,
    seconds: 0,
  };
  const events = new Events(`127.0.0.1:${proxy.port}`, options.events);
  let writing: Promise<void> = Promise.resolve();
  try {
    for (const topic of ['events', 'results', 'totals']) await createTopic(broker.url, topic, PARTITIONS);
    await within(place.server, statements(place));
    writing = events.run();
    await harmAll(place, events, options, report);
    await writing;
    await settled(place, options.events);
    await checkAll(place, options.events, report);
    report.seconds = Math.round((performance.now() - started) / 1000);
    return report;
  } finally {
    events.stop();
    await writing.catch(() => {});
    place.server.program.signal('SIGKILL');
    await place.server.program.finished();
    await broker.close();
    await proxy.close();
    await targetProxy.close();
    await place.target?.close();
    rmSync(root, { recursive: true, force: true });
  }
}
