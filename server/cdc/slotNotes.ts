/**
 * Which slots and publications this data directory has made in PostgreSQL, and how they are reached: a file for each in `cdc.slots`,
 * written before they are made and removed after they are dropped. So nothing is forgotten there, whenever the process dies.
 *
 * State: the notes in memory, and those on disk. Where there is no directory they last as long as the process. What is needed to
 * connect, with the password, is kept sealed, as secrets are.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { PostgresCdcOptions } from '../../connector/postgresCdc/options.ts';
import { fileError, moveInto } from '../../storage/checkpoint/backupWriter.ts';
import type { Database } from '../database.ts';

const DIRECTORY = 'cdc.slots';

export class SlotNotes {
  readonly #database: Database;
  readonly #notes = new Map<string, PostgresCdcOptions>();
  #directory: string | null = null;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Reads what is there; `onBroken` is told of notes that cannot be used, and stay. */
  open(directory: string, onBroken: (error: SqlError) => void): void {
    this.#directory = join(directory, DIRECTORY);
    for (const file of this.#files()) {
      if (file.endsWith('.part')) continue;
      try {
        const options = this.#read(file);
        this.#notes.set(options.slot, options);
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        onBroken(error);
      }
    }
  }

  #files(): readonly string[] {
    try {
      return readdirSync(must(this.#directory));
    } catch {
      return [];
    }
  }

  #read(file: string): PostgresCdcOptions {
    const path = join(must(this.#directory), file);
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      throw fileError(`could not read file "${path}"`, error);
    }
    const opened = this.#database.secrets.openOwn(text, `of file "${path}"`);
    return JSON.parse(opened) as PostgresCdcOptions;
  }

  list(): readonly PostgresCdcOptions[] {
    return [...this.#notes.values()];
  }

  /** On disk on return, where there is one. Throws SqlError. */
  keep(options: PostgresCdcOptions): void {
    const text = JSON.stringify(options);
    const known = this.#notes.get(options.slot);
    if (known !== undefined && JSON.stringify(known) === text) return;
    if (this.#directory !== null)
      this.#write(this.#directory, options.slot, this.#database.secrets.sealOwn(text));
    this.#notes.set(options.slot, options);
  }

  #write(directory: string, slot: string, text: string): void {
    const path = join(directory, slot);
    const part = `${path}.part`;
    try {
      mkdirSync(directory, { recursive: true });
      const file = openSync(part, 'w', 0o600);
      try {
        writeSync(file, text);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      moveInto(path, part);
    } catch (error) {
      throw fileError(`could not write file "${path}"`, error);
    }
  }

  forget(slot: string): void {
    this.#notes.delete(slot);
    if (this.#directory !== null) rmSync(join(this.#directory, slot), { force: true });
  }
}
