/**
 * The `file` sink: every delivery becomes one file of a directory, `part-<first epoch>-<last epoch>.<ndjson|csv|parquet>`, which appears
 * whole or not at all. Exactly once, also where readers take files away as soon as they see them.
 *
 * A delivery is written to a hidden file and synced (prepare). The commit point is the rename of the hidden file
 * `.millrace-sink`, which says whose directory it is, the last epoch, and the part that belongs to it; then the part gets its
 * name. A writer that finds a part which is committed but still hidden gives it its name; other hidden parts it removes.
 */
import { join } from 'node:path';
import { SqlError } from '../../common/sqlError.ts';
import type { OptionSpec } from '../connector.ts';
import {
  type SinkConfig,
  type SinkConnector,
  SinkRefusal,
  type SinkTransaction,
  type SinkWriter,
} from '../sink.ts';
import { type FileSystem, realFileSystem } from './fileSystem.ts';
import { parquetOptions } from './parquetFile.ts';
import { partBody, partExtension } from './partBody.ts';

const options: readonly OptionSpec[] = [
  {
    name: 'path',
    type: 'string',
    required: true,
    doc: 'Directory of the files; it is made, and belongs to this sink alone.',
  },
  {
    name: 'rollover_seconds',
    type: 'float',
    default: '1',
    alterable: true,
    doc: 'A file is finished when its oldest change has waited this long.',
  },
  {
    name: 'max_row_count',
    type: 'integer',
    default: '100000',
    alterable: true,
    doc: 'A file is finished early when so many changes wait.',
  },
  {
    name: 'compression',
    type: 'string',
    choices: ['none', 'gzip'],
    default: 'none',
    alterable: true,
    doc: 'How files of JSON and CSV are compressed. Parquet files have an option of their own.',
  },
];

const POSITION = '.millrace-sink';
const STAGED = /^\.part-.*\.tmp$|^\.millrace-sink\.tmp$/;
const PART = /^part-\d+-\d+\./;

/** What `.millrace-sink` says. */
interface Position {
  readonly sink: string;
  /** Null: nothing has been delivered. */
  readonly epoch: string | null;
  /** The committed part, and the hidden name that it had. */
  readonly part: string | null;
  readonly staged: string | null;
}

/** So that names sort as numbers do. */
const padded = (epoch: bigint): string => String(epoch).padStart(12, '0');

class FileWriter implements SinkWriter {
  readonly #config: SinkConfig;
  readonly #files: FileSystem;
  readonly #directory: string;

  constructor(config: SinkConfig, files: FileSystem) {
    this.#config = config;
    this.#files = files;
    this.#directory = config.options.get('path') ?? '';
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  async recover(): Promise<bigint | null> {
    const files = this.#files;
    await files.makeDirectory(this.#directory);
    const names = await files.list(this.#directory);
    const position = await this.#position(names);
    const { staged, part } = position;
    if (staged !== null && part !== null && names.includes(staged)) {
      await files.rename(this.#path(staged), this.#path(part));
    }
    for (const name of names) {
      if (STAGED.test(name) && name !== staged) await files.remove(this.#path(name));
    }
    if (position.sink !== this.#config.identity) {
      await this.#keep({ sink: this.#config.identity, epoch: null, part: null, staged: null });
    }
    await files.syncDirectory(this.#directory);
    return position.epoch === null ? null : BigInt(position.epoch);
  }

  /** What the directory says, if it may be ours. */
  async #position(names: readonly string[]): Promise<Position> {
    const unclaimed: Position = { sink: '', epoch: null, part: null, staged: null };
    const text = await this.#files.read(this.#path(POSITION));
    const position = text === null ? unclaimed : readPosition(text, this.#path(POSITION));
    const claimed = position.sink !== '' || names.some((name) => PART.test(name));
    if (position.sink !== this.#config.identity && claimed) throw taken(this.#directory);
    return position;
  }

  /** Writes `.millrace-sink`: it is the old one or the new one, never part of either. */
  async #keep(position: Position): Promise<void> {
    const files = this.#files;
    const temporary = this.#path(`${POSITION}.tmp`);
    const file = await files.create(temporary);
    try {
      await file.append(`${JSON.stringify(position)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await files.rename(temporary, this.#path(POSITION));
    await files.syncDirectory(this.#directory);
  }

  async begin(first: bigint): Promise<SinkTransaction> {
    const staged = `.part-${padded(first)}.tmp`;
    const file = await this.#files.create(this.#path(staged));
    const body = await partBody(this.#config, file);
    let last = first;
    let open = true;
    const close = async (): Promise<void> => {
      if (open) await file.close();
      open = false;
    };
    return {
      write: (batch) => body.write(batch),
      prepare: async (through) => {
        last = through;
        await body.finish();
        await file.sync();
        await close();
        await this.#files.syncDirectory(this.#directory);
      },
      commit: () => this.#commit(staged, first, last),
      abort: async () => {
        await close();
        await this.#files.remove(this.#path(staged));
      },
    };
  }

  async #commit(staged: string, first: bigint, last: bigint): Promise<void> {
    const part = `part-${padded(first)}-${padded(last)}.${partExtension(this.#config)}`;
    await this.#keep({ sink: this.#config.identity, epoch: String(last), part, staged });
    await this.#files.rename(this.#path(staged), this.#path(part));
    await this.#files.syncDirectory(this.#directory);
  }

  async release(): Promise<void> {
    await this.#files.remove(this.#path(POSITION));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function readPosition(text: string, path: string): Position {
  try {
    const position = JSON.parse(text) as Partial<Position>;
    const { sink = '', epoch = null, part = null, staged = null } = position;
    return { sink, epoch, part, staged };
  } catch {
    throw new SinkRefusal(`the file "${path}" is damaged: it does not say which epoch was delivered last`);
  }
}

function taken(directory: string): SqlError {
  return new SqlError('55000', `the directory "${directory}" belongs to another sink`, {
    hint: 'Give each sink a directory of its own. One that no sink uses any more can be removed.',
  });
}

/** The connector over a file system. */
export function fileSinkOver(files: FileSystem): SinkConnector {
  return {
    name: 'file',
    doc: 'Files in a local directory, each complete when it appears.',
    options,
    formats: ['PLAIN JSON', 'PLAIN CSV', 'UPSERT JSON', 'DEBEZIUM JSON', 'PLAIN PARQUET'],
    encodeOptions: new Map([['PARQUET', parquetOptions]]),
    guarantee: 'exactly once',
    batching: (given) => ({
      rows: Number(given.get('max_row_count') ?? 1),
      millis: Number(given.get('rollover_seconds') ?? 0) * 1000,
    }),
    open: (config) => Promise.resolve(new FileWriter(config, files)),
  };
}

export const fileSink: SinkConnector = fileSinkOver(realFileSystem);
