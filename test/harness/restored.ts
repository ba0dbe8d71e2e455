/**
 * A database and its double, which is put back from a checkpoint of it, in memory; what every operator of a view gives, tick by
 * tick, for comparing the two.
 */
import { must } from '../../common/assert.ts';
import { batchRow } from '../../executor/batchBuilder.ts';
import type { Emit, Operator } from '../../executor/operators/operator.ts';
import { Checkpointer } from '../../server/checkpoint/checkpointer.ts';
import { readDescription } from '../../server/checkpoint/description.ts';
import { RecoveryProgress } from '../../server/checkpoint/progress.ts';
import { type Rebuilt, restoreCheckpoint } from '../../server/checkpoint/restoration.ts';
import type { Database } from '../../server/database.ts';
import { createDatabase, ddlRunner } from '../../server/serve.ts';
import { ServerClock } from '../../server/time/clock.ts';
import type {
  CheckpointInput,
  CheckpointOutput,
  CheckpointPlace,
} from '../../storage/checkpoint/checkpointPlace.ts';
import { showRow } from './operators.ts';

const START = 1_704_067_200_000_000n;

/** A database whose clock stands unless it is moved, and whose random values are always the same. */
export function deterministicDatabase(): Database {
  const serverClock = new ServerClock(() => START);
  const database = createDatabase({
    serverClock,
    clock: () => serverClock.now(),
    random: () => 0.5,
    randomBytes: (count) => new Uint8Array(count).fill(7),
  });
  return database;
}

/** Checkpoints in memory. */
export class MemoryPlace implements CheckpointPlace {
  #blocks = new Map<number, Uint8Array<ArrayBuffer>>();
  #images = new Map<string, Uint8Array>();
  #description: string | null = null;

  copy(): MemoryPlace {
    const copy = new MemoryPlace();
    copy.#blocks = new Map(this.#blocks);
    copy.#images = new Map(this.#images);
    copy.#description = this.#description;
    return copy;
  }

  open(): CheckpointInput {
    return {
      path: 'memory',
      description: () => this.#description,
      image: (name) => this.#images.get(name) ?? null,
      imageNames: () => [...this.#images.keys()],
      blockIds: () => [...this.#blocks.keys()],
      // Each restart has memory of its own.
      block: (id) => Uint8Array.from(must(this.#blocks.get(id), `block ${id}`)),
      close: () => {},
    };
  }

  writer(): CheckpointOutput {
    let running = new Map<number, Uint8Array<ArrayBuffer>>();
    return {
      outstanding: 0,
      failure: null,
      room: (bytes) => new Uint8Array(bytes),
      begin: () => {
        running = new Map();
      },
      block: (id, bytes) => void running.set(id, Uint8Array.from(bytes)),
      drained: () => Promise.resolve(),
      commit: ({ description, images, droppedImages, droppedBlocks }) => {
        for (const [id, bytes] of running) this.#blocks.set(id, bytes);
        for (const id of droppedBlocks) this.#blocks.delete(id);
        for (const [name, bytes] of images) this.#images.set(name, Uint8Array.from(bytes));
        for (const name of droppedImages) this.#images.delete(name);
        this.#description = description;
        return Promise.resolve();
      },
      abandon: () => {
        running = new Map();
      },
      close: () => Promise.resolve(),
    };
  }
}

/** A database with checkpoints. */
export interface Kept {
  readonly database: Database;
  readonly place: MemoryPlace;
  readonly checkpointer: Checkpointer;
}

/** A fresh one, which is deterministic. */
export function freshKept(): Kept {
  const database = deterministicDatabase();
  const place = new MemoryPlace();
  const start = { number: 0, journalSeq: 0, lastBlockId: 0, blockIds: new Set<number>(), images: new Map() };
  return { database, place, checkpointer: new Checkpointer(database, place, start) };
}

/** A fresh one with what the newest checkpoint of another holds, and with checkpoints that go on from there. */
export async function restored(from: Kept): Promise<Kept & { readonly rebuilt: readonly Rebuilt[] }> {
  const database = deterministicDatabase();
  const place = from.place.copy();
  const input = place.open();
  const progress = new RecoveryProgress(
    () => START,
    () => {},
  );
  const description = must(readDescription(input));
  const rebuilt = await restoreCheckpoint(database, input, description, ddlRunner(database), progress);
  const checkpointer = new Checkpointer(database, place, {
    number: description.number,
    journalSeq: description.journalSeq,
    lastBlockId: description.lastBlock,
    blockIds: new Set(input.blockIds()),
    images: new Map(input.imageNames().map((name) => [name, must(input.image(name))])),
  });
  return { database, place, checkpointer, rebuilt };
}

/** What the operators of the maintained views give. */
export class Outputs {
  readonly #database: Database;
  readonly #nodes: readonly { readonly operator: Operator; readonly rows: Map<string, number> }[];

  constructor(database: Database) {
    this.#database = database;
    this.#nodes = operatorsOf(database).map((operator) => ({ operator, rows: record(operator) }));
  }

  /** Since the last call, by operator: net rows that it gave, and rows that it holds; then rows that failed. */
  take(): readonly string[] {
    const lines: string[] = [];
    this.#nodes.forEach(({ operator, rows }, i) => {
      const name = `${i} ${operator.constructor.name}`;
      lines.push(`${name} holds ${operator.stateRows()}`);
      for (const [row, weight] of [...rows].sort())
        if (weight !== 0) lines.push(`${name} ${weight} x ${row}`);
      rows.clear();
    });
    const errors = this.#database.rowErrors.entries();
    lines.push(...errors.map(({ operator, message, count }) => `${operator} ${message} ${count}`).sort());
    return lines;
  }
}

/** Those of all views, and of what they share. */
export function operatorsOf({ dataflow }: Database): readonly Operator[] {
  return dataflow.nodes.flatMap(({ operator }) => (operator === null ? [] : [operator]));
}

/** Net rows by their text, from now on. */
function record(operator: Operator): Map<string, number> {
  const rows = new Map<string, number>();
  const watched =
    (emit: Emit): Emit =>
    (batch) => {
      for (let i = 0; i < batch.length; i++) {
        const row = showRow(batchRow(batch, i));
        rows.set(row, (rows.get(row) ?? 0) + must(batch.weights[i]));
      }
      emit(batch);
    };
  const push = operator.push.bind(operator);
  const flush = operator.flush.bind(operator);
  operator.push = (port, batch, emit) => push(port, batch, watched(emit));
  operator.flush = (emit) => flush(watched(emit));
  return rows;
}
