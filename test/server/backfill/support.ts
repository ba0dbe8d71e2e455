/** Views that are filled a few rows at a time while the test changes their inputs. */
import type { Row } from '../../../common/value.ts';
import type { Database } from '../../../server/database.ts';
import type { Session } from '../../../server/session.ts';
import { type Opened, type OpenOptions, open, START } from '../journal/support.ts';

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
