/** One life of a simulated server: the engine over a simulated disk, with every timer and every turn in the driver's hands. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Checkpointer } from '../../server/checkpoint/checkpointer.ts';
import { recover } from '../../server/checkpoint/recovery.ts';
import type { Database } from '../../server/database.ts';
import { Journal } from '../../server/journal.ts';
import { MemoryLimit } from '../../server/memory/memoryLimit.ts';
import { createDatabase, ddlRunner, localSession } from '../../server/serve.ts';
import type { Session } from '../../server/session.ts';
import type { Spill } from '../../server/sinks/spill.ts';
import { ServerClock } from '../../server/time/clock.ts';
import { isDue, runDue } from '../../server/time/due.ts';
import { MemoryStore } from '../harness/eviction.ts';
import { generator } from '../server/time/random.ts';
import type { Disk } from './disk.ts';
import { Loops } from './loops.ts';
import type { Outside } from './outside.ts';
import type { Random } from './views.ts';

type RecoveryReport = Awaited<ReturnType<typeof recover>>['report'];

/** Nearly all state is away most of the time, and after a restart until it is needed. */
function limitMemory(database: Database, random: Random): void {
  const store = new MemoryStore(() =>
    must<Uint8Array<ArrayBuffer>>(null, 'blocks of a checkpoint are read from it'),
  );
  database.memory = new MemoryLimit(database, {
    limit: 4000 + random(60_000),
    directory: 'the simulated disk',
    log: (line) => {
      throw new TypeError(line);
    },
    measureMicros: 0n,
    lazyBlocks: 0,
    leastBytes: 64,
    swap: store,
  });
}

/** Bytes that a checkpoint copies in one step: about a block. */
const STEP_BYTES = 1;

/** About one in so many turns of a loop that could does a step. */
const LOOP_TURNS = 4;
/** Rounds in which a server comes to rest that everybody answers. */
const MOST_ROUNDS = 400;

/** Where backlogs of sinks go. */
class MemorySpill implements Spill {
  readonly #files = new Map<string, Uint8Array>();

  put(name: string, bytes: Uint8Array): void {
    this.#files.set(name, bytes.slice());
  }

  get(name: string): Uint8Array {
    return must(this.#files.get(name), `${name} has been spilled`);
  }

  remove(name: string): void {
    this.#files.delete(name);
  }
}

/** Something that must not happen. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure';
}

/** The system's clock. */
export interface SystemClock {
  micros: bigint;
}

/** Statements may be refused, but for reasons that are the user's or the disk's. */
function isRefusal(error: unknown): boolean {
  return error instanceof SqlError && !error.state.startsWith('XX');
}

export class SimulatedServer {
  readonly disk: Disk;
  readonly database: Database;
  readonly journal: Journal;
  readonly session: Session;
  readonly report: RecoveryReport;
  readonly #checkpointer: Checkpointer;
  readonly #gate: (() => void)[];
  readonly #timers: Set<() => void>;
  readonly #random: Random;
  readonly loops: Loops;
  /** Loops begin nothing: what is under way ends. */
  #quiet = false;
  #checkpoint: Promise<void> | null = null;
  /** Of a checkpoint or timer, noticed by the next step. */
  #wrong: unknown = null;
  /**
   * Nothing goes on beside statements. What takes as many turns as the system likes (loading what runs JavaScript) would else draw
   * another number of random numbers each time, and a seed would not be a history.
   */
  still = false;
  /** Blocks of a checkpoint that are copied in one turn, at most. */
  pace = 1;
  checkpoints = 0;
  failedCheckpoints = 0;

  private constructor(parts: {
    readonly disk: Disk;
    readonly database: Database;
    readonly journal: Journal;
    readonly report: RecoveryReport;
    readonly checkpointer: Checkpointer;
    readonly gate: (() => void)[];
    readonly timers: Set<() => void>;
    readonly random: Random;
  }) {
    this.disk = parts.disk;
    this.database = parts.database;
    this.journal = parts.journal;
    this.report = parts.report;
    this.#checkpointer = parts.checkpointer;
    this.#gate = parts.gate;
    this.#timers = parts.timers;
    this.#random = parts.random;
    this.session = localSession(parts.database);
    this.loops = new Loops(parts.database, parts.random, (error) => {
      this.#wrong ??= error;
    });
  }

  /** Starts over what is on the disk; null: it died meanwhile. */
  static async start(
    disk: Disk,
    clock: SystemClock,
    outside: Outside,
    seed: number,
  ): Promise<SimulatedServer | null> {
    const random = generator(seed);
    const serverClock = new ServerClock(() => clock.micros);
    const database = createDatabase({
      serverClock,
      clock: () => serverClock.now(),
      random: () => random(1 << 30) / (1 << 30),
      randomBytes: (count) => Uint8Array.from({ length: count }, () => random(256)),
      ...outside.connectors(disk),
    });
    database.sinks.spill = new MemorySpill();
    database.sinks.limits = { memoryBytes: 1500, chunkBytes: 400 };
    if (seed % 2 === 0) limitMemory(database, generator(seed + 1));
    const gate: (() => void)[] = [];
    const timers = new Set<() => void>();
    const after = (_ms: number, run: () => void): (() => void) => {
      timers.add(run);
      return () => timers.delete(run);
    };
    const turn = (): Promise<void> => new Promise((resolve) => gate.push(resolve));
    try {
      const options = { now: () => clock.micros, acceptDataLoss: false, log: () => {}, after };
      const journal = new Journal('the simulated disk', options, disk.openStore());
      const pace = { stepBytes: STEP_BYTES, turn };
      const recovered = await recover(database, disk, journal, ddlRunner(database), () => {}, pace);
      if (disk.dead) return null;
      return new SimulatedServer({ disk, database, journal, ...recovered, gate, timers, random });
    } catch (error) {
      if (disk.dead) return null;
      throw error;
    }
  }

  /** Runs statements at the same time, each by a session of its own, while a checkpoint may go on. Null: refused. */
  async run(together: readonly string[]): Promise<readonly (SqlError | null)[]> {
    return this.#drive(
      together.map(async (sql) => {
        const session = together.length === 1 ? this.session : localSession(this.database);
        try {
          await session.run(sql);
          return null;
        } catch (error) {
          await session.run('ROLLBACK').catch(() => {});
          if (isRefusal(error) || this.disk.dead) return error as SqlError;
          throw new SimulationFailure(`${sql}\nfailed: ${String(error)}`, { cause: error });
        }
      }),
    );
  }

  /** Takes what sources have. */
  async poll(): Promise<void> {
    await this.#drive([
      (async () => {
        for (let i = 0, rounds = 3 + this.#random(8); i < rounds && !this.disk.dead; i++) {
          await this.database.pollSources();
          await nextTurn();
        }
      })(),
    ]);
  }

  async runDue(): Promise<void> {
    if (!isDue(this.database)) return;
    await this.#drive([this.database.exclusive(() => runDue(this.database))]);
  }

  /** Waits for `work`; meanwhile lets checkpoints and timers have their turns. When the disk dies, so does this. */
  async #drive<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
    let left = work.length;
    const results: T[] = [];
    let failure: unknown = null;
    for (const [i, promise] of work.entries()) {
      promise.then(
        (value) => {
          results[i] = value;
          left--;
        },
        (error) => {
          failure ??= error;
          left--;
        },
      );
    }
    for (let turns = 0; left > 0 && !this.disk.dead; turns++) {
      this.#background();
      await nextTurn();
      if (turns > 20_000) throw new SimulationFailure('it hangs');
    }
    this.#wrong ??= failure;
    this.check();
    return results;
  }

  #background(): void {
    if (this.still) return;
    for (let steps = this.#random(this.pace + 1); steps > 0; steps--) this.#gate.shift()?.();
    if (!this.#quiet) this.loops.turn(LOOP_TURNS);
    if (this.#random(8) !== 0) return;
    for (const run of [...this.#timers]) {
      this.#timers.delete(run);
      run();
    }
  }

  /** Some of what would happen without anybody asking. */
  async idle(turns: number): Promise<void> {
    for (let i = 0; i < turns && !this.disk.dead; i++) {
      this.#background();
      await nextTurn();
    }
    this.check();
  }

  /** Lets what loops have begun end, and begins nothing of that kind until `loud`. */
  async quiet(): Promise<void> {
    this.#quiet = true;
    await this.#drive([this.#untilQuiet()]);
  }

  async #untilQuiet(): Promise<void> {
    while (this.loops.pending > 0 && !this.disk.dead) await nextTurn();
  }

  loud(): void {
    this.#quiet = false;
  }

  /** Takes, asks for and delivers everything that there is. */
  async settle(isSettled: () => Promise<boolean>): Promise<void> {
    for (let round = 0; ; round++) {
      if (round > MOST_ROUNDS) throw new SimulationFailure(`it does not come to rest: ${this.#unsettled()}`);
      await this.poll();
      await this.runDue();
      await this.idle(8);
      if (this.disk.dead) return;
      const settled = await isSettled();
      if (settled && this.#unsettled() === '') return;
    }
  }

  /** What is to be done yet. */
  #unsettled(): string {
    const { sinks, lookups } = this.database;
    return [
      ...sinks.list().flatMap(({ name, runtime }) => (runtime.outbox.isEmpty ? [] : [`sink ${name}`])),
      ...lookups.list().flatMap((l) => (l.waiting + l.underWay === 0 ? [] : [`lookups of ${l.config.name}`])),
    ].join(', ');
  }

  /** Begins one unless one is running. */
  beginCheckpoint(): void {
    if (this.#checkpoint !== null) return;
    this.#checkpoint = this.#checkpointer.checkpoint().then(
      () => {
        this.checkpoints++;
        this.#checkpoint = null;
      },
      (error: unknown) => {
        this.failedCheckpoints++;
        if (!isRefusal(error)) this.#wrong ??= error;
        this.#checkpoint = null;
      },
    );
  }

  /** Lets the running checkpoint end. */
  async endCheckpoint(): Promise<void> {
    const running = this.#checkpoint;
    if (running !== null) await this.#drive([running]);
  }

  /** Stops as the server does when it is told to: with a last checkpoint. */
  async stop(): Promise<void> {
    await this.quiet();
    await this.endCheckpoint();
    this.beginCheckpoint();
    await this.endCheckpoint();
    if (this.disk.dead) return;
    await this.loops.close();
    await this.#checkpointer.close();
    this.database.close();
  }

  check(): void {
    if (this.#wrong !== null && !this.disk.dead) {
      throw new SimulationFailure(`it went wrong: ${String(this.#wrong)}`, { cause: this.#wrong });
    }
  }

  /** What is left of a dead server. */
  async bury(): Promise<void> {
    for (let i = 0; i < 20; i++) await nextTurn();
    try {
      this.database.close();
    } catch {
      // It is dead.
    }
  }
}
