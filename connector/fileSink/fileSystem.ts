/** The operations on files that the file sink is made of, so that a test can put a disk of its own in their place. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';

/** A file that is being written. */
export interface WritableFile {
  append(data: string | Uint8Array): Promise<void>;
  /** What was appended is on disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileSystem {
  makeDirectory(path: string): Promise<void>;
  /** Names of the files in a directory. */
  list(path: string): Promise<readonly string[]>;
  /** Null: there is no such file. */
  read(path: string): Promise<string | null>;
  /** An empty file, in the place of what was there. */
  create(path: string): Promise<WritableFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Names that were made, changed and removed in the directory are on disk. */
  syncDirectory(path: string): Promise<void>;
}

export const realFileSystem: FileSystem = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true });
  },
  async list(path) {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((e) => e.isFile()).map((e) => e.name);
  },
  async read(path) {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
  },
  async create(path) {
    const handle = await open(path, 'w');
    return {
      append: async (data) => {
        await handle.appendFile(data);
      },
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  async syncDirectory(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};
