/**
 * A target of sinks in memory that outlives servers, as strict as a real one: what is prepared is not visible, a commit makes it so
 * together with its last epoch. Any answer may be slow or lost; a commit whose answer is lost has happened, or not, or will have
 * turned out to have when the next writer asks. A dead server's calls do nothing.
 *
 * State: for each sink's identity the changes that are visible, in order, their last epoch, and what was prepared and not
 * committed. Invariant, checked by every commit: epochs rise, each comes whole and once.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DataType } from '../../common/dataType.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import type { Row } from '../../common/value.ts';
import type {
  SinkBatch,
  SinkConfig,
  SinkConnector,
  SinkTransaction,
  SinkWriter,
} from '../../connector/sink.ts';
import type { Life } from './life.ts';
import type { Random } from './views.ts';

const plain = plainContext(() => 0n);

/** A change as text. */
export interface Delivered {
  readonly epoch: bigint;
  readonly at: bigint;
  /** Within its epoch. */
  readonly number: number;
  readonly before: string | null;
  readonly after: string | null;
}

export function rowText(row: Row | null, types: readonly DataType[]): string | null {
  if (row === null) return null;
  const texts = types.map((type, i) => {
    const value = row[i] ?? null;
    return value === null ? null : formatValue(value, type, plain);
  });
  return JSON.stringify(texts);
}

/** The changes of a batch, one by one. */
export function deliveredOf(batch: SinkBatch, types: readonly DataType[]): readonly Delivered[] {
  return batch.changes.map(({ before, after }, i) => ({
    epoch: batch.epoch,
    at: batch.at,
    number: batch.first + i,
    before: rowText(before, types),
    after: rowText(after, types),
  }));
}

interface Prepared {
  readonly changes: readonly Delivered[];
  readonly last: bigint;
  /** Its commit was asked for: it may turn out to have happened. */
  doubtful: boolean;
}

/** What the target has of one sink. */
export class Place {
  readonly visible: Delivered[] = [];
  epoch: bigint | null = null;
  left: Prepared[] = [];
  /** The server was set back to before what is here: nothing about it can be known. */
  astray = false;

  /** What is wrong with making this visible; null: nothing. */
  wrongWith({ changes, last }: Prepared): string | null {
    let epoch = this.epoch ?? -1n;
    let number = 0;
    const first = changes[0]?.epoch;
    if (first !== undefined && first <= epoch) return `epoch ${first} comes after ${epoch}`;
    for (const change of changes) {
      if (change.epoch < epoch) return `epoch ${change.epoch} comes after ${epoch}`;
      if (change.epoch !== epoch) number = 0;
      if (change.number !== number)
        return `change ${change.number} of epoch ${change.epoch} instead of ${number}`;
      epoch = change.epoch;
      number++;
    }
    return epoch === last ? null : `a commit of epoch ${last} ends with ${epoch}`;
  }

  apply(prepared: Prepared): void {
    this.visible.push(...prepared.changes);
    this.epoch = prepared.last;
    this.left = this.left.filter((p) => p !== prepared);
  }

  /** The rows that the changes come to. Throws a TypeError where a change does not fit the rows before it. */
  fold(): readonly string[] {
    const rows = new Map<string, number>();
    const add = (row: string, weight: number): void => {
      const count = (rows.get(row) ?? 0) + weight;
      if (count < 0) throw new TypeError(`row ${row} is taken back, and is not there`);
      if (count === 0) rows.delete(row);
      else rows.set(row, count);
    };
    for (const { before, after } of this.visible) {
      if (before !== null) add(before, -1);
      if (after !== null) add(after, 1);
    }
    return [...rows].flatMap(([row, count]) => Array.from({ length: count }, () => row)).sort();
  }
}

export class Target {
  readonly #random: Random;
  readonly #places = new Map<string, Place>();
  /** Nobody can reach it. */
  down = false;
  /** What must not have happened. */
  wrong: string | null = null;
  commits = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  place(identity: string): Place {
    let place = this.#places.get(identity);
    if (place === undefined) {
      place = new Place();
      this.#places.set(identity, place);
    }
    return place;
  }

  /** The server was set back to this version: what is of a later one, or may turn out to be, will never come again. */
  setBack(version: bigint): void {
    for (const place of this.#places.values()) {
      const latest = [place.epoch, ...place.left.map((prepared) => prepared.last)];
      if (latest.some((epoch) => epoch !== null && epoch > version)) place.astray = true;
    }
  }

  /** For one life of a server. */
  connector(life: Life): SinkConnector {
    return {
      name: 'target',
      doc: 'A target in memory.',
      options: [{ name: 'size', type: 'integer', default: '3', alterable: true, doc: 'Rows of a delivery.' }],
      formats: ['NATIVE', 'PLAIN JSON', 'UPSERT JSON', 'DEBEZIUM JSON'],
      guarantee: 'exactly once',
      batching: (options) => ({ rows: Number(options.get('size')), millis: 0 }),
      open: async (config) => {
        await this.#reach(life);
        return this.#writer(config, life);
      },
    };
  }

  /** Some turns later, if the target answers at all. */
  async #reach(life: Life): Promise<void> {
    for (let i = this.#random(4); i > 0; i--) await nextTurn();
    if (!life.event()) throw new Error('the server is dead');
    if (this.down || this.#random(16) === 0) throw new Error('the target does not answer');
  }

  #writer({ identity, columns }: SinkConfig, life: Life): SinkWriter {
    const place = this.place(identity);
    const types = columns.map((c) => c.type);
    return {
      recover: async () => {
        await this.#reach(life);
        for (const prepared of place.left) {
          if (prepared.doubtful && this.#random(2) === 0) this.#commit(place, prepared);
        }
        place.left = [];
        return place.epoch;
      },
      begin: async () => {
        await this.#reach(life);
        return this.#transaction(place, types, life);
      },
      close: async () => {},
    };
  }

  #commit(place: Place, prepared: Prepared): void {
    const wrong = place.astray ? null : place.wrongWith(prepared);
    if (wrong !== null) this.wrong ??= wrong;
    place.apply(prepared);
    this.commits++;
  }

  #transaction(place: Place, types: readonly DataType[], life: Life): SinkTransaction {
    const changes: Delivered[] = [];
    let prepared: Prepared | null = null;
    return {
      write: async (batch) => {
        await this.#reach(life);
        changes.push(...deliveredOf(batch, types));
      },
      prepare: async (last) => {
        await this.#reach(life);
        prepared = { changes, last, doubtful: false };
        place.left.push(prepared);
        if (this.#random(16) === 0) throw new Error('it is prepared, and the answer was lost');
      },
      commit: async () => {
        if (prepared === null) throw new TypeError('committed before it was prepared');
        prepared.doubtful = life.isAlive();
        await this.#reach(life);
        this.#commit(place, prepared);
        life.told('target');
        if (!life.event() || this.#random(12) === 0)
          throw new Error('it is committed, and the answer was lost');
      },
      abort: async () => {
        await this.#reach(life);
        place.left = place.left.filter((p) => p !== prepared);
      },
    };
  }
}
