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
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { SqlError } from '../../common/sqlError.ts';
import { recoverDirectory } from '../../server/checkpoint/recovery.ts';
import { Journal } from '../../server/journal.ts';
import { createDatabase, ddlRunner, localSession } from '../../server/serve.ts';
import type { Session } from '../../server/session.ts';
import { ServerClock } from '../../server/time/clock.ts';
import { generator } from '../server/time/random.ts';
import { expectSame, type State, stateOf } from '../simulation/state.ts';

type Random = (n: number) => number;

const START = 1_704_067_200_000_000n;

interface Opened {
  readonly session: Session;
  checkpoint(): Promise<void>;
  state(): State;
  close(): Promise<void>;
}

async function open(directory: string): Promise<Opened> {
  const random = generator(1);
  const serverClock = new ServerClock(() => START);
  const database = createDatabase({
    serverClock,
    clock: () => serverClock.now(),
    random: () => random(1 << 30) / (1 << 30),
    randomBytes: (count) => Uint8Array.from({ length: count }, () => random(256)),
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
}

/** A directory as a killed or stopped server leaves it: `checkpoints` of them, and records after the last. */
export async function killedDirectory(
  place: string,
  checkpoints: number,
  end: 'killed' | 'stopped',
): Promise<Victim> {
  const live = join(place, 'live');
  const server = await open(live);
  const { session } = server;
  await session.run("SET millrace.clock = '2024-01-01 00:00:00+00'");
  await session.run('CREATE TABLE t (k int PRIMARY KEY, v int, s text)');
  await session.run('CREATE TABLE u (k int, v int)');
  await session.run(
    'CREATE MATERIALIZED VIEW sums AS SELECT k % 7 AS k, sum(v) AS v, count(*) AS n FROM t GROUP BY k % 7',
  );
  await session.run('CREATE MATERIALIZED VIEW joined AS SELECT t.k, u.v, t.s FROM t JOIN u ON t.k = u.k');
  await session.run('CREATE MATERIALIZED VIEW drawn AS SELECT k, random() AS r FROM u');
  let n = 0;
  const write = async (): Promise<void> => {
    for (let i = 0; i < 12; i++) {
      n++;
      await session.run(
        `INSERT INTO t SELECT k, k * ${n}, repeat('text ${n} ', 20) FROM generate_series(${n}, ${n + 40}) AS k`,
      );
      await session.run(`INSERT INTO u VALUES (${n}, ${n}); DELETE FROM u WHERE k = ${n - 9}`);
    }
    await session.run("ADVANCE CLOCK BY INTERVAL '1 second'");
  };
  await write();
  for (let i = 0; i < checkpoints; i++) {
    await server.checkpoint();
    await write();
  }
  const state = server.state();
  const directory = join(place, end);
  if (end === 'stopped') await server.close();
  cpSync(live, directory, { recursive: true });
  if (end === 'killed') await server.close();
  rmSync(live, { recursive: true });
  return { directory, state };
}

const FILES = ['journal.db', 'journal.db-wal', 'journal.mark', 'state.db', 'state.db-wal'];

/** Harms one file; says how. */
function harm(directory: string, random: Random): string {
  const there = FILES.filter(
    (name) => existsSync(join(directory, name)) && statSync(join(directory, name)).size > 0,
  );
  const name = there[random(there.length)] ?? 'journal.db';
  const path = join(directory, name);
  const { size } = statSync(path);
  switch (random(6)) {
    case 0:
      truncateSync(path, random(size));
      return `${name} cut short`;
    case 1:
      rmSync(path);
      return `${name} removed`;
    case 2:
      overwrite(path, random(size), 512, () => 0);
      return `512 bytes of ${name} are zero`;
    case 3:
      overwrite(path, random(size), 4096, (_, byte) => byte ^ random(256));
      return `4096 bytes of ${name} are garbage`;
    default: {
      const bits = 1 + random(4);
      for (let i = 0; i < bits; i++) {
        const bit = 1 << random(8);
        overwrite(path, random(size), 1, (_, byte) => byte ^ bit);
      }
      return `${bits} bits of ${name} flipped`;
    }
  }
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
  const what = harm(copy, generator(seed * 7919));
  try {
    const first = await startOver(copy, victim.state, what, false);
    const second = await startOver(copy, victim.state, `${what}, second start`, true);
    if (first !== null && second === null) throw new Error(`${what}: refused (${first}), then started`);
    return { what, refusal: first };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

async function startOver(
  directory: string,
  expected: State,
  what: string,
  write: boolean,
): Promise<string | null> {
  let server: Opened;
  try {
    server = await open(directory);
  } catch (error) {
    if (error instanceof SqlError && error.state === 'XX001' && error.hint !== undefined)
      return error.message;
    throw new Error(`${what}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error });
  }
  try {
    expectSame(server.state(), expected, what);
    if (write) {
      await server.session.run('INSERT INTO u VALUES (1000, 1)');
      await server.checkpoint();
    }
    return null;
  } finally {
    await server.close();
  }
}
