/**
 * The watermark of a source or table, and the one decision about lateness.
 *
 * A row is late iff its event time is below the watermark that arrivals before it made: its own partition's, or the
 * merged one where that is higher (its partition was idle, or is new). An arrival is one message of a partition, or all
 * rows of one transaction (`arriveTogether`). Batches, polls and ticks play no part.
 *
 * State: per partition its watermark and counters; the merged watermark. Merged = the least over partitions that are not
 * idle; when all are idle, the greatest that any has reached.
 * Invariants: no watermark goes back; a partition that is not idle has merged <= its own watermark, or merged is older
 * than the partition (`#wake` lifts it), so the merged one needs to be made anew only when somebody asks or the set of
 * active partitions changes.
 */
import { Partition, type PartitionJson, text, units } from './partition.ts';

/** Partition of everything that has no partitions. */
export const ONLY_PARTITION = '0';

/** How long until a partition counts as idle, and what then; times in microseconds of the clock. */
export interface IdleRule {
  readonly timeout: bigint | null;
  readonly followClock: boolean;
  /** Microseconds as units of the column, rounded down. */
  readonly elapsed: (micros: bigint) => bigint;
}

/** Late ones carry the watermark that they are below. */
export type Verdict = 'admitted' | 'late' | 'null';

/** Event time and watermark expression of one row; null: none. */
export interface Timing {
  readonly time: bigint | null;
  readonly mark: bigint | null;
}

/** A clock-following watermark moves in steps of a second, or of a hundredth of the time that it has followed. */
const STEP_MICROS = 1_000_000n;
const STEPS = 100n;

const later = (a: bigint | null, b: bigint | null): bigint | null =>
  a === null ? b : b === null || a >= b ? a : b;

export class EventTime {
  readonly idleRule: IdleRule;
  readonly #partitions = new Map<string, Partition>();
  #merged: bigint | null = null;
  /** What the last arrival was judged by; null: nothing. */
  threshold: bigint | null = null;
  /** Clock time since which all partitions are idle, and the watermark then. */
  #idleSince: bigint | null = null;
  #anchor: bigint | null = null;
  #followedAt: bigint | null = null;
  /** The partition that stands for those which nobody has named: it goes when another one comes first. */
  #placeholder: Partition | null = null;

  /** `partitions`: those known before anything has come; the watermark waits for them. */
  constructor(idleRule: IdleRule, partitions: readonly string[], now: bigint) {
    this.idleRule = idleRule;
    for (const name of partitions) this.#partitions.set(name, new Partition(name, now));
    if (partitions.length === 0) {
      this.#placeholder = new Partition(ONLY_PARTITION, now);
      this.#partitions.set(ONLY_PARTITION, this.#placeholder);
    }
  }

  partitions(): readonly Partition[] {
    return [...this.#partitions.values()];
  }

  find(name: string): Partition | null {
    return this.#partitions.get(name) ?? null;
  }

  /** The partition of that name; a new one starts at the merged watermark. */
  partition(name: string, now: bigint, passive = false): Partition {
    const known = this.#partitions.get(name);
    if (known !== undefined) return known;
    if (this.#placeholder?.untouched === true && !passive) {
      this.#partitions.delete(this.#placeholder.name);
      this.#placeholder = null;
    }
    const made = new Partition(name, now, passive);
    made.watermark = this.watermark();
    this.#partitions.set(name, made);
    if (!passive) this.#idleSince = null;
    return made;
  }

  /** Partitions that there are, before anything has come of them: the watermark waits for them. */
  announce(names: readonly string[], now: bigint): void {
    if (names.length > 0 && this.#placeholder?.untouched === true) {
      this.#partitions.delete(this.#placeholder.name);
      this.#placeholder = null;
    }
    for (const name of names) this.partition(name, now);
  }

  /** The merged watermark now; null: none yet. */
  watermark(): bigint | null {
    let least: bigint | null = null;
    let greatest: bigint | null = this.#merged;
    let active = 0;
    let unknown = false;
    for (const p of this.#partitions.values()) {
      greatest = later(greatest, p.watermark);
      if (p.idle) continue;
      active++;
      if (p.watermark === null) unknown = true;
      else if (least === null || p.watermark < least) least = p.watermark;
    }
    if (active === 0) this.#merged = greatest;
    else if (!unknown) this.#merged = later(this.#merged, least);
    return this.#merged;
  }

  /** Nobody waits for this relation. */
  get idle(): boolean {
    for (const p of this.#partitions.values()) if (!p.idle) return false;
    return true;
  }

  // Arrivals

  /** One message. `late` rows and those without an event time count, but are not admitted. */
  arrive(p: Partition, time: bigint | null, mark: bigint | null, now: bigint): Verdict {
    this.#touch(p, now);
    this.threshold = p.watermark;
    if (time === null) {
      p.nullTime++;
      return 'null';
    }
    const late = p.watermark !== null && time < p.watermark;
    this.#count(p, time, p.maxEventTime, late ? p.watermark : null);
    if (mark !== null) p.watermark = later(p.watermark, mark);
    return late ? 'late' : 'admitted';
  }

  /** All rows of one transaction: each judged by what was before the first. */
  arriveTogether(p: Partition, rows: readonly Timing[], now: bigint): readonly Verdict[] {
    this.#touch(p, now);
    const threshold = p.passive ? this.watermark() : p.watermark;
    this.threshold = threshold;
    const before = p.maxEventTime;
    const verdicts = rows.map(({ time }): Verdict => {
      if (time === null) {
        p.nullTime++;
        return 'null';
      }
      const late = threshold !== null && time < threshold;
      this.#count(p, time, before, late ? threshold : null);
      return late ? 'late' : 'admitted';
    });
    for (const { time, mark } of rows) {
      if (time !== null && mark !== null) p.watermark = later(p.watermark, mark);
    }
    return verdicts;
  }

  /** A message that was kept out because its clock is ahead. */
  arriveFromFuture(p: Partition, now: bigint): void {
    this.#touch(p, now);
    p.future++;
  }

  #count(p: Partition, time: bigint, before: bigint | null, lateFor: bigint | null): void {
    p.rows++;
    p.disorder.add(before === null || time >= before ? 0n : before - time);
    if (p.maxEventTime === null || time > p.maxEventTime) p.maxEventTime = time;
    if (lateFor === null) return;
    p.late++;
    if (lateFor - time > p.maxLateness) p.maxLateness = lateFor - time;
  }

  #touch(p: Partition, now: bigint): void {
    if (now > p.lastArrival) p.lastArrival = now;
    if (p.idle && !p.passive) this.#wake(p);
  }

  /** Others did not wait for the partition: what they have reached binds it too. */
  #wake(p: Partition): void {
    p.watermark = later(p.watermark, this.watermark());
    p.idle = false;
    this.#idleSince = null;
  }

  // What the clock and users do

  /** Moves one partition's watermark, or everyone's. False: it was not below `to`. */
  advance(name: string | null, to: bigint, now: bigint): boolean {
    if (name !== null) {
      const p = this.partition(name, now);
      const from = p.watermark;
      if (from !== null && to <= from) return false;
      this.#touch(p, now);
      p.watermark = later(p.watermark, to);
      return true;
    }
    const merged = this.watermark();
    if (merged !== null && to <= merged) return false;
    for (const p of this.#partitions.values()) p.watermark = later(p.watermark, to);
    this.#merged = to;
    if (this.#idleSince !== null) this.#anchorAt(now);
    return true;
  }

  #anchorAt(now: bigint): void {
    this.#idleSince = now;
    this.#anchor = this.#merged;
    this.#followedAt = now;
  }

  /** Partitions that have been quiet for too long. */
  expired(now: bigint): readonly string[] {
    const { timeout } = this.idleRule;
    if (timeout === null) return [];
    return this.partitions()
      .filter((p) => !p.idle && p.lastArrival + timeout <= now)
      .map((p) => p.name);
  }

  /** From now on nobody waits for these; `since`: the clock time at which the last of them became idle. */
  setIdle(names: readonly string[], since: bigint): void {
    for (const name of names) {
      const p = this.#partitions.get(name);
      if (p !== undefined) p.idle = true;
    }
    this.watermark();
    if (this.idle) this.#anchorAt(since);
  }

  /** When the last of `names` became idle. */
  idleSince(names: readonly string[]): bigint {
    let since = 0n;
    for (const name of names) {
      const at = (this.#partitions.get(name)?.lastArrival ?? 0n) + (this.idleRule.timeout ?? 0n);
      if (at > since) since = at;
    }
    return since;
  }

  /** While all are idle, the watermark goes on with the clock where that is wanted. True when it moved. */
  follow(now: bigint): boolean {
    if (!this.idleRule.followClock || this.#idleSince === null || this.#anchor === null) return false;
    const before = this.#merged;
    this.#merged = later(before, this.#anchor + this.idleRule.elapsed(now - this.#idleSince));
    this.#followedAt = now;
    return this.#merged !== before;
  }

  /** The merged watermark is the clock's work, not the partitions': it cannot be made from arrivals again. */
  get followed(): boolean {
    return this.#idleSince !== null && this.#merged !== this.#anchor;
  }

  /** Clock time of the next change that time alone makes; null: none. */
  nextChange(): bigint | null {
    const { timeout } = this.idleRule;
    let next: bigint | null = null;
    if (timeout !== null) {
      for (const p of this.#partitions.values()) {
        const at = p.lastArrival + timeout;
        if (!p.idle && (next === null || at < next)) next = at;
      }
    }
    if (this.idleRule.followClock && this.#idleSince !== null && this.#followedAt !== null) {
      const gone = (this.#followedAt - this.#idleSince) / STEPS;
      const at = this.#followedAt + (gone > STEP_MICROS ? gone : STEP_MICROS);
      if (this.#anchor !== null && (next === null || at < next)) next = at;
    }
    return next;
  }

  // Keeping

  toJson(): EventTimeJson {
    return {
      merged: text(this.#merged),
      idleSince: text(this.#idleSince),
      anchor: text(this.#anchor),
      followedAt: text(this.#followedAt),
      placeholder: this.#placeholder !== null,
      partitions: this.partitions().map((p) => p.toJson()),
    };
  }

  restore(json: EventTimeJson): void {
    this.#partitions.clear();
    for (const p of json.partitions) this.#partitions.set(p.name, Partition.fromJson(p));
    this.#placeholder = json.placeholder ? (this.#partitions.get(ONLY_PARTITION) ?? null) : null;
    this.#merged = units(json.merged);
    this.#idleSince = units(json.idleSince);
    this.#anchor = units(json.anchor);
    this.#followedAt = units(json.followedAt);
  }

  /** After a restart nobody has been quiet yet. */
  restart(now: bigint): void {
    for (const p of this.#partitions.values()) if (!p.idle && now > p.lastArrival) p.lastArrival = now;
  }
}

export interface EventTimeJson {
  readonly merged: string | null;
  readonly idleSince: string | null;
  readonly anchor: string | null;
  readonly followedAt: string | null;
  readonly placeholder: boolean;
  readonly partitions: readonly PartitionJson[];
}
