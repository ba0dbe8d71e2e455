/**
 * The writing of checkpoints, as the main thread sees it. Blocks go to a thread of their own through memory that both see, or
 * are handed over where that is full; `outstanding` says how many bytes it has not taken yet, so that the sender can hold back.
 */
import { Worker } from 'node:worker_threads';
import { SqlError } from '../../common/sqlError.ts';
import type { SqlState } from '../../common/sqlStates.ts';
import { BlockRing } from './blockRing.ts';
import type { CheckpointEnd } from './checkpointFile.ts';

export type WriterRequest =
  | { readonly kind: 'begin' }
  | { readonly kind: 'blocks'; readonly blocks: readonly PackedBlock[] }
  | { readonly kind: 'commit'; readonly end: CheckpointEnd }
  | { readonly kind: 'abandon' }
  | { readonly kind: 'close' };

/** A block in the ring, or in memory of its own. */
export type PackedBlock =
  | { readonly id: number; readonly at: number; readonly length: number }
  | { readonly id: number; readonly own: Uint8Array };

/** What the thread begins with. */
export interface WriterData {
  readonly directory: string;
  readonly memory: SharedArrayBuffer;
}

/** Blocks go together in messages of about so many bytes: each message costs both sides a turn. */
const MESSAGE_BYTES = 1 << 20;

export type WriterAnswer =
  /** `pieces`: how many of the blocks were in the ring; `bytes`: of all. */
  | { readonly kind: 'taken'; readonly bytes: number; readonly pieces: number }
  | { readonly kind: 'committed' }
  | { readonly kind: 'failed'; readonly state: SqlState; readonly message: string };

/** The thread, as the main one sees it. */
export interface WriterThread {
  postMessage(request: WriterRequest, handedOver?: readonly ArrayBuffer[]): void;
  onAnswer(run: (answer: WriterAnswer) => void): void;
  onError(run: (error: unknown) => void): void;
  onExit(run: () => void): void;
  /** While it is referred to, the process lives. */
  ref(): void;
  unref(): void;
}

function startThread(directory: string, memory: SharedArrayBuffer): WriterThread {
  const worker = new Worker(new URL('./checkpointWorker.ts', import.meta.url), {
    workerData: { directory, memory } satisfies WriterData,
  });
  return {
    postMessage: (request, handedOver = []) => worker.postMessage(request, handedOver),
    onAnswer: (run) => void worker.on('message', run),
    onError: (run) => void worker.on('error', run),
    onExit: (run) => void worker.on('exit', run),
    ref: () => worker.ref(),
    unref: () => worker.unref(),
  };
}

/** How blocks get to the thread. */
export interface WriterShape {
  /** Memory that both threads see. What has been touched of it stays with the process. */
  readonly roomBytes: number;
  /** Of a message, about. */
  readonly messageBytes: number;
}

export class CheckpointWriter {
  readonly #worker: WriterThread;
  readonly #exited: Promise<void>;
  readonly #ring: BlockRing;
  readonly #messageBytes: number;
  #outstanding = 0;
  /** Not sent yet. */
  #blocks: PackedBlock[] = [];
  #blockBytes = 0;
  #failure: SqlError | null = null;
  #end: { readonly resolve: () => void; readonly reject: (error: SqlError) => void } | null = null;
  #taken: (() => void)[] = [];
  #gone = false;

  /** Over a thread of its own that writes to the directory. */
  static inDirectory(directory: string, roomBytes: number): CheckpointWriter {
    const shape = { roomBytes, messageBytes: MESSAGE_BYTES };
    return new CheckpointWriter((memory) => startThread(directory, memory), shape);
  }

  constructor(start: (memory: SharedArrayBuffer) => WriterThread, { roomBytes, messageBytes }: WriterShape) {
    this.#ring = new BlockRing(roomBytes);
    this.#messageBytes = messageBytes;
    this.#worker = start(this.#ring.memory);
    this.#worker.onAnswer((answer) => this.#answered(answer));
    this.#worker.onError((error) =>
      this.#fail(new SqlError('58030', `the checkpoint writer failed: ${String(error)}`)),
    );
    this.#exited = new Promise((resolve) => {
      this.#worker.onExit(() => {
        this.#gone = true;
        this.#fail(new SqlError('58030', 'the checkpoint writer has ended'));
        resolve();
      });
    });
    this.#worker.unref();
  }

  /** Bytes that were handed over and not taken. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Why the running checkpoint cannot succeed; null: nothing is known against it. */
  get failure(): SqlError | null {
    return this.#failure;
  }

  /** The process lives until the checkpoint has ended; between checkpoints others decide. */
  begin(): void {
    this.#worker.ref();
    this.#failure = this.#gone ? new SqlError('58030', 'the checkpoint writer has ended') : null;
    this.#post({ kind: 'begin' });
  }

  /** Memory for the block that is handed over next. */
  room(bytes: number): Uint8Array {
    return this.#ring.take(bytes) ?? new Uint8Array(bytes);
  }

  /** Hands a block over; the memory is the writer's from now on. */
  block(id: number, bytes: Uint8Array): void {
    this.#outstanding += bytes.byteLength;
    this.#blocks.push(
      this.#ring.has(bytes) ? { id, at: bytes.byteOffset, length: bytes.byteLength } : { id, own: bytes },
    );
    this.#blockBytes += bytes.byteLength;
    if (this.#blockBytes >= this.#messageBytes) this.#send();
  }

  #send(): void {
    const blocks = this.#blocks;
    if (blocks.length === 0) return;
    this.#blocks = [];
    this.#blockBytes = 0;
    const request: WriterRequest = { kind: 'blocks', blocks };
    this.#worker.postMessage(
      request,
      blocks.flatMap((block) => ('own' in block ? [block.own.buffer as ArrayBuffer] : [])),
    );
  }

  /** Resolves when fewer than `bytes` are outstanding. */
  async drained(bytes: number): Promise<void> {
    this.#send();
    while (this.#outstanding > bytes && this.#failure === null) {
      await new Promise<void>((resolve) => this.#taken.push(resolve));
    }
  }

  /** Resolves when the checkpoint is on disk. */
  async commit(end: CheckpointEnd): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    const done = new Promise<void>((resolve, reject) => {
      this.#end = { resolve, reject };
    });
    this.#post({ kind: 'commit', end });
    await done;
  }

  abandon(): void {
    this.#post({ kind: 'abandon' });
  }

  async close(): Promise<void> {
    this.#worker.ref();
    if (!this.#gone) this.#post({ kind: 'close' });
    await this.#exited;
  }

  #post(request: WriterRequest): void {
    this.#send();
    this.#worker.postMessage(request);
  }

  #answered(answer: WriterAnswer): void {
    switch (answer.kind) {
      case 'taken':
        this.#outstanding -= answer.bytes;
        this.#ring.give(answer.pieces);
        for (const resolve of this.#taken.splice(0)) resolve();
        return;
      case 'committed':
        this.#worker.unref();
        this.#end?.resolve();
        this.#end = null;
        return;
      case 'failed':
        this.#fail(new SqlError(answer.state, answer.message));
        return;
    }
  }

  #fail(error: SqlError): void {
    this.#failure ??= error;
    this.#worker.unref();
    this.#end?.reject(error);
    this.#end = null;
    for (const resolve of this.#taken.splice(0)) resolve();
  }
}
