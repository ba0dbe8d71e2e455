/**
 * What time makes due by itself: idle partitions, rows that expire, operators that wait for the clock. Each runs at its own
 * moment, with the system's clock as with one that a test moves.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from '../database.ts';
import { expireIdle, nextIdle } from './control.ts';
import { expireTables, nextExpiry } from './ttl.ts';

/** Rounds of polling after the clock was moved: a source without end and without pace would go on for ever. */
const MOST_POLLS = 2048;

/** The earliest of times, of which null is never. */
export function least(...times: readonly (bigint | null)[]): bigint | null {
  return times.reduce((a, b) => (a === null ? b : b === null || a <= b ? a : b), null);
}

/** The clock time at which something becomes due; null: nothing will by itself. */
export function nextDue(database: Database): bigint | null {
  return least(nextIdle(database), nextExpiry(database), database.dataflow.nextWake());
}

/** Something has become due. */
export function isDue(database: Database): boolean {
  const next = nextDue(database);
  return next !== null && next <= database.environment.clock();
}

/**
 * Runs what is due now, as ticks that the journal has; true when there was anything. While the disk takes nothing it waits. Only
 * inside `exclusive`.
 */
export function runDue(database: Database): boolean {
  database.moveOn();
  if (database.journal?.ready() === false) return false;
  const idle = expireIdle(database);
  const expired = expireTables(database);
  const now = database.beginTick();
  if (!database.dataflow.isDue()) return idle || expired;
  database.journal?.noteTick(now);
  database.runTick(() => {});
  return true;
}

/** Rounds at one moment: what is due makes other things due, but not without end. */
const MOST_ROUNDS = 100;

/** Moves the virtual clock to `target`, stopping wherever something becomes due. Only inside `exclusive`. */
export function stepClock(database: Database, target: bigint): void {
  const { serverClock } = database.environment;
  database.journal?.requireReady();
  let rounds = 0;
  for (;;) {
    const next = nextDue(database);
    if (next === null || next > target) break;
    const before = serverClock.now();
    if (next > before) {
      serverClock.set(next);
      rounds = 0;
    }
    const ran = runDue(database);
    // What asks for a moment that has been reached, and then has nothing to do in it, is not waited for.
    if ((!ran && next <= before) || ++rounds > MOST_ROUNDS) break;
  }
  serverClock.set(target);
  database.journal?.noteClock(target, true, false);
  runDue(database);
}

/** Takes what sources have at the clock's time. `check` throws when the client does not want to wait any more. */
export async function pollUntilQuiet(database: Database, check: () => void): Promise<void> {
  for (let i = 0; i < MOST_POLLS; i++) {
    // Behind whatever else is waiting: a poll among others would not read anything.
    await database.exclusive(() => {});
    if (!(await database.pollSources())) return;
    await nextTurn();
    check();
  }
}
