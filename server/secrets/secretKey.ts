/**
 * The key by which values of secrets are kept: AES-256-GCM. It is the one that the server is given, or lies in the file
 * `secret.key` of the data directory, which is made when the first secret is. A sealed value names its key by the first bytes of the
 * key's hash, and belongs to one secret: under another id it cannot be opened.
 *
 * State: the keys that are known. A server without a data directory keeps nothing, and has a key for its lifetime.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SqlError } from '../../common/sqlError.ts';
import { fileError, moveInto } from '../../storage/checkpoint/backupWriter.ts';

export const KEY_FILE = 'secret.key';
export const KEY_VARIABLE = 'MILLRACE_SECRET_KEY';

const FORMAT = 1;
const KEY_BYTES = 32;
const KEY_NAME_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + KEY_NAME_BYTES + NONCE_BYTES + TAG_BYTES;

/** 32 bytes in hex or base64; null: it is neither. */
function parseKey(text: string): Buffer | null {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
  if (!/^[A-Za-z0-9+/]{43}=$/.test(trimmed)) return null;
  return Buffer.from(trimmed, 'base64');
}

const nameOf = (key: Buffer): Buffer => createHash('sha256').update(key).digest().subarray(0, KEY_NAME_BYTES);

export class SecretKey {
  readonly #directory: string | null;
  readonly #given: Buffer | null;
  /** The one of the directory, or of this server's lifetime. */
  #own: Buffer | null = null;

  /** `given`: the key as the operator has set it, which comes before the one of the directory. */
  constructor(directory: string | null, given: string | null = null) {
    this.#directory = directory;
    this.#given = given === null ? null : parseKey(given);
    if (given !== null && this.#given === null) {
      throw new SqlError('22023', `${KEY_VARIABLE} is not a key`, {
        hint: 'It takes 32 bytes as 64 hexadecimal digits or in base64, such as `openssl rand -hex 32` gives.',
      });
    }
  }

  get #path(): string | null {
    return this.#directory === null ? null : join(this.#directory, KEY_FILE);
  }

  /** The key of the file; null: there is none. */
  #read(): Buffer | null {
    if (this.#own !== null || this.#path === null) return this.#own;
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw fileError(`could not read file "${this.#path}"`, error);
    }
    this.#own = parseKey(text);
    if (this.#own !== null) return this.#own;
    throw new SqlError('XX001', `file "${this.#path}" holds no key`, {
      hint: `Put a copy of the file back, or set ${KEY_VARIABLE}.`,
    });
  }

  #make(): Buffer {
    const key = randomBytes(KEY_BYTES);
    if (this.#path !== null) {
      try {
        writeKey(this.#path, `${key.toString('hex')}\n`);
      } catch (error) {
        throw fileError(`could not write file "${this.#path}"`, error);
      }
    }
    this.#own = key;
    return key;
  }

  /** The value of the secret with this id, for the disk. Makes the key if there is none. */
  seal(id: number, value: string): string {
    const key = this.#given ?? this.#read() ?? this.#make();
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(`millrace secret ${id}`));
    const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
    const head = [Buffer.from([FORMAT]), nameOf(key), nonce, cipher.getAuthTag()];
    return Buffer.concat([...head, text]).toString('base64');
  }

  /** True when the key of now has sealed it. */
  isCurrent(sealed: string): boolean {
    const key = this.#given ?? this.#read();
    return (
      key !== null &&
      Buffer.from(sealed, 'base64')
        .subarray(1, 1 + KEY_NAME_BYTES)
        .equals(nameOf(key))
    );
  }

  /** The value that was sealed. SqlError 55000 without its key, XX001 when it is damaged. */
  open(id: number, sealed: string, shownName: string): string {
    const bytes = Buffer.from(sealed, 'base64');
    if (bytes.length < HEAD_BYTES || bytes[0] !== FORMAT) throw this.#damaged(shownName);
    const name = bytes.subarray(1, 1 + KEY_NAME_BYTES);
    const key = [this.#given, this.#read()].find((k) => k !== null && nameOf(k).equals(name)) ?? null;
    if (key === null) throw this.#missing(shownName);
    const nonce = bytes.subarray(1 + KEY_NAME_BYTES, HEAD_BYTES - TAG_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(`millrace secret ${id}`));
    decipher.setAuthTag(bytes.subarray(HEAD_BYTES - TAG_BYTES, HEAD_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(HEAD_BYTES)), decipher.final()]).toString('utf8');
    } catch {
      throw this.#damaged(shownName);
    }
  }

  #damaged(shownName: string): SqlError {
    return new SqlError('XX001', `the value of secret "${shownName}" is damaged`, {
      hint: `Start with --accept-data-loss, which leaves the secret without a value, and give it one: ALTER SECRET ${shownName} AS '...'.`,
    });
  }

  #missing(shownName: string): SqlError {
    const path = this.#path ?? KEY_FILE;
    const has = this.#given !== null || this.#read() !== null;
    return new SqlError('55000', `the value of secret "${shownName}" cannot be read`, {
      detail: has ? 'It was kept with another key.' : `There is no key: file "${path}" is missing.`,
      hint: `Copy the file ${KEY_FILE} of the data directory that the value comes from to "${path}", or set ${KEY_VARIABLE} to that key. If the key is lost, start with --accept-data-loss, which leaves secrets without values, and give each one again: ALTER SECRET name AS '...'.`,
    });
  }
}

/** Writes a file for its owner alone, whole or not at all. On disk on return. */
function writeKey(path: string, text: string): void {
  const part = `${path}.part`;
  rmSync(part, { force: true });
  const file = openSync(part, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  moveInto(path, part);
}
