/**
 * A disk that stops in the middle of anything. What was not synced may be there after a power failure, or not: of a file's
 * unsynced end any part, of a directory's unsynced changes any first ones. A process that is killed loses nothing of it.
 */
import { basename } from 'node:path';
import type { FileSystem, WritableFile } from '../../../connector/fileSink/fileSystem.ts';

/** The disk has stopped. */
export class Stopped extends Error {}

interface Content {
  text: string;
  synced: number;
}

type Names = Map<string, Content>;
type Change = (names: Names) => void;

export class CrashDisk implements FileSystem {
  #durable: Names = new Map();
  #unsynced: Change[] = [];
  /** What is seen now. */
  names: Names = new Map();
  operations = 0;
  /** The operation before which it stops. */
  stopAt = Number.POSITIVE_INFINITY;

  #step(): void {
    if (this.operations++ >= this.stopAt) throw new Stopped('the disk has stopped');
  }

  #change(change: Change): void {
    change(this.names);
    this.#unsynced.push(change);
  }

  /** The process is killed: what was handed over stays. */
  kill(): void {
    this.stopAt = Number.POSITIVE_INFINITY;
  }

  /** The power fails. `random(n)`: an integer below n. */
  powerFailure(random: (n: number) => number): void {
    this.kill();
    const kept = random(this.#unsynced.length + 1);
    const names = new Map(this.#durable);
    for (const change of this.#unsynced.slice(0, kept)) change(names);
    for (const content of names.values()) {
      const length = content.synced + random(content.text.length - content.synced + 1);
      content.text = content.text.slice(0, length);
      content.synced = length;
    }
    this.#durable = names;
    this.names = new Map(names);
    this.#unsynced = [];
  }

  async makeDirectory(): Promise<void> {
    this.#step();
  }

  async list(): Promise<readonly string[]> {
    this.#step();
    return [...this.names.keys()].sort();
  }

  async read(path: string): Promise<string | null> {
    this.#step();
    return this.names.get(basename(path))?.text ?? null;
  }

  async create(path: string): Promise<WritableFile> {
    this.#step();
    const content: Content = { text: '', synced: 0 };
    this.#change((names) => names.set(basename(path), content));
    return {
      append: async (data) => {
        this.#step();
        content.text += typeof data === 'string' ? data : Buffer.from(data).toString('latin1');
      },
      sync: async () => {
        this.#step();
        content.synced = content.text.length;
      },
      close: async () => {},
    };
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step();
    const content = this.names.get(basename(from));
    if (content === undefined) throw new Error(`${from} is not there`);
    this.#change((names) => {
      names.delete(basename(from));
      names.set(basename(to), content);
    });
  }

  async remove(path: string): Promise<void> {
    this.#step();
    this.#change((names) => names.delete(basename(path)));
  }

  async syncDirectory(): Promise<void> {
    this.#step();
    this.#durable = new Map(this.names);
    this.#unsynced = [];
  }

  /** Lines of the parts that a reader sees, in the order of their names. */
  lines(): readonly string[] {
    return [...this.names]
      .filter(([name]) => name.startsWith('part-'))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, { text }]) => text.split('\n').slice(0, -1));
  }
}
