/** Databases on a clock and chance that are the same every time, for fixtures of data directories: writing and opening them. */
import { SqlArray } from '../common/sqlArray.ts';
import type { Checkpointer } from '../server/checkpoint/checkpointer.ts';
import { RecoveryProgress, type RecoveryReport } from '../server/checkpoint/progress.ts';
import { recoverDirectory } from '../server/checkpoint/recovery.ts';
import type { Database } from '../server/database.ts';
import { Journal } from '../server/journal.ts';
import { createDatabase, ddlRunner, localSession } from '../server/serve.ts';
import type { Session } from '../server/session.ts';
import { ServerClock } from '../server/time/clock.ts';

/** 2024-01-01 in microseconds. */
const START = 1_704_067_200_000_000n;

export interface OpenFixture {
  readonly database: Database;
  readonly session: Session;
  readonly checkpointer: Checkpointer;
  readonly report: RecoveryReport;
  readonly lines: readonly string[];
  close(): Promise<void>;
}

export async function openFixture(directory: string): Promise<OpenFixture> {
  const serverClock = new ServerClock(() => START);
  let random = 1;
  const next = (): number => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return random;
  };
  const database = createDatabase({
    serverClock,
    clock: () => serverClock.now(),
    random: () => next() / 2 ** 32,
    randomBytes: (count) => Uint8Array.from({ length: count }, () => next() >>> 24),
  });
  const lines: string[] = [];
  const log = (line: string): void => {
    lines.push(line);
  };
  const journal = new Journal(directory, { now: () => database.clock(), acceptDataLoss: false, log });
  try {
    const progress = new RecoveryProgress(() => START, log);
    const { checkpointer, report } = await recoverDirectory(
      database,
      directory,
      journal,
      ddlRunner(database),
      log,
      progress,
    );
    const close = async (): Promise<void> => {
      await checkpointer.close();
      database.close();
    };
    return { database, session: localSession(database), checkpointer, report, lines, close };
  } catch (error) {
    journal.close();
    throw error;
  }
}

/** Rows of a query as text, in an order of their own. */
export async function rowTexts(session: Session, query: string): Promise<readonly string[]> {
  const columns = `SELECT array_agg(x::text ORDER BY x::text) FROM (${query}) AS x`;
  const [result] = await session.run(columns);
  const list = result?.rows[0]?.[0] ?? null;
  return list instanceof SqlArray ? list.elements.map(String) : [];
}
