/**
 * What is thought of a sink's target that cannot be right: it has lost what was delivered, or has more than this database. The sink is
 * paused (`refused`), RESUME says to go on with it (`asked`), and the next opening of the target does (`accepted`). The verdict is on
 * the state that the target was in, and over as soon as something has been delivered to it. It is in the journal and in checkpoints:
 * one RESUME is good for one state of the target, before a restart or after it, and for no other.
 */
import type { Database } from '../database.ts';
import type { TargetRecord } from '../journalRecords.ts';
import type { SinkObject } from '../objects.ts';

export interface Verdict {
  readonly what: 'refused' | 'asked' | 'accepted';
  /** The version that the target was at; null: none. */
  readonly has: bigint | null;
  /** What it counts as being at, if it is accepted; null: nothing. */
  readonly known: bigint | null;
  /** Why it cannot be right. */
  readonly reason: string;
}

function bigintOf(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}

/** Gives the sink this verdict, or none, and notes it in the journal. Only inside `exclusive`. */
export function giveVerdict(database: Database, { id, runtime }: SinkObject, verdict: Verdict | null): void {
  runtime.verdict = verdict;
  const at = String(database.watermarks.now());
  database.journal?.noteTarget({
    id,
    at,
    verdict: verdict && {
      what: verdict.what,
      has: verdict.has === null ? null : String(verdict.has),
      known: verdict.known === null ? null : String(verdict.known),
      reason: verdict.reason,
    },
  });
}

/** The same in a restart. A sink that is gone by then needs none. */
export function replayVerdict(database: Database, { id, at, verdict }: TargetRecord): void {
  const sink = database.catalog.byId(id);
  if (sink?.kind !== 'sink') return;
  const { runtime } = sink;
  runtime.verdict = verdict && { ...verdict, has: bigintOf(verdict.has), known: bigintOf(verdict.known) };
  if (verdict?.what === 'refused' && runtime.paused === null) runtime.pause(verdict.reason, BigInt(at));
}
