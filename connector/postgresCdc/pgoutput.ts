/**
 * Decodes messages of pgoutput, PostgreSQL's own plugin of logical replication, protocol version 1: values stay the text that
 * the server wrote, so nothing is lost (microseconds, digits of numeric).
 *
 * State: the relations that the server has described on this connection. Invariant: a change carries the description that was
 * valid for it; a later one does not alter it.
 */
import { SqlError } from '../../common/sqlError.ts';

/** The value of a column that an UPDATE did not touch and that lies outside of its row (TOAST). */
export const UNCHANGED = Symbol('unchanged');

export type TupleValue = string | null | typeof UNCHANGED;
export type Tuple = readonly TupleValue[];

export interface RelationColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
  /** Belongs to the replica identity. */
  readonly key: boolean;
}

export interface RelationMessage {
  readonly kind: 'relation';
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly identity: 'default' | 'nothing' | 'full' | 'index';
  readonly columns: readonly RelationColumn[];
}

/** What a transaction does, in its order. `old`: the whole row before, or only its key (`oldIsKey`). */
export type Change =
  | { readonly kind: 'insert'; readonly relation: RelationMessage; readonly row: Tuple }
  | {
      readonly kind: 'update';
      readonly relation: RelationMessage;
      readonly old: Tuple | null;
      readonly oldIsKey: boolean;
      readonly row: Tuple;
    }
  | {
      readonly kind: 'delete';
      readonly relation: RelationMessage;
      readonly old: Tuple;
      readonly oldIsKey: boolean;
    }
  | { readonly kind: 'truncate'; readonly relations: readonly RelationMessage[] };

export type PgoutputMessage =
  | Change
  | RelationMessage
  | { readonly kind: 'begin'; readonly commitLsn: bigint; readonly commitTime: bigint; readonly xid: number }
  | {
      readonly kind: 'commit';
      readonly commitLsn: bigint;
      readonly endLsn: bigint;
      readonly commitTime: bigint;
    }
  | { readonly kind: 'origin'; readonly name: string }
  | { readonly kind: 'type'; readonly oid: number; readonly schema: string; readonly name: string }
  | {
      readonly kind: 'message';
      readonly transactional: boolean;
      readonly prefix: string;
      readonly content: Uint8Array;
    };

/** Microseconds from 1970 to 2000, from where PostgreSQL counts. */
const EPOCH_2000 = 946_684_800_000_000n;

const identities: Readonly<Record<string, RelationMessage['identity']>> = {
  d: 'default',
  n: 'nothing',
  f: 'full',
  i: 'index',
};

const RELATION = 0x52;

function broken(what: string): SqlError {
  return new SqlError('08P01', `logical replication: ${what}`);
}

/** A cursor over one message; reading past its end is a protocol error. */
class MessageReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  #advance(count: number): number {
    const at = this.#at;
    if (count < 0 || at + count > this.#bytes.length) throw broken('a message ends too early');
    this.#at += count;
    return at;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  char(): string {
    return String.fromCharCode(this.byte());
  }

  int16(): number {
    return this.#bytes.readUInt16BE(this.#advance(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#advance(4));
  }

  oid(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  int64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#advance(8));
  }

  time(): bigint {
    return this.#bytes.readBigInt64BE(this.#advance(8)) + EPOCH_2000;
  }

  bytes(count: number): Buffer {
    const at = this.#advance(count);
    return this.#bytes.subarray(at, at + count);
  }

  text(count: number): string {
    const at = this.#advance(count);
    return this.#bytes.toString('utf8', at, at + count);
  }

  /** Up to a zero byte. */
  string(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw broken('a name does not end');
    const text = this.text(end - this.#at);
    this.#advance(1);
    return text;
  }
}

function tupleOf(reader: MessageReader): Tuple {
  const count = reader.int16();
  const values: TupleValue[] = [];
  for (let i = 0; i < count; i++) {
    const kind = reader.char();
    if (kind === 't') values.push(reader.text(reader.int32()));
    else if (kind === 'n') values.push(null);
    else if (kind === 'u') values.push(UNCHANGED);
    else throw broken(`a column value of unknown kind "${kind}"`);
  }
  return values;
}

export class PgoutputDecoder {
  readonly #relations: Map<number, RelationMessage>;

  /** `known`: relations that have been described. */
  constructor(known: Iterable<readonly [number, RelationMessage]> = []) {
    this.#relations = new Map(known);
  }

  /** One that knows what this one knows now: for messages from here on that are decoded later. */
  fork(): PgoutputDecoder {
    return new PgoutputDecoder(this.#relations);
  }

  /** Takes in what a message says of a relation; of others, that they are well formed is found out by `decode`. */
  note(bytes: Buffer): void {
    if (bytes[0] === RELATION) this.decode(bytes);
  }

  /** One message, without the header of the replication protocol. Throws SqlError 08P01. */
  decode(bytes: Buffer): PgoutputMessage {
    const reader = new MessageReader(bytes);
    const tag = reader.char();
    switch (tag) {
      case 'B':
        return {
          kind: 'begin',
          commitLsn: reader.int64(),
          commitTime: reader.time(),
          xid: reader.oid(),
        };
      case 'C':
        reader.byte();
        return {
          kind: 'commit',
          commitLsn: reader.int64(),
          endLsn: reader.int64(),
          commitTime: reader.time(),
        };
      case 'R':
        return this.#describe(reader);
      case 'I':
        return this.#insert(reader);
      case 'U':
        return this.#update(reader);
      case 'D':
        return this.#delete(reader);
      case 'T': {
        const count = reader.int32();
        reader.byte();
        const relations: RelationMessage[] = [];
        for (let i = 0; i < count; i++) relations.push(this.#relation(reader));
        return { kind: 'truncate', relations };
      }
      case 'O':
        reader.int64();
        return { kind: 'origin', name: reader.string() };
      case 'Y':
        return { kind: 'type', oid: reader.oid(), schema: reader.string(), name: reader.string() };
      case 'M': {
        const transactional = (reader.byte() & 1) === 1;
        reader.int64();
        const prefix = reader.string();
        return { kind: 'message', transactional, prefix, content: reader.bytes(reader.int32()) };
      }
      default:
        throw broken(`a message of unknown kind "${tag}"`);
    }
  }

  #describe(reader: MessageReader): RelationMessage {
    const id = reader.oid();
    // An empty name stands for pg_catalog.
    const schema = reader.string() || 'pg_catalog';
    const name = reader.string();
    const identity = identities[reader.char()];
    if (identity === undefined) throw broken('a relation of unknown replica identity');
    const count = reader.int16();
    const columns: RelationColumn[] = [];
    for (let i = 0; i < count; i++) {
      const key = (reader.byte() & 1) === 1;
      columns.push({ key, name: reader.string(), typeOid: reader.oid(), typeModifier: reader.int32() });
    }
    const relation: RelationMessage = { kind: 'relation', id, schema, name, identity, columns };
    this.#relations.set(id, relation);
    return relation;
  }

  #relation(reader: MessageReader): RelationMessage {
    const id = reader.oid();
    const relation = this.#relations.get(id);
    if (relation === undefined) throw broken(`a change of relation ${id}, which was not described`);
    return relation;
  }

  #row(reader: MessageReader): Tuple {
    const tag = reader.char();
    if (tag !== 'N') throw broken(`a row that begins with "${tag}"`);
    return tupleOf(reader);
  }

  #insert(reader: MessageReader): Change {
    return { kind: 'insert', relation: this.#relation(reader), row: this.#row(reader) };
  }

  #update(reader: MessageReader): Change {
    const relation = this.#relation(reader);
    const tag = reader.char();
    if (tag === 'N') return { kind: 'update', relation, old: null, oldIsKey: false, row: tupleOf(reader) };
    if (tag !== 'K' && tag !== 'O') throw broken(`an update that begins with "${tag}"`);
    const old = tupleOf(reader);
    return { kind: 'update', relation, old, oldIsKey: tag === 'K', row: this.#row(reader) };
  }

  #delete(reader: MessageReader): Change {
    const relation = this.#relation(reader);
    const tag = reader.char();
    if (tag !== 'K' && tag !== 'O') throw broken(`a deletion that begins with "${tag}"`);
    return { kind: 'delete', relation, old: tupleOf(reader), oldIsKey: tag === 'K' };
  }
}
