/**
 * The files beside a simulated journal, with what a system promises of files and no more. What was written is there for whoever
 * reads it, and after the death of the process; after power loss what was synced is there, and of the rest any part: sector by
 * sector, the end of the file too. A sync that has failed may have left out anything, and later ones say nothing of it. A file that
 * was taken away may be back after power loss, until another is made.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RowsFile, RowsFiles } from '../../storage/rowsFiles.ts';

const SECTOR = 32;

type Random = (n: number) => number;

interface Write {
  readonly at: number;
  readonly bytes: Uint8Array;
}

interface Contents {
  /** For whoever reads it. */
  readonly now: Uint8Array;
  /** On the disk for sure. */
  synced: Uint8Array;
  /** What leads from the one to the other. */
  waiting: Write[];
  /** What a sync that failed was to bring to the disk. */
  forgotten: Write[];
}

/** The bytes after a write; what lies between is zero. */
function after(before: Uint8Array, { at, bytes }: Write): Uint8Array {
  const made = new Uint8Array(Math.max(before.byteLength, at + bytes.byteLength));
  made.set(before);
  made.set(bytes, at);
  return made;
}

/** What the disk does with what it is asked for. */
export interface FilesDisk {
  /** Throws when the server is dead. */
  live(): void;
  /** Throws what a write meets; null: nothing. */
  meet(kind: 'write' | 'sync'): Error | null;
  readonly random: Random;
  /** Turns of the event loop that a sync takes. */
  turns(): number;
}

export class SimulatedFiles implements RowsFiles {
  readonly #disk: FilesDisk;
  readonly #files: Map<number, Contents>;
  /** Taken away, and not yet for sure. */
  readonly #removed = new Map<number, Contents>();

  constructor(disk: FilesDisk, files: ReadonlyMap<number, Uint8Array> = new Map()) {
    this.#disk = disk;
    this.#files = new Map(
      [...files].map(([name, bytes]) => [name, { now: bytes, synced: bytes, waiting: [], forgotten: [] }]),
    );
  }

  /** What a server finds after its death, or after power loss. */
  left(kind: 'process' | 'power', random: Random): ReadonlyMap<number, Uint8Array> {
    if (kind === 'process') return new Map([...this.#files].map(([name, { now }]) => [name, now]));
    const back = [...this.#removed].filter(() => random(3) === 0);
    return new Map([...back, ...this.#files].map(([name, contents]) => [name, torn(contents, random)]));
  }

  names(): readonly number[] {
    return [...this.#files.keys()];
  }

  create(name: number): RowsFile {
    this.#disk.live();
    const error = this.#disk.meet('write');
    if (error !== null) throw error;
    const none = new Uint8Array();
    this.#files.set(name, { now: none, synced: none, waiting: [], forgotten: [] });
    this.#removed.clear();
    this.#disk.live();
    return {
      write: (bytes, at) => this.#write(name, bytes, at),
      sync: () => this.#sync(name),
      syncNow: () => this.#syncNow(name),
      close: () => {},
    };
  }

  #change(name: number, change: (contents: Contents) => Contents): void {
    const contents = this.#files.get(name);
    // A file that was taken away while it was open.
    if (contents !== undefined) this.#files.set(name, change(contents));
  }

  #write(name: number, bytes: Uint8Array, at: number): void {
    this.#disk.live();
    const error = this.#disk.meet('write');
    const done = error === null ? bytes.byteLength : this.#disk.random(bytes.byteLength);
    const write = { at, bytes: bytes.slice(0, done) };
    this.#change(name, (contents) => ({
      ...contents,
      now: after(contents.now, write),
      waiting: [...contents.waiting, write],
    }));
    if (error !== null) throw error;
    this.#disk.live();
  }

  async #sync(name: number): Promise<void> {
    this.#disk.live();
    const waiting = this.#files.get(name)?.waiting ?? [];
    const error = this.#disk.meet('sync');
    for (let i = this.#disk.turns(); i >= 0; i--) await nextTurn();
    this.#disk.live();
    this.#end(name, waiting, error);
  }

  #syncNow(name: number): void {
    this.#disk.live();
    this.#end(name, this.#files.get(name)?.waiting ?? [], this.#disk.meet('sync'));
  }

  #end(name: number, writes: readonly Write[], error: Error | null): void {
    this.#change(name, (contents) => {
      const ended = contents.waiting.filter((write) => writes.includes(write));
      const waiting = contents.waiting.filter((write) => !writes.includes(write));
      return error === null
        ? { ...contents, waiting, synced: ended.reduce(after, contents.synced) }
        : { ...contents, waiting, forgotten: [...contents.forgotten, ...ended] };
    });
    if (error !== null) throw error;
    this.#disk.live();
  }

  read(name: number, at: number, bytes: number): Uint8Array | null {
    const contents = this.#files.get(name);
    if (contents === undefined || contents.now.byteLength < at + bytes) return null;
    // Memory of its own, from a multiple of 8 on.
    return contents.now.slice(at, at + bytes);
  }

  remove(name: number): void {
    this.#disk.live();
    const contents = this.#files.get(name);
    if (contents !== undefined) this.#removed.set(name, contents);
    this.#files.delete(name);
    this.#disk.live();
  }
}

/** Any part of what was not synced. */
function torn({ synced, waiting, forgotten }: Contents, random: Random): Uint8Array {
  // All, none, most, or about half of it.
  const share = [0, 8, 7, 4][random(4)] ?? 0;
  let bytes = synced;
  for (const write of [...forgotten, ...waiting]) {
    for (let from = 0; from < write.bytes.byteLength; from += SECTOR) {
      if (random(8) >= share) continue;
      bytes = after(bytes, { at: write.at + from, bytes: write.bytes.subarray(from, from + SECTOR) });
    }
  }
  return bytes;
}
