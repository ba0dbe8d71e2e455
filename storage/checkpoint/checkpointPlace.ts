/** Where checkpoints are kept, as narrow interfaces: the data directory, or a disk in a test's hands. */
import type { SqlError } from '../../common/sqlError.ts';
import { type CheckpointEnd, CheckpointFile } from './checkpointFile.ts';
import { CheckpointWriter } from './checkpointWriter.ts';
import { DamageMark } from './damageMark.ts';
import type { BlockSource } from './image.ts';

/** The newest checkpoint. What is damaged throws SqlError XX001. */
export interface CheckpointInput extends BlockSource {
  readonly path: string;
  /** Null: there is none. */
  description(): string | null;
  image(name: string): Uint8Array | null;
  imageNames(): readonly string[];
  blockIds(): readonly number[];
  close(): void;
}

/** Writes checkpoints, one after the other, each all or nothing. */
export interface CheckpointOutput {
  /** Bytes that were handed over and not taken. */
  readonly outstanding: number;
  /** Why the running checkpoint cannot succeed; null: nothing is known against it. */
  readonly failure: SqlError | null;
  begin(): void;
  /** Memory for the block that is handed over next: so many bytes from a multiple of 8 on, with anything in them. */
  room(bytes: number): Uint8Array;
  /** The memory is the writer's from now on. */
  block(id: number, bytes: Uint8Array): void;
  /** Resolves when at most `bytes` are outstanding. */
  drained(bytes: number): Promise<void>;
  /** Resolves when the checkpoint is on disk. */
  commit(end: CheckpointEnd): Promise<void>;
  /** Ends the running checkpoint without it. */
  abandon(): void;
  close(): Promise<void>;
}

export interface CheckpointPlace {
  open(): CheckpointInput;
  writer(): CheckpointOutput;
  /** Where damage that shows later is noted. */
  readonly damage?: DamageMark;
}

/** The data directory. `roomBytes`: see CheckpointWriter. */
export function inDirectory(directory: string, roomBytes = 16 << 20): CheckpointPlace {
  return {
    open: () => new CheckpointFile(directory),
    writer: () => CheckpointWriter.inDirectory(directory, roomBytes),
    damage: new DamageMark(directory),
  };
}
