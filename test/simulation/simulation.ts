/**
 * A simulated history: a server goes through a random workload, dies or stops at a random event, starts again over what its disk
 * has kept, and goes on. After every start is checked that
 *   - everything that was acknowledged is there,
 *   - the state is that which the server had after the same records of the journal, if it was at rest there,
 *   - it is that of a server which goes through the whole journal from the first record on, without checkpoints,
 *   - views are what their queries give,
 *   - what is outside of the server (outsideChecks.ts) has what it must have.
 * One seed makes one history.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { generator } from '../server/time/random.ts';
import { type CrashKind, Disk } from './disk.ts';
import { Outside } from './outside.ts';
import {
  aheadOf,
  changesOf,
  checkDelivered,
  checkFed,
  checkLookups,
  checkMessages,
  checkPauses,
  checkTarget,
  isRead,
} from './outsideChecks.ts';
import { SimulatedServer, SimulationFailure, type SystemClock } from './server.ts';
import { expectRunning, expectSame, recompute, type State, stateOf, withoutTime } from './state.ts';
import type { Random } from './views.ts';
import { EPOCH_MS, type Operation, Workload } from './workload.ts';

const LIVES = 5;
const STEPS = 22;

export interface Outcome {
  readonly seed: number;
  /** Of everything that happened: the same seed gives the same. */
  fingerprint: number;
  crashes: number;
  stops: number;
  operations: number;
  refused: number;
  checkpoints: number;
  failedCheckpoints: number;
  fromCheckpoint: number;
  recomputed: number;
  /** Views that a start had to build from their inputs. */
  rebuilt: number;
  /** Starts that were compared with a server over the whole journal. */
  twins: number;
  /** Backups taken, and servers set back to one. */
  backups: number;
  restored: number;
  /** Deliveries to targets, answers to look-ups, sinks whose rows were compared with their target's. */
  delivered: number;
  answered: number;
  sinks: number;
}

/** A backup, with what it must have. */
interface Backup {
  readonly disk: (random: Random) => Disk;
  readonly ledger: ReadonlyMap<number, { readonly synced: boolean }>;
  readonly version: bigint;
  readonly covered: number;
}

/** What has been promised. */
interface Promised {
  /** Last record that survives the process, and power loss. */
  written: number;
  synced: number;
  ledger: Map<number, { readonly synced: boolean }>;
}

class Simulation {
  readonly #seed: number;
  readonly #random: Random;
  readonly #workload: Workload;
  readonly #clock: SystemClock = { micros: BigInt(EPOCH_MS) * 1000n };
  readonly #outside: Outside;
  readonly #atRest = new Map<string, State>();
  readonly #promised: Promised = { written: 0, synced: 0, ledger: new Map() };
  readonly #trace: (line: string) => void;
  readonly outcome: Outcome;
  #starts = 0;
  #backup: Backup | null = null;

  constructor(seed: number, directory: string, trace: (line: string) => void) {
    this.#seed = seed;
    this.#random = generator(seed);
    this.#workload = new Workload(generator(seed + 1_000_003), directory);
    this.#outside = new Outside(seed + 2_000_003);
    this.#trace = trace;
    this.outcome = {
      seed,
      fingerprint: 0,
      crashes: 0,
      stops: 0,
      operations: 0,
      refused: 0,
      checkpoints: 0,
      failedCheckpoints: 0,
      fromCheckpoint: 0,
      recomputed: 0,
      rebuilt: 0,
      twins: 0,
      backups: 0,
      restored: 0,
      delivered: 0,
      answered: 0,
      sinks: 0,
    };
  }

  #number(): number {
    return this.#seed * 64 + ++this.#starts;
  }

  async run(): Promise<Outcome> {
    let server = await this.#start(new Disk(generator(this.#number())));
    if (this.#random(2) === 0)
      await this.#expectDone(server, "SET millrace.clock = '2024-01-01 00:00:00+00'");
    server.still = true;
    for (const sql of this.#workload.setup()) await this.#expectDone(server, sql);
    server.still = false;
    for (let life = 0; life < LIVES; life++) {
      await this.#live(server);
      server = await this.#startAgain(server);
    }
    await this.#settle(server);
    this.outcome.recomputed += await recompute(server.database);
    server.database.close();
    return this.outcome;
  }

  async #expectDone(server: SimulatedServer, sql: string): Promise<void> {
    let [error] = await server.run([sql]);
    // Who is outside does not always answer.
    for (let tries = 0; /^(08|58)/.test(error?.state ?? '') && tries < 9; tries++)
      [error] = await server.run([sql]);
    if (error !== null) throw new SimulationFailure(`${sql}\nfailed: ${String(error)}`);
    this.#promised.written = server.disk.lastWritten;
    this.#promised.synced = server.disk.lastWritten;
  }

  async #start(disk: Disk): Promise<SimulatedServer> {
    const server = await SimulatedServer.start(disk, this.#clock, this.#outside, this.#number());
    if (server === null) throw new SimulationFailure('a server that nothing happened to has not started');
    return server;
  }

  // One life

  async #live(server: SimulatedServer): Promise<void> {
    const { disk } = server;
    const random = this.#random;
    disk.slowness = 1 + random(6);
    disk.crashAt = disk.events + 4 + random(random(4) === 0 ? 1500 : 420);
    const who = ([null, null, null, 'target', 'target', 'target', 'broker', 'client', 'rows'] as const)[
      random(9)
    ];
    disk.lossAfter = who ? { who, left: 1 + random(who === 'client' ? 14 : 4) } : null;
    server.pace = [1, 4, 64][random(3)] ?? 1;
    let faulty = 0;
    for (let step = 0; step < STEPS && !disk.dead; step++) {
      if (faulty > 0 && --faulty === 0) disk.fault = null;
      if (faulty === 0 && random(24) === 0) {
        disk.fault = random(2) === 0 ? 'full' : 'io';
        faulty = 1 + random(4);
        this.#trace(`-- the disk: ${disk.fault}`);
      }
      this.#changeOutside();
      if (random(30) === 0) await this.#takeBackup(server);
      if (disk.dead) break;
      if (random(7) === 0) server.beginCheckpoint();
      await this.#operation(server, this.#workload.next(server.database));
      if (disk.dead) break;
      await server.idle(random(10));
      if (!disk.dead) this.#expectRight(server);
      if (!disk.dead && random(2) === 0) await this.#rest(server);
    }
    disk.fault = null;
    disk.lossAfter = null;
    this.#outside.start();
    this.outcome.delivered += server.loops.delivered;
    this.outcome.answered += server.loops.answered;
    this.outcome.checkpoints += server.checkpoints;
    this.outcome.failedCheckpoints += server.failedCheckpoints;
  }

  async #takeBackup(server: SimulatedServer): Promise<void> {
    const { disk } = server;
    const ledger = new Map(this.#promised.ledger);
    await server.endCheckpoint();
    const before = server.checkpoints;
    server.beginCheckpoint();
    await server.endCheckpoint();
    if (disk.dead || server.checkpoints === before) return;
    this.#trace('-- a backup');
    this.outcome.backups++;
    this.#backup = { disk: disk.backup(), ledger, version: disk.version, covered: disk.covered };
  }

  /** Somebody goes away, or comes back. */
  #changeOutside(): void {
    const { target, broker, answers } = this.#outside;
    switch (this.#random(40)) {
      case 0:
        target.down = true;
        return;
      case 1:
        answers.down = true;
        return;
      case 2:
        broker.stop();
        return;
      default:
        if (this.#random(6) === 0) this.#outside.start();
    }
  }

  #expectRight({ database, disk }: SimulatedServer): void {
    expectRunning(database);
    const wrong = this.#outside.wrong ?? disk.wrong;
    if (wrong !== null) throw new SimulationFailure(wrong);
    this.outcome.sinks += checkFed(database);
    checkMessages(database, this.#outside);
    checkPauses(database, this.#outside);
    checkLookups(database, this.#outside, false);
  }

  /** Everybody answers, and everything is taken and delivered. */
  async #settle(server: SimulatedServer): Promise<void> {
    const { database } = server;
    this.#outside.start();
    this.#trace('-- everything is delivered');
    for (const name of ['SOURCE rs', 'TABLE rn', 'TABLE ru']) await server.run([`ALTER ${name} RESUME`]);
    await server.settle(async () => {
      for (const { name, runtime } of database.sinks.list())
        if (runtime.paused !== null) await server.run([`ALTER SINK ${name} RESUME`]);
      return isRead(database, this.#outside);
    });
    await server.quiet();
    if (server.disk.dead) return;
    this.#expectRight(server);
    this.outcome.sinks += checkDelivered(database, this.#outside);
    checkLookups(database, this.#outside, true);
    server.loud();
  }

  async #operation(server: SimulatedServer, operation: Operation): Promise<void> {
    this.outcome.operations++;
    this.#trace(`-- ${server.disk.events} events, record ${server.journal.lastSeq}`);
    switch (operation.kind) {
      case 'poll':
        this.#trace('-- poll');
        await server.poll();
        return;
      case 'messages': {
        const { topic, messages } = operation;
        this.#trace(`-- ${topic}: ${messages.map((m) => JSON.stringify(m)).join(' ')}`);
        for (const { partition, message } of messages) this.#outside.broker.send(topic, partition, message);
        await server.poll();
        return;
      }
      case 'time':
        this.#trace(`-- ${operation.ms} ms later`);
        this.#clock.micros += BigInt(operation.ms) * 1000n;
        await server.runDue();
        return;
      case 'sql':
        await this.#statements(server, operation);
        return;
    }
  }

  async #statements(
    server: SimulatedServer,
    { together, acknowledges }: Extract<Operation, { readonly kind: 'sql' }>,
  ): Promise<void> {
    const { disk } = server;
    const results = await server.run(together);
    if (disk.dead) {
      this.#trace(`${together.join(' || ')}; -- the server died`);
      return;
    }
    for (const [i, error] of results.entries()) {
      const sql = together[i] ?? '';
      this.#trace(`${sql};${error === null ? '' : ` -- ${error.state} ${error.message}`}`);
      if (error?.detail?.includes('will be undone by a crash') === true && disk.fault === 'full')
        throw new SimulationFailure(`${sql}: the space that was kept for it has not served`);
      if (error === null) this.#promise(server, sql, acknowledges[i] ?? []);
      else this.outcome.refused++;
    }
    if (results.every((error) => error === null)) this.#promised.written = disk.lastWritten;
    disk.told('client');
  }

  /** A statement has been done. */
  #promise({ database, disk }: SimulatedServer, sql: string, ids: readonly number[]): void {
    const promised = this.#promised;
    const synced = !sql.includes('synchronous_commit = off');
    const ledger = database.catalog.find('public', 'ledger', [])?.id;
    const records = synced ? ids.map((id) => disk.newest('commit', `[${ledger},1,"${id}",`)) : [];
    if (/^(CREATE|DROP|ALTER|COMMENT) /.test(sql)) records.push(disk.newest('ddl', ''));
    promised.synced = Math.max(promised.synced, ...records);
    for (const id of ids) promised.ledger.set(id, { synced });
  }

  /** Nothing runs but maybe a checkpoint: what is written is what is there. */
  async #rest(server: SimulatedServer): Promise<void> {
    const { disk, journal, database } = server;
    if (!journal.flushSoon() || disk.dead) return;
    if (disk.lastWritten !== journal.lastSeq) {
      throw new SimulationFailure(`${disk.lastWritten} records are written of ${journal.lastSeq}`);
    }
    this.#atRest.set(disk.historyThrough(disk.lastWritten), stateOf(database));
    // Nothing may come in between.
    if (this.#random(4) === 0 && server.loops.pending === 0)
      this.outcome.recomputed += await recompute(database);
  }

  // Between two

  async #startAgain(server: SimulatedServer): Promise<SimulatedServer> {
    const random = generator(this.#number());
    let { disk } = server;
    let kind: CrashKind = disk.lostAfter === null && random(2) === 0 ? 'process' : 'power';
    const last = disk.dead || this.#random(3) > 0 ? null : await this.#stop(server);
    if (last === null) {
      this.outcome.crashes++;
      disk.dead = true;
      await server.bury();
    }
    const backup = disk.lostAfter === null && this.#random(4) === 0 ? this.#backup : null;
    if (backup !== null) return this.#goBack(backup);
    for (;;) {
      this.#trace(`-- ${last === null ? `${kind} death` : 'stopped'}`);
      disk = disk.afterCrash(kind, random);
      this.#expectPromised(disk, kind);
      // It may die while it starts.
      if (random(6) === 0) disk.crashAt = random(6);
      const started = await SimulatedServer.start(disk, this.#clock, this.#outside, this.#number());
      this.#expectFound(disk);
      if (started !== null) {
        if (disk.crashAt !== null) disk.crashAt = null;
        if (last !== null)
          expectSame(
            this.#comparable(started, stateOf(started.database)),
            this.#comparable(started, last),
            'after a stop',
          );
        await this.#check(started, kind);
        if (this.#random(4) === 0) await this.#settle(started);
        return started;
      }
      kind = random(2) === 0 ? 'process' : 'power';
    }
  }

  /** A directory is made of the backup, and a server started over it. */
  async #goBack({ disk: restored, ledger, version, covered }: Backup): Promise<SimulatedServer> {
    this.#trace('-- set back to the backup');
    this.outcome.restored++;
    const promised = this.#promised;
    promised.ledger = new Map(ledger);
    promised.written = covered;
    promised.synced = covered;
    this.#outside.setBack(version);
    const server = await this.#start(restored(generator(this.#number())));
    if (server.database.version !== version)
      throw new SimulationFailure(`a backup of version ${version} has version ${server.database.version}`);
    await this.#check(server, 'process');
    await this.#expectPaused(server);
    return server;
  }

  /** Targets that have more than the server are not written to. */
  async #expectPaused(server: SimulatedServer): Promise<void> {
    const { database } = server;
    const ahead = aheadOf(database, this.#outside);
    const has = (): string => ahead.map((sink) => changesOf(database, sink, this.#outside)).join(', ');
    const before = has();
    for (let turn = 0; ahead.some(({ runtime }) => runtime.paused === null); turn++) {
      if (turn > 5000) throw new SimulationFailure('a sink whose target is ahead is not paused');
      await server.idle(1);
    }
    if (has() !== before) throw new SimulationFailure('a target that is ahead was written to');
  }

  /** The state at the end; null: it died on the way. */
  async #stop(server: SimulatedServer): Promise<State | null> {
    server.disk.crashAt = null;
    await server.endCheckpoint();
    await server.quiet();
    const state = stateOf(server.database);
    await server.stop();
    this.outcome.stops++;
    const { lastWritten, lastSynced, covered } = server.disk;
    if (lastWritten > Math.max(lastSynced, covered))
      throw new SimulationFailure(`it stopped with ${lastWritten} records, ${lastSynced} on disk`);
    return state;
  }

  #expectPromised(disk: Disk, kind: CrashKind): void {
    const promised = kind === 'process' ? this.#promised.written : this.#promised.synced;
    if (disk.lastWritten < promised) {
      throw new SimulationFailure(
        `${promised} records were promised (${kind}), ${disk.lastWritten} are left`,
      );
    }
    // Of what was not synced, whatever the next server finds good.
    if (kind === 'power') this.#promised.written = this.#promised.synced;
  }

  /** A server has looked at the journal. */
  #expectFound({ found }: Disk): void {
    const promised = this.#promised;
    if (found === null) return;
    if (found < promised.written)
      throw new SimulationFailure(`${promised.written} records were promised, ${found} have been found`);
    promised.written = found;
  }

  #comparable(server: SimulatedServer, state: State): State {
    return server.database.environment.serverClock.virtual ? state : withoutTime(state);
  }

  async #check(server: SimulatedServer, kind: CrashKind): Promise<void> {
    const { database, disk, report } = server;
    if (report.checkpoint !== null) this.outcome.fromCheckpoint++;
    this.#expectReason(report.rebuilt);
    const state = stateOf(database);
    const before = this.#atRest.get(disk.historyThrough(disk.lastWritten));
    if (before !== undefined) {
      expectSame(
        this.#comparable(server, state),
        this.#comparable(server, before),
        'against the server before',
      );
    }
    await this.#compareWithTwin(server, state);
    this.#expectRight(server);
    this.outcome.recomputed += await recompute(database);
    await this.#checkLedger(server, kind);
  }

  async #compareWithTwin({ database, disk }: SimulatedServer, state: State): Promise<void> {
    const history = disk.wholeHistory();
    if (history === null) return;
    const twin = await SimulatedServer.start(history, this.#clock, this.#outside, this.#number());
    if (twin === null) throw new SimulationFailure('a server over the whole journal has not started');
    expectSame(state, stateOf(twin.database), 'against the whole journal');
    checkTarget(database, twin.database, this.#outside);
    twin.database.close();
    this.outcome.twins++;
  }

  /** No view is planned otherwise by a restart. */
  #expectReason(rebuilt: SimulatedServer['report']['rebuilt']): void {
    this.outcome.rebuilt += rebuilt.length;
    if (rebuilt.length > 0) {
      throw new SimulationFailure(`views were built again: ${JSON.stringify(rebuilt)}`);
    }
  }

  async #checkLedger(server: SimulatedServer, kind: CrashKind): Promise<void> {
    const [result] = await server.session.run('SELECT id FROM ledger');
    const there = new Set((result?.rows ?? []).map((row) => Number(row[0])));
    for (const [id, { synced }] of this.#promised.ledger) {
      if (there.has(id)) continue;
      if (synced || kind === 'process')
        throw new SimulationFailure(`ledger row ${id} was promised, and is gone`);
      this.#promised.ledger.delete(id);
    }
  }
}

/** Goes through the history of a seed. Throws what is wrong, with the statements that led there. */
export async function simulate(seed: number): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-simulation-'));
  const lines: string[] = [];
  try {
    const outcome = await new Simulation(seed, directory, (line) => lines.push(line)).run();
    outcome.fingerprint = crc32(lines.join('\n').replaceAll(directory, ''));
    return outcome;
  } catch (error) {
    const text =
      error instanceof Error ? (error.cause instanceof Error ? error.cause.stack : error.stack) : '';
    throw new SimulationFailure(
      `seed ${seed}: ${error instanceof Error ? error.message : String(error)}\n${text}\n\n${lines.join('\n')}`,
      { cause: error },
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
