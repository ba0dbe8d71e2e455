/** Statements about sinks, remote sources and lookups, and messages that come: drawn at random from what the catalog holds. */
import type { Database } from '../../server/database.ts';
import type { SinkObject } from '../../server/objects.ts';
import type { Message } from './broker.ts';
import { ADDED, ADDED_DEFAULT, LOOKED, SEEN } from './outsideChecks.ts';
import type { Random } from './views.ts';

const MOST_SINKS = 5;
const MOST_FED = 3;
export const KEYS = 16;

/** Statements that everything outside begins with. */
export function outsideSetup(): readonly string[] {
  const broker = (topic: string, more = '', connector = 'broker'): string =>
    `WITH (connector = '${connector}', topic = '${topic}'${more})`;
  return [
    `CREATE SOURCE rs (k int, v int, at timestamp, came timestamptz AS proctime(), WATERMARK FOR at AS at - INTERVAL '30 seconds')
       INCLUDE partition AS part INCLUDE offset AS off
       ${broker('p', ", retention = '50 seconds', watermark.idle.timeout = '70 seconds'")} FORMAT PLAIN ENCODE JSON`,
    `CREATE TABLE rn (k int, v int) INCLUDE partition AS part INCLUDE offset AS off
       ${broker('p', ", on_error = 'null'", 'waiting_broker')} FORMAT PLAIN ENCODE JSON`,
    `CREATE TABLE ru (k int PRIMARY KEY, v int) ${broker('q', '', 'waiting_broker')} FORMAT UPSERT ENCODE JSON`,
    `CREATE MATERIALIZED VIEW rs_seen AS ${SEEN}`,
    `CREATE TABLE answers (k int PRIMARY KEY, n int) WITH (connector = 'answers', cache.ttl = '25 seconds', lookup.batch.rows = '3')`,
    `CREATE MATERIALIZED VIEW looked AS ${LOOKED}`,
    `CREATE SINK k0 FROM ledger WITH (connector = 'target') FORMAT UPSERT ENCODE JSON`,
    `CREATE SINK k1 AS SELECT k, sum(v)::int AS v FROM ru GROUP BY k WITH (connector = 'target')`,
    'CREATE TABLE z0 (k int PRIMARY KEY, v int)',
    'CREATE SINK s0 INTO z0 AS SELECT k, sum(v)::int AS v FROM u GROUP BY k',
  ];
}

/** A message of topic `p`; some cannot be used, some only in part. */
export function plainMessage(random: Random, at: string): Message {
  const kind = random(14);
  if (kind === 0) return { key: null, value: 'not json' };
  if (kind === 1) return { key: null, value: JSON.stringify({ k: random(KEYS), v: 'x', at }) };
  const more = kind === 2 ? { colour: 'red' } : {};
  const [k, v] = [random(KEYS), random(60)];
  return { key: null, value: JSON.stringify({ k, v, at, ...more, ...added(v) }) };
}

/** A change of topic `q`; the keys of a partition are its own. */
export function keyedMessage(random: Random, partition: number): Message {
  const k = partition + 2 * random(KEYS / 2);
  const key = JSON.stringify({ k });
  switch (random(9)) {
    case 0:
    case 1:
      return { key, value: null };
    case 2:
      return random(2) === 0 ? { key: null, value: null } : { key, value: 'not json' };
    default: {
      const v = random(60);
      return { key, value: JSON.stringify({ k, v, ...added(v) }) };
    }
  }
}

/** Fields of columns that come and go. */
const added = (v: number) => Object.fromEntries(ADDED.map((name) => [name, v]));

/** A statement; `input` and `view` are names of relations with columns k and v. */
export function outsideStatement(
  database: Database,
  random: Random,
  number: number,
  input: () => string,
  view: () => string,
): string {
  if (random(3) > 0) return sinkStatement(database, random, number, input, view);
  const remote = ['SOURCE rs', 'TABLE rn', 'TABLE ru'][random(3)];
  switch (random(6)) {
    case 0:
      return `ALTER ${remote} ${random(3) === 0 ? 'PAUSE' : 'RESUME'}`;
    case 1:
      return `ALTER TABLE rn CONNECTOR WITH (on_error = '${random(2) === 0 ? 'skip' : 'null'}')`;
    case 2:
      return `ALTER SOURCE rs CONNECTOR WITH (on_error = '${random(2) === 0 ? 'skip' : 'null'}')`;
    case 3:
      if (number % 3 === 0) return `ALTER ${remote} CONNECTOR WITH (group = 'g${number}')`;
      return `ALTER ${remote} ${columnChange(database, random, remote?.split(' ')[1] ?? '')}`;
    case 4:
      return `ALTER ${remote} ${columnChange(database, random, remote?.split(' ')[1] ?? '')}`;
    default:
      return `REPROCESS DEAD LETTERS FROM ${random(2) === 0 ? 'rs' : 'rn'}`;
  }
}

/** One of the columns that come and go, or a computed one. */
function columnChange(database: Database, random: Random, name: string): string {
  const object = database.catalog.find('public', name, []);
  const columns = object?.kind === 'table' ? object.columns.map((c) => c.name) : [];
  const chosen = [...ADDED, 'twice'][random(ADDED.length + 1)] ?? 'twice';
  if (columns.includes(chosen)) return `DROP COLUMN ${chosen}${random(2) === 0 ? ' CASCADE' : ''}`;
  if (chosen === 'twice') return 'ADD COLUMN twice int GENERATED ALWAYS AS (v * 2) STORED';
  return `ADD COLUMN ${chosen} int${random(2) === 0 ? ` DEFAULT ${ADDED_DEFAULT}` : ''}`;
}

function sinkStatement(
  database: Database,
  random: Random,
  number: number,
  input: () => string,
  view: () => string,
): string {
  const sinks = database.sinks.list().filter((sink) => sink.runtime.feed === null);
  const some = sinks[random(sinks.length)]?.name ?? 'none';
  const choice = random(12);
  if (choice < 2) return fedStatement(database, random, number, input);
  if (choice < 6 && sinks.length >= MOST_SINKS) return `DROP SINK ${some}`;
  switch (choice) {
    case 6:
      return `ALTER SINK ${some} PAUSE`;
    case 7:
      return `ALTER SINK ${sinks.find(isPaused)?.name ?? some} RESUME`;
    case 8:
      return `ALTER SINK ${some} RENAME TO k${number}`;
    case 9:
      return `ALTER SINK ${some} CONNECTOR WITH (size = '${1 + random(20)}')`;
    case 10:
      return `REPLACE SINK ${some} ${sinkBody(random, input, view)}`;
    case 11:
      return `DROP SINK ${some}`;
    default:
      return `CREATE SINK k${number} ${sinkBody(random, input, view)}`;
  }
}

const isPaused = ({ runtime }: SinkObject): boolean => runtime.paused !== null;

function sinkBody(random: Random, input: () => string, view: () => string): string {
  const base = input();
  const from = [
    `FROM ${view()}`,
    `FROM ${['t', 'ledger', 'ru', 'e', 'x'][random(5)]}`,
    `AS SELECT k, sum(v)::int AS v, count(*) AS n FROM ${base} GROUP BY k`,
    `AS SELECT k, v FROM ${base} WHERE v % 3 <> 1`,
  ][random(4)];
  const options = [
    "connector = 'target'",
    ...(random(8) === 0 ? ["snapshot = 'false'"] : []),
    ...(random(3) === 0 ? [`size = '${1 + random(30)}'`] : []),
  ];
  switch (random(5)) {
    case 0:
      return `${from} WITH (${[...options, "force_append_only = 'true'"].join(', ')}) FORMAT PLAIN ENCODE JSON`;
    case 1:
      return `${from} WITH (${options.join(', ')}) FORMAT PLAIN ENCODE JSON`;
    case 2:
      return `${from} WITH (${options.join(', ')}) FORMAT UPSERT ENCODE JSON`;
    case 3:
      return `${from} WITH (${options.join(', ')}) FORMAT DEBEZIUM ENCODE JSON`;
    default:
      return `${from} WITH (${options.join(', ')})`;
  }
}

/** Sinks into tables of their own, which nothing else writes. */
function fedStatement(database: Database, random: Random, number: number, input: () => string): string {
  const tables = database.catalog
    .objects()
    .flatMap((o) => (o.kind === 'table' && /^z\d/.test(o.name) ? [o] : []));
  const fed = new Map(
    database.sinks
      .list()
      .flatMap((sink) => (sink.runtime.feed === null ? [] : [[sink.runtime.feed.table, sink]])),
  );
  const free = tables.find((t) => !fed.has(t.id) && t.store.rowCount() === 0);
  if (free !== undefined)
    return `CREATE SINK s${number} INTO ${free.name} AS SELECT k, sum(v)::int AS v FROM ${input()} WHERE k IS NOT NULL GROUP BY k`;
  if (tables.length < MOST_FED) return `CREATE TABLE z${number} (k int PRIMARY KEY, v int)`;
  const table = tables[random(tables.length)];
  const sink = table === undefined ? undefined : fed.get(table.id);
  if (sink === undefined) return `DROP TABLE ${table?.name} CASCADE`;
  switch (random(4)) {
    case 0:
      return `DROP SINK ${sink.name}`;
    case 1:
      return `ALTER SINK ${sink.name} PAUSE`;
    default:
      return `ALTER SINK ${sink.name} RESUME`;
  }
}
