/** Takes checkpoints at intervals, while there is something new, and a last one when the server stops. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SqlError } from '../../common/sqlError.ts';
import type { Checkpointer } from './checkpointer.ts';

export class CheckpointSchedule {
  readonly checkpointer: Checkpointer;
  readonly #intervalMs: number;
  readonly #log: (line: string) => void;
  readonly #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(checkpointer: Checkpointer, intervalMs: number, log: (line: string) => void) {
    this.checkpointer = checkpointer;
    this.#intervalMs = intervalMs;
    this.#log = log;
  }

  start(): void {
    if (Number.isFinite(this.#intervalMs)) this.#done = this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(this.#intervalMs, undefined, { signal, ref: false }).catch(() => {});
      if (!signal.aborted) await this.#checkpoint();
    }
  }

  async #checkpoint(): Promise<void> {
    if (!this.checkpointer.isBehind()) return;
    try {
      await this.checkpointer.checkpoint();
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      // Nothing is lost: the journal still has everything since the checkpoint before.
      this.#log(`checkpoint failed: ${error.message}`);
    }
  }

  /** Takes the last one. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    await this.#checkpoint();
    await this.checkpointer.close();
  }
}
