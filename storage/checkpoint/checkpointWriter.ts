/**
 * The writing of checkpoints, as the main thread sees it. Blocks are handed to a thread of their own without copying;
 * `outstanding` says how many bytes it has not taken yet, so that the sender can hold back.
 */
import { Worker } from 'node:worker_threads';
import { SqlError } from '../../common/sqlError.ts';
import type { SqlState } from '../../common/sqlStates.ts';
import { BufferPool } from './bufferPool.ts';
import type { CheckpointEnd } from './checkpointFile.ts';

export type WriterRequest =
  | { readonly kind: 'begin' }
  | { readonly kind: 'blocks'; readonly blocks: readonly PackedBlock[] }
  | { readonly kind: 'commit'; readonly end: CheckpointEnd }
  | { readonly kind: 'abandon' }
  | { readonly kind: 'close' };

export interface PackedBlock {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Blocks go together in messages of about so many bytes: each message costs both sides a turn. */
const MESSAGE_BYTES = 1 << 20;

export type WriterAnswer =
  /** `buffers`: the blocks' memory, given back. */
  | { readonly kind: 'taken'; readonly bytes: number; readonly buffers: readonly ArrayBuffer[] }
  | { readonly kind: 'committed' }
  | { readonly kind: 'failed'; readonly state: SqlState; readonly message: string };

export class CheckpointWriter {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #pool = new BufferPool();
  #outstanding = 0;
  /** Not sent yet. */
  #blocks: PackedBlock[] = [];
  #blockBytes = 0;
  #failure: SqlError | null = null;
  #end: { readonly resolve: () => void; readonly reject: (error: SqlError) => void } | null = null;
  #taken: (() => void)[] = [];
  #gone = false;

  constructor(directory: string) {
    this.#worker = new Worker(new URL('./checkpointWorker.ts', import.meta.url), {
      workerData: { directory },
    });
    this.#worker.on('message', (answer: WriterAnswer) => this.#answered(answer));
    this.#worker.on('error', (error) =>
      this.#fail(new SqlError('58030', `the checkpoint writer failed: ${String(error)}`)),
    );
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
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

  buffer(bytes: number): ArrayBuffer {
    return this.#pool.take(bytes);
  }

  /** Hands a block over; the memory is the writer's from now on. */
  block(id: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#outstanding += bytes.byteLength;
    this.#blocks.push({ id, bytes });
    this.#blockBytes += bytes.byteLength;
    if (this.#blockBytes >= MESSAGE_BYTES) this.#send();
  }

  #send(): void {
    const blocks = this.#blocks;
    if (blocks.length === 0) return;
    this.#blocks = [];
    this.#blockBytes = 0;
    const request: WriterRequest = { kind: 'blocks', blocks };
    this.#worker.postMessage(
      request,
      blocks.map(({ bytes }) => bytes.buffer),
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
        for (const buffer of answer.buffers) this.#pool.give(buffer);
        for (const resolve of this.#taken.splice(0)) resolve();
        return;
      case 'committed':
        this.#pool.clear();
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
