/** FLUSH with `flush_sinks`: waits until the targets of sinks have what was committed before. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../database.ts';
import type { SinkObject } from '../objects.ts';

const POLL_MS = 5;

/** Something of an epoch up to `through` waits, and is being delivered. */
function isBehind({ runtime }: SinkObject, through: bigint): boolean {
  const { outbox, paused, dropped, delivered, rateLimit } = runtime;
  if (paused !== null || dropped || rateLimit === 0 || outbox.isEmpty) return false;
  return delivered === null || delivered < through;
}

/** Sinks that stand still are not waited for. `check` throws when nobody waits any more. */
export async function awaitDelivery(database: Database, check: () => void): Promise<void> {
  const waiting = await database.exclusive(() =>
    database.sinks.list().map((sink) => ({ sink, through: sink.runtime.outbox.lastEpoch })),
  );
  for (const { sink, through } of waiting) {
    while (isBehind(sink, through)) {
      check();
      await sleep(POLL_MS);
    }
  }
}
