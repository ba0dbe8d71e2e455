/**
 * One seeded history: two sources with partitions, disorder, duplicates, idle spells, NULL and far-future times. Millrace
 * gets every arrival; PostgreSQL the rows that the model of admission admits. Views on update must equal PostgreSQL at
 * every check; views on window close must never take a row back and equal PostgreSQL when all windows have closed.
 */
import { must } from '../../../common/assert.ts';
import { Random } from '../random.ts';
import type { Answer, Target, TextRow } from '../target.ts';
import { AdmissionModel } from './admission.ts';
import { timeQueries } from './queries.ts';

const MINUTE = 60_000_000;
const START = Date.UTC(2024, 4, 1) * 1000;

interface Stream {
  readonly name: 'e' | 'f';
  readonly model: AdmissionModel;
  readonly partitions: readonly string[];
  admitted: number;
  late: number;
}

export interface TimeRunOptions {
  readonly seed: number;
  /** Rounds of arrivals; each ends with a check. */
  readonly rounds: number;
}

export interface TimeOutcome {
  readonly findings: readonly string[];
  readonly comparisons: number;
  readonly admitted: number;
  readonly late: number;
}

const stamp = (micros: number): string => {
  const text = new Date(Math.floor(micros / 1000)).toISOString().replace('T', ' ').replace('Z', '');
  return `${text}${String(micros % 1000).padStart(3, '0')}`;
};

const sorted = (rows: readonly TextRow[]): readonly string[] =>
  rows.map((row) => row.map((v) => v ?? 'NULL').join(' | ')).sort();

export class TimeRun {
  readonly #expected: Target;
  readonly #actual: Target;
  readonly #random: Random;
  readonly #streams: readonly Stream[];
  readonly #findings: string[] = [];
  readonly #published = new Map<string, readonly string[]>();
  #comparisons = 0;
  #now = START;
  /** Event time runs ahead of its disorder. */
  #time = START - 30 * MINUTE;

  constructor(expected: Target, actual: Target, seed: number) {
    this.#expected = expected;
    this.#actual = actual;
    this.#random = new Random(seed);
    this.#streams = (['e', 'f'] as const).map((name) => {
      const partitions = this.#random.chance(0.4) ? ['0'] : ['a', 'b', 'c'];
      const model = new AdmissionModel({
        delay: MINUTE,
        idleTimeout: 2 * MINUTE,
        maxSkew: 60 * MINUTE,
        partitions,
        now: START,
      });
      return { name, model, partitions, admitted: 0, late: 0 };
    });
  }

  async run(options: TimeRunOptions): Promise<TimeOutcome> {
    await this.#create();
    for (let round = 0; round < options.rounds; round++) {
      await this.#arrivals();
      if (this.#random.chance(0.3)) await this.#quiet();
      await this.#check(round);
    }
    await this.#closeAll();
    const count = (pick: (s: Stream) => number): number => this.#streams.reduce((sum, s) => sum + pick(s), 0);
    return {
      findings: this.#findings,
      comparisons: this.#comparisons,
      admitted: count((s) => s.admitted),
      late: count((s) => s.late),
    };
  }

  async #rows(target: Target, sql: string): Promise<readonly string[]> {
    const answer: Answer = await target.run(sql);
    if ('failure' in answer) throw new TypeError(`${answer.failure.state} ${answer.failure.message}: ${sql}`);
    return sorted(answer.rows);
  }

  async #create(): Promise<void> {
    await this.#rows(this.#actual, `SET millrace.clock = '${stamp(START)}+00'`);
    for (const { name, partitions } of this.#streams) {
      await this.#rows(
        this.#actual,
        `CREATE SOURCE ${name} (k int, v int, t timestamp, WATERMARK FOR t AS t - INTERVAL '1 minute')
         WITH (connector = 'inject', partitions = '${partitions.join(',')}', watermark.idle.timeout = '2 minutes',
           watermark.max.future.skew = '60 minutes')`,
      );
      await this.#rows(this.#expected, `CREATE TABLE ${name} (k int, v int, t timestamp)`);
    }
    for (const query of timeQueries) await this.#createViews(query.name, query.millrace, query.closes);
  }

  async #createViews(name: string, sql: string, closes: boolean): Promise<void> {
    await this.#rows(this.#actual, `CREATE MATERIALIZED VIEW u_${name} AS ${sql}`);
    if (closes)
      await this.#rows(this.#actual, `CREATE MATERIALIZED VIEW c_${name} AS ${sql} EMIT ON WINDOW CLOSE`);
  }

  /** Some messages, in statements of one to a dozen. */
  async #arrivals(): Promise<void> {
    for (let i = this.#random.int(1, 6); i > 0; i--) {
      const stream = this.#random.pick(this.#streams);
      const partition = this.#random.pick(stream.partitions);
      const rows = Array.from({ length: this.#random.int(1, 12) }, () => this.#row());
      const values = rows.map((r) => `(${r.k}, ${r.v}, ${r.time === null ? 'NULL' : `'${stamp(r.time)}'`})`);
      await this.#rows(
        this.#actual,
        `INJECT INTO ${stream.name} PARTITION '${partition}' VALUES ${values.join(', ')}`,
      );
      const admitted = values.filter((_, j) =>
        stream.model.arrive({ partition, time: must(rows[j]).time }, this.#now),
      );
      stream.admitted += admitted.length;
      stream.late += rows.length - admitted.length;
      if (admitted.length > 0) {
        await this.#rows(this.#expected, `INSERT INTO ${stream.name} VALUES ${admitted.join(', ')}`);
      }
    }
  }

  #row(): { readonly k: number; readonly v: number; readonly time: number | null } {
    const random = this.#random;
    this.#time += random.int(0, 40) * 1_000_000;
    const k = random.int(1, 3);
    const v = random.int(0, 9);
    if (random.chance(0.02)) return { k, v, time: null };
    if (random.chance(0.02)) return { k, v, time: this.#now + 90 * MINUTE };
    const back = random.chance(0.15) ? random.int(0, 300) : random.int(0, 60);
    return { k, v, time: this.#time - back * 1_000_000 };
  }

  /** The clock goes on; partitions may fall idle. */
  async #quiet(): Promise<void> {
    const micros = this.#random.int(30, 200) * 1_000_000;
    this.#now += micros;
    await this.#rows(this.#actual, `ADVANCE CLOCK BY INTERVAL '${micros / 1_000_000} seconds'`);
    for (const { model } of this.#streams) model.clock(this.#now);
  }

  #differ(what: string, expected: readonly string[], actual: readonly string[]): void {
    this.#comparisons++;
    if (expected.join('\n') === actual.join('\n')) return;
    const missing = expected.filter((row) => !actual.includes(row)).slice(0, 5);
    const extra = actual.filter((row) => !expected.includes(row)).slice(0, 5);
    this.#findings.push(
      `${what}: ${expected.length} rows expected, ${actual.length} found\n  missing ${missing.join('\n          ')}\n  extra ${extra.join('\n        ')}`,
    );
  }

  async #check(round: number): Promise<void> {
    for (const query of timeQueries) {
      const expected = await this.#rows(this.#expected, query.postgres);
      const actual = await this.#rows(this.#actual, `SELECT * FROM u_${query.name}`);
      this.#differ(`round ${round}, ${query.name} on update`, expected, actual);
      if (query.closes) await this.#checkKept(query.name, round);
    }
  }

  /** Rows given on window close are never taken back. */
  async #checkKept(name: string, round: number): Promise<void> {
    const rows = await this.#rows(this.#actual, `SELECT * FROM c_${name}`);
    const left = [...rows];
    const lost = (this.#published.get(name) ?? []).filter((row) => {
      const at = left.indexOf(row);
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
    if (lost.length > 0)
      this.#findings.push(`round ${round}, ${name} on close lost ${lost.slice(0, 3).join('; ')}`);
    this.#published.set(name, rows);
  }

  async #closeAll(): Promise<void> {
    for (const { name } of this.#streams) {
      await this.#rows(this.#actual, `ADVANCE WATERMARK FOR ${name} TO '2030-01-01'`);
    }
    const idle = this.#streams.some((s) => s.model.wasIdle);
    for (const query of timeQueries) {
      // While a source was idle the other one's windows closed without it; its rows are late for such views.
      if (!query.closes || (query.sources === 2 && idle)) continue;
      const expected = await this.#rows(this.#expected, query.postgres);
      this.#differ(
        `${query.name} on window close`,
        expected,
        await this.#rows(this.#actual, `SELECT * FROM c_${query.name}`),
      );
    }
    for (const { name, late } of this.#streams) {
      const counted = await this.#rows(this.#actual, `SELECT count(*) FROM millrace_late.${name}`);
      this.#differ(`late rows of ${name}`, [String(late)], counted);
    }
  }
}
