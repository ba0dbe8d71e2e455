/**
 * The thread that writes the checkpoints of a simulated server: messages are carried out some turns after they were sent, and the
 * memory that both sides see is looked at only then. A commit is all or nothing, and on the disk; one that failed may turn out to be
 * there after a crash.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CheckpointEnd } from '../../storage/checkpoint/checkpointFile.ts';
import type {
  PackedBlock,
  WriterAnswer,
  WriterRequest,
  WriterThread,
} from '../../storage/checkpoint/checkpointWriter.ts';

export interface Checkpoint {
  readonly description: string | null;
  readonly images: ReadonlyMap<string, Uint8Array>;
  readonly blocks: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
}

export const nothing: Checkpoint = { description: null, images: new Map(), blocks: new Map() };

type Blocks = ReadonlyMap<number, Uint8Array<ArrayBuffer>>;

/** What becomes of a checkpoint by the next one. */
function changed(before: Checkpoint, written: Blocks, end: CheckpointEnd): Checkpoint {
  const blocks = new Map(before.blocks);
  for (const [id, bytes] of written) blocks.set(id, bytes);
  for (const id of end.droppedBlocks) blocks.delete(id);
  const images = new Map(before.images);
  for (const name of end.droppedImages) images.delete(name);
  for (const [name, bytes] of end.images) images.set(name, Uint8Array.from(bytes));
  return { description: end.description, images, blocks };
}

/** The disk as this thread sees it. */
export interface ThreadDisk {
  /** False: the server is dead. */
  event(): boolean;
  /** What a write meets; null: nothing. */
  fault(): 'full' | 'io' | null;
  /** Turns of the event loop that a message takes. */
  turns(): number;
  newest(): Checkpoint;
  replace(checkpoint: Checkpoint): void;
  /** It may turn out to have been committed. */
  doubt(checkpoint: Checkpoint): void;
}

export class SimulatedThread implements WriterThread {
  readonly #disk: ThreadDisk;
  readonly #memory: SharedArrayBuffer;
  #messages: WriterRequest[] = [];
  #busy = false;
  #blocks = new Map<number, Uint8Array<ArrayBuffer>>();
  #failed = false;
  #answer: (answer: WriterAnswer) => void = () => {};
  #exit: () => void = () => {};

  constructor(disk: ThreadDisk, memory: SharedArrayBuffer) {
    this.#disk = disk;
    this.#memory = memory;
  }

  onAnswer(run: (answer: WriterAnswer) => void): void {
    this.#answer = run;
  }

  onError(): void {}

  onExit(run: () => void): void {
    this.#exit = run;
  }

  ref(): void {}

  unref(): void {}

  postMessage(request: WriterRequest, handedOver: readonly ArrayBuffer[] = []): void {
    // As between threads: whoever still looks at what was handed over sees nothing.
    this.#messages.push(structuredClone(request, { transfer: [...handedOver] }));
    if (!this.#busy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let next = this.#messages.shift(); next !== undefined; next = this.#messages.shift()) {
      for (let i = this.#disk.turns(); i >= 0; i--) await nextTurn();
      // What a dead server's thread was told is not done, and nobody hears of it.
      if (!this.#disk.event()) return;
      if (!this.#carryOut(next)) return;
    }
    this.#busy = false;
  }

  /** False: the server has died, or the thread was told to end. */
  #carryOut(request: WriterRequest): boolean {
    switch (request.kind) {
      case 'begin':
        this.#blocks = new Map();
        this.#failed = false;
        this.#meet(this.#disk.fault());
        return true;
      case 'blocks':
        this.#take(request.blocks);
        return true;
      case 'commit':
        return this.#commit(request.end);
      case 'abandon':
        this.#blocks = new Map();
        return true;
      case 'close':
        this.#exit();
        return false;
    }
  }

  #meet(fault: 'full' | 'io' | null): void {
    if (fault === null || this.#failed) return;
    this.#failed = true;
    this.#answer({
      kind: 'failed',
      state: fault === 'full' ? '53100' : '58030',
      message: 'cannot write the checkpoint',
    });
  }

  #take(blocks: readonly PackedBlock[]): void {
    this.#meet(this.#disk.fault());
    let bytes = 0;
    for (const block of blocks) {
      const contents = 'own' in block ? block.own : new Uint8Array(this.#memory, block.at, block.length);
      this.#blocks.set(block.id, Uint8Array.from(contents));
      bytes += contents.byteLength;
    }
    this.#answer({ kind: 'taken', bytes, pieces: blocks.filter((block) => 'at' in block).length });
  }

  #commit(end: CheckpointEnd): boolean {
    if (this.#failed) return true;
    const made = changed(this.#disk.newest(), this.#blocks, end);
    const fault = this.#disk.fault();
    if (fault !== null) {
      if (fault === 'io') this.#disk.doubt(made);
      this.#meet(fault);
      return true;
    }
    this.#disk.replace(made);
    if (!this.#disk.event()) return false;
    this.#answer({ kind: 'committed' });
    return true;
  }
}
