/** Views that are filled a few rows at a time while the test changes their inputs. */
import type { Row } from '../../../common/value.ts';
import type { Checkpointer } from '../../../server/checkpoint/checkpointer.ts';
import { recoverDirectory } from '../../../server/checkpoint/recovery.ts';
import type { Database } from '../../../server/database.ts';
import { Journal } from '../../../server/journal.ts';
import { createDatabase, ddlRunner, localSession } from '../../../server/serve.ts';
import type { Session } from '../../../server/session.ts';
import { ServerClock } from '../../../server/time/clock.ts';
import { type Opened, type OpenOptions, open, START } from '../journal/support.ts';
import { generator } from '../time/random.ts';

/** Opens a directory with a clock of which every look takes a millisecond, so that slices are short. */
export async function openSlowly(
  directory: string,
  partRows = 3,
  options: OpenOptions = {},
): Promise<Opened> {
  let ticks = 0n;
  const opened = await open(directory, { now: () => START + ++ticks * 1000n, ...options });
  slowDown(opened.database, partRows);
  return opened;
}

export function slowDown(database: Database, partRows = 3): void {
  database.jobs.partRows = partRows;
  database.jobs.inOneGo = 100_000;
}

export async function rowsOf(session: Session, sql: string): Promise<readonly Row[]> {
  const results = await session.run(sql);
  return results[results.length - 1]?.rows ?? [];
}

/** The rows as text, sorted. */
export async function bagOf(session: Session, sql: string): Promise<readonly string[]> {
  const rows = await rowsOf(session, sql);
  return rows.map((row) => row.map((v) => (v === null ? 'NULL' : String(v))).join('|')).sort();
}

/** As `openSlowly`, from checkpoint and journal. */
export async function openDirectory(
  directory: string,
  partRows = 3,
): Promise<Opened & { readonly checkpointer: Checkpointer }> {
  let ticks = 0n;
  const now = (): bigint => START + ++ticks * 1000n;
  const random = generator(1);
  const serverClock = new ServerClock(now);
  const database = createDatabase({
    serverClock,
    clock: () => serverClock.now(),
    random: () => random(1 << 30) / (1 << 30),
    randomBytes: (count) => Uint8Array.from({ length: count }, () => random(256)),
  });
  slowDown(database, partRows);
  const journal = new Journal(directory, { now, acceptDataLoss: false, log: () => {} });
  const runDdl = ddlRunner(database);
  const { checkpointer } = await recoverDirectory(database, directory, journal, runDdl, () => {});
  return { database, journal, session: localSession(database), checkpointer };
}
