/**
 * Damage to a data directory of a server that was killed: bytes that flip, files that are cut short, overwritten or gone. A server
 * over it either has everything, or refuses with XX001 and says what to do; it never answers with something else.
 */
import {
  closeSync,
  cpSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SqlError } from '../../common/sqlError.ts';
import { remoteConnectors } from '../../connector/remotes.ts';
import { recoverDirectory } from '../../server/checkpoint/recovery.ts';
import { Journal } from '../../server/journal.ts';
import { createDatabase, ddlRunner, localSession } from '../../server/serve.ts';
import type { Session } from '../../server/session.ts';
import { ServerClock } from '../../server/time/clock.ts';
import { ROWS_DIRECTORY } from '../../storage/rowsFiles.ts';
import { generator } from '../server/time/random.ts';
import { Broker } from '../simulation/broker.ts';
import { expectSame, type State, stateOf } from '../simulation/state.ts';

type Random = (n: number) => number;

const START = 1_704_067_200_000_000n;

interface Opened {
  readonly session: Session;
  poll(): Promise<unknown>;
  checkpoint(): Promise<void>;
  state(): State;
  close(): Promise<void>;
}

const life = { event: () => true, isAlive: () => true, told: () => {} };

/** A broker with messages of which a few make a block that lies beside the journal. */
function brokerOf(messages: number): Broker {
  const broker = new Broker(generator(messages), ['p']);
  for (let k = 0; k < messages; k++) {
    const value = JSON.stringify({ k, s: `${k} `.repeat(4000 + 37 * k) });
    broker.send('p', k % 2, { key: null, value });
  }
  return broker;
}

async function open(directory: string, broker: Broker): Promise<Opened> {
  const random = generator(1);
  const serverClock = new ServerClock(() => START);
  const database = createDatabase({
    serverClock,
    clock: () => serverClock.now(),
    random: () => random(1 << 30) / (1 << 30),
    randomBytes: (count) => Uint8Array.from({ length: count }, () => random(256)),
    remote: { connectors: [broker.connector(life), ...remoteConnectors], threaded: false },
  });
  const journal = new Journal(directory, { now: () => START, acceptDataLoss: false, log: () => {} });
  try {
    const { checkpointer } = await recoverDirectory(
      database,
      directory,
      journal,
      ddlRunner(database),
      () => {},
    );
    return {
      session: localSession(database),
      poll: () => database.pollSources(),
      checkpoint: async () => {
        await checkpointer.checkpoint();
      },
      state: () => stateOf(database),
      async close() {
        await checkpointer.close();
        database.close();
      },
    };
  } catch (error) {
    if (database.journal === null) journal.close();
    database.close();
    throw error;
  }
}

export interface Victim {
  readonly directory: string;
  readonly state: State;
  readonly broker: Broker;
}

/** All that the broker has is taken. */
async function takeAll({ session, poll }: Opened, broker: Broker): Promise<void> {
  const sent = broker.topic('p').reduce((sum, messages) => sum + messages.length, 0);
  for (let turns = 0; ; turns++) {
    await poll();
    await nextTurn();
    const [result] = await session.run('SELECT count(*) FROM came');
    if (Number(result?.rows[0]?.[0]) === sent) return;
    if (turns > 5000) throw new Error('the broker is not read');
  }
}

/**
 * A directory as a killed or stopped server leaves it: `checkpoints` of them, and records after the last. The server was stopped and
 * started on the way, so that there are several files of rows.
 */
export async function killedDirectory(
  place: string,
  checkpoints: number,
  end: 'killed' | 'stopped',
): Promise<Victim> {
  const live = join(place, 'live');
  const broker = brokerOf(24);
  let server = await open(live, broker);
  await define(server.session);
  let n = 0;
  const write = async (): Promise<void> => {
    const { session } = server;
    for (let i = 0; i < 12; i++) {
      n++;
      await session.run(
        `INSERT INTO t SELECT k, k * ${n}, repeat('text ${n} ', 20) FROM generate_series(${n}, ${n + 40}) AS k`,
      );
      await session.run(`INSERT INTO u VALUES (${n}, ${n}); DELETE FROM u WHERE k = ${n - 9}`);
    }
    await session.run("ADVANCE CLOCK BY INTERVAL '1 second'");
    for (let i = 0; i < 8; i++)
      broker.send('p', i % 2, {
        key: null,
        value: JSON.stringify({ k: n + i, s: `${n} `.repeat(5000 + i) }),
      });
    await takeAll(server, broker);
  };
  await takeAll(server, broker);
  await write();
  for (let i = 0; i < checkpoints; i++) {
    await server.checkpoint();
    await write();
  }
  await server.close();
  server = await open(live, broker);
  await write();
  // What was put off is on disk as well.
  await server.session.run('FLUSH');
  const state = server.state();
  const directory = join(place, end);
  if (end === 'stopped') await server.close();
  cpSync(live, directory, { recursive: true });
  if (end === 'killed') await server.close();
  rmSync(live, { recursive: true });
  return { directory, state, broker };
}

async function define(session: Session): Promise<void> {
  await session.run("SET millrace.clock = '2024-01-01 00:00:00+00'");
  await session.run('CREATE TABLE t (k int PRIMARY KEY, v int, s text)');
  await session.run('CREATE TABLE u (k int, v int)');
  await session.run(
    'CREATE MATERIALIZED VIEW sums AS SELECT k % 7 AS k, sum(v) AS v, count(*) AS n FROM t GROUP BY k % 7',
  );
  await session.run('CREATE MATERIALIZED VIEW joined AS SELECT t.k, u.v, t.s FROM t JOIN u ON t.k = u.k');
  await session.run('CREATE MATERIALIZED VIEW drawn AS SELECT k, random() AS r FROM u');
  await session.run(
    `CREATE SOURCE r (k int, s text) WITH (connector = 'broker', topic = 'p') FORMAT PLAIN ENCODE JSON`,
  );
  await session.run('CREATE MATERIALIZED VIEW came AS SELECT k, length(s) AS n, md5(s) AS s FROM r');
}

const FILES = ['journal.db', 'journal.db-wal', 'journal.mark', 'state.db', 'state.db-wal'];

function rowsFiles(directory: string): readonly string[] {
  const rows = join(directory, ROWS_DIRECTORY);
  return existsSync(rows) ? readdirSync(rows).map((name) => join(ROWS_DIRECTORY, name)) : [];
}

/** Harms one file; says how. `rows`: one beside the journal. */
function harm(directory: string, random: Random, rows: boolean): string {
  const there = (rows ? rowsFiles(directory) : FILES).filter(
    (name) => existsSync(join(directory, name)) && statSync(join(directory, name)).size > 0,
  );
  const name = there[random(there.length)] ?? 'journal.db';
  const shown = rows ? ROWS_DIRECTORY : name;
  const path = join(directory, name);
  const { size } = statSync(path);
  switch (random(rows ? 9 : 6)) {
    case 0:
      truncateSync(path, random(size));
      return `${shown} cut short`;
    case 1:
      rmSync(path);
      return `${shown} removed`;
    case 2:
      overwrite(path, random(size), 512, () => 0);
      return `512 bytes of ${shown} are zero`;
    case 3:
      overwrite(path, random(size), 4096, (_, byte) => byte ^ random(256));
      return `4096 bytes of ${shown} are garbage`;
    case 6:
      swap(path, join(directory, there[random(there.length)] ?? name));
      return `${shown} exchanged`;
    case 7:
      rmSync(join(directory, ROWS_DIRECTORY), { recursive: true });
      return `all ${shown} removed`;
    case 8:
      copyOver(path, join(directory, there[random(there.length)] ?? name));
      return `${shown} is another one's copy`;
    default: {
      const bits = 1 + random(4);
      for (let i = 0; i < bits; i++) {
        const bit = 1 << random(8);
        overwrite(path, random(size), 1, (_, byte) => byte ^ bit);
      }
      return `${bits} bits of ${shown} flipped`;
    }
  }
}

function copyOver(from: string, to: string): void {
  if (from !== to) cpSync(from, to);
}

function swap(a: string, b: string): void {
  if (a === b) return;
  renameSync(a, `${a}-moved`);
  renameSync(b, a);
  renameSync(`${a}-moved`, b);
}

function overwrite(
  path: string,
  at: number,
  length: number,
  change: (i: number, byte: number) => number,
): void {
  const file = openSync(path, 'r+');
  try {
    const buffer = Buffer.alloc(Math.min(length, fstatSync(file).size - at));
    readSync(file, buffer, 0, buffer.length, at);
    for (let i = 0; i < buffer.length; i++) buffer[i] = change(i, buffer[i] ?? 0);
    writeSync(file, buffer, 0, buffer.length, at);
  } finally {
    closeSync(file);
  }
}

export interface Damaged {
  readonly what: string;
  /** The message of the refusal; null: the server has everything. */
  readonly refusal: string | null;
}

/** Harms a copy and starts a server over it, twice: a refusal must not change anything. Throws when it is neither right nor refused. */
export async function damage(victim: Victim, place: string, seed: number): Promise<Damaged> {
  const copy = join(place, `copy-${seed}`);
  cpSync(victim.directory, copy, { recursive: true });
  const random = generator(seed * 7919);
  const what = harm(copy, random, rowsFiles(copy).length > 0 && random(3) === 0);
  try {
    const first = await startOver(copy, victim, what, false);
    const second = await startOver(copy, victim, `${what}, second start`, true);
    if (first !== null && second === null) throw new Error(`${what}: refused (${first}), then started`);
    return { what, refusal: first };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Damage where nothing has been read yet is found by whoever writes there: the checkpoint is refused, the journal goes on. */
async function checkpointOrDamage(server: Opened): Promise<void> {
  try {
    await server.checkpoint();
  } catch (error) {
    if (!(error instanceof SqlError && error.state === 'XX001')) throw error;
  }
}

async function startOver(
  directory: string,
  { state: expected, broker }: Victim,
  what: string,
  write: boolean,
): Promise<string | null> {
  let server: Opened;
  try {
    server = await open(directory, broker);
  } catch (error) {
    if (error instanceof SqlError && error.state === 'XX001' && error.hint !== undefined)
      return error.message;
    throw new Error(`${what}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error });
  }
  try {
    expectSame(server.state(), expected, what);
    if (write) {
      await server.session.run('INSERT INTO u VALUES (1000, 1)');
      await checkpointOrDamage(server);
    }
    return null;
  } finally {
    await server.close();
  }
}
