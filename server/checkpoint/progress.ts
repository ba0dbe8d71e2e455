/**
 * How far a start is: told in the log while it is long, by HTTP, and afterwards in the catalog. `turn` lets others have theirs
 * (answers of /readyz, refusals of clients) when a while has passed.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Rebuilt } from './restoration.ts';

export type RecoveryPhase = 'definitions' | 'state' | 'journal' | 'done';

/** What a phase counts, and where it lies in the whole. */
const phases: {
  readonly [K in RecoveryPhase]: { readonly of: string; readonly from: number; readonly to: number };
} = {
  definitions: { of: 'definitions', from: 0, to: 0.05 },
  state: { of: 'pieces of state', from: 0.05, to: 0.5 },
  journal: { of: 'records of the journal', from: 0.5, to: 1 },
  done: { of: '', from: 1, to: 1 },
};

const TURN_MICROS = 20_000n;
const LOG_MICROS = 5_000_000n;

export class RecoveryProgress {
  readonly #clock: () => bigint;
  readonly #log: (line: string) => void;
  readonly #turn: () => Promise<unknown>;
  phase: RecoveryPhase = 'definitions';
  /** Steps of the phase. */
  done = 0;
  total = 0;
  /** Microseconds, as the system's clock says. */
  readonly startedAt: bigint;
  #turnedAt: bigint;
  #loggedAt: bigint;

  /** `clock`: the system's, microseconds. */
  constructor(clock: () => bigint, log: (line: string) => void, turn: () => Promise<unknown> = nextTurn) {
    this.#clock = clock;
    this.#log = log;
    this.#turn = turn;
    this.startedAt = clock();
    this.#turnedAt = this.startedAt;
    this.#loggedAt = this.startedAt;
  }

  begin(phase: RecoveryPhase, total: number): void {
    this.phase = phase;
    this.done = 0;
    this.total = total;
    if (phase === 'done' && this.#loggedAt > this.startedAt) {
      this.#log(`recovered in ${Number(this.#clock() - this.startedAt) / 1_000_000} s`);
    }
  }

  /** 0 to 1. */
  get fraction(): number {
    const { from, to } = phases[this.phase];
    return from + (to - from) * (this.total === 0 ? 0 : Math.min(1, this.done / this.total));
  }

  /** `recovering 37 %`, or `ready`. */
  get text(): string {
    return this.phase === 'done' ? 'ready' : `recovering ${Math.floor(this.fraction * 100)} %`;
  }

  /** Another step is done. */
  step(): void {
    this.done++;
  }

  /** Lets others have their turn, if they have not had one for a while. */
  async turn(): Promise<void> {
    const now = this.#clock();
    if (now - this.#turnedAt < TURN_MICROS) return;
    if (now - this.#loggedAt >= LOG_MICROS) {
      this.#loggedAt = now;
      this.#log(`${this.text} (${this.done} of ${this.total} ${phases[this.phase].of})`);
    }
    await this.#turn();
    this.#turnedAt = this.#clock();
  }
}

/** How the last start went. */
export interface RecoveryReport {
  /** Microseconds, as the system's clock says. */
  readonly startedAt: bigint;
  /** Number of the checkpoint, and when it was taken; null: there was none. */
  readonly checkpoint: number | null;
  readonly takenAt: bigint | null;
  /** Microseconds. */
  readonly restoreMicros: number;
  readonly replayMicros: number;
  readonly replayedRecords: number;
  readonly rebuilt: readonly Rebuilt[];
}
