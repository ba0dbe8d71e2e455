/**
 * What happens to the server in the middle of a file, unseen by its records: between them it is restarted, or crashes, or another one
 * goes on from its backup, or every view is replaced by itself, at places chosen by a seed. Whatever it was before it must be
 * after: every row, row of state, failed row, watermark and definition, and no view may have been built again, unless the file replaces views:
 * those over them keep plans that would not be made now. Of views that the scenario replaces, the rows must be the same.
 */
import { createHash } from 'node:crypto';
import { differences } from './databaseText.ts';
import type { Outage, OwnServer } from './ownServer.ts';
import type { SltRecord } from './record.ts';
import { replaceViews } from './replaceViews.ts';

export const scenarios = ['restart', 'crash', 'backup', 'replace'] as const;
export type Scenario = (typeof scenarios)[number];

export function isScenario(mode: string): mode is Scenario {
  return scenarios.some((scenario) => scenario === mode);
}

export interface ScenarioOptions {
  readonly scenario: Scenario;
  readonly seed: number;
  /** Before every so many records; null: at a few places. */
  readonly every: number | null;
}

/** Places in a file unless it is told how often. */
const PLACES = 3;

export class ScenarioRun {
  readonly #server: OwnServer;
  readonly #options: ScenarioOptions;
  readonly #random: (name: string) => number;
  #places: ReadonlySet<number> = new Set();
  /** Places of checkpoints, in the scenario of crashes. */
  #checkpoints: ReadonlySet<number> = new Set();
  #mayRebuild = false;

  constructor(server: OwnServer, options: ScenarioOptions, file: string) {
    this.#server = server;
    this.#options = options;
    this.#random = (name) => {
      const hash = createHash('sha256').update(`${options.seed} ${file} ${name}`).digest();
      return hash.readUInt32LE() / 2 ** 32;
    };
  }

  /** Chooses among the places before the records and after the last one. */
  plan(records: readonly SltRecord[]): void {
    const { every } = this.#options;
    this.#mayRebuild = records.some(
      (r) => 'sql' in r && /^\s*create\s+or\s+replace\b.*\bview\b/is.test(r.sql),
    );
    const all = records.map((_, i) => i + 1);
    if (every !== null) {
      this.#places = new Set(all.filter((i) => i % every === 0));
      this.#checkpoints = new Set(all.filter((i) => this.#random(`checkpoint ${i}`) < 0.3));
      return;
    }
    const rank = new Map(all.map((i) => [i, this.#random(`place ${i}`)]));
    const places = [...all].sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0)).slice(0, PLACES);
    places.sort((a, b) => a - b);
    this.#places = new Set(places);
    // Between the place before and this one, not always.
    this.#checkpoints = new Set(
      places.flatMap((place, i) => {
        const from = places[i - 1] ?? 0;
        const at = from + Math.floor(this.#random(`checkpoint ${i}`) * (place - from + 1));
        return this.#random(`no checkpoint ${i}`) < 0.25 ? [] : [at];
      }),
    );
  }

  /** Whether something is to happen before this record. */
  isPlace(record: number): boolean {
    return this.#places.has(record);
  }

  /** The server's address now. */
  get url(): string {
    return this.#server.url;
  }

  /** Sessions end with it. */
  get endsSessions(): boolean {
    return this.#options.scenario !== 'replace';
  }

  /** Takes a checkpoint if this is a place for one. */
  async pass(record: number): Promise<void> {
    if (this.#options.scenario === 'crash' && this.#checkpoints.has(record))
      await this.#server.run('CHECKPOINT');
  }

  /** Lets it happen. Gives what is wrong afterwards. */
  async happen(): Promise<readonly string[]> {
    const { scenario } = this.#options;
    return (await this.#outcome(scenario)).map((line) => `after a ${scenario}: ${line}`);
  }

  async #outcome(scenario: Scenario): Promise<readonly string[]> {
    switch (scenario) {
      case 'restart':
        return this.#wrong(await this.#server.restart());
      case 'crash':
        return this.#wrong(await this.#server.crash());
      case 'backup':
        return this.#wrong(await this.#server.backup());
      case 'replace':
        return replaceViews(this.#server.database);
    }
  }

  #wrong({ before, after, rebuilt }: Outage): readonly string[] {
    const built = rebuilt.map(({ view, reason }) => `view "${view}" was built again: ${reason}`);
    return [...(this.#mayRebuild ? [] : built), ...differences(before, after)];
  }
}
