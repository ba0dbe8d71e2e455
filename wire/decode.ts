/**
 * Frontend bytes to messages: pure, incremental, limited. A frame is decoded only when it is complete; a length beyond
 * the limit of its type is refused before any of it is kept. Closed table: message tag -> limit and body decoder.
 */
import { SqlError } from '../common/sqlError.ts';
import { decodeUtf8 } from '../common/utf8.ts';
import { ByteReader, FrameBuffer, ProtocolError } from './bytes.ts';
import type { FrontendMessage, StartupMessage } from './message.ts';

/** As PostgreSQL's: start-up packets and messages that carry no data are small. */
const MAX_STARTUP_BYTES = 10_000;
const MAX_SMALL_BYTES = 10_000;

const CANCEL_REQUEST = 80877102;
const SSL_REQUEST = 80877103;
const GSSENC_REQUEST = 80877104;

type Body = (reader: ByteReader) => FrontendMessage;
interface MessageSpec {
  readonly size: 'small' | 'large';
  /** Part of the extended protocol: after an error everything up to Sync is skipped. */
  readonly extended: boolean;
  readonly body: Body;
}

/** Function calls (F) are framed so that they can be refused by name. */
const specs: ReadonlyMap<number, MessageSpec> = new Map([
  spec('Q', 'large', false, (r) => ({ kind: 'Query', sql: r.cstring() })),
  spec('P', 'large', true, decodeParse),
  spec('B', 'large', true, decodeBind),
  spec('D', 'small', true, (r) => ({
    kind: 'Describe',
    target: decodeTarget(r, 'DESCRIBE'),
    name: r.cstring(),
  })),
  spec('E', 'small', true, (r) => ({ kind: 'Execute', portal: r.cstring(), maxRows: r.int32() })),
  spec('C', 'small', true, (r) => ({ kind: 'Close', target: decodeTarget(r, 'CLOSE'), name: r.cstring() })),
  spec('H', 'small', true, () => ({ kind: 'Flush' })),
  spec('S', 'small', false, () => ({ kind: 'Sync' })),
  spec('F', 'large', false, (r) => {
    r.raw(r.remaining);
    return { kind: 'FunctionCall' };
  }),
  spec('d', 'large', false, (r) => ({ kind: 'CopyData', data: r.raw(r.remaining) })),
  spec('c', 'small', false, () => ({ kind: 'CopyDone' })),
  spec('f', 'small', false, (r) => ({ kind: 'CopyFail', message: r.cstring() })),
  spec('p', 'small', false, (r) => ({ kind: 'Password', data: r.raw(r.remaining) })),
  spec('X', 'small', false, () => ({ kind: 'Terminate' })),
]);

function spec(
  tag: string,
  size: MessageSpec['size'],
  extended: boolean,
  body: Body,
): readonly [number, MessageSpec] {
  return [tag.charCodeAt(0), { size, extended, body }];
}

/** Turns chunks of bytes into messages. After a ProtocolError it must not be used again. */
export class FrontendDecoder {
  private readonly frames = new FrameBuffer();
  private readonly maxMessageBytes: number;

  constructor(maxMessageBytes: number) {
    this.maxMessageBytes = maxMessageBytes;
  }

  push(chunk: Buffer): void {
    this.frames.push(chunk);
  }

  /** Bytes received and not yet decoded. */
  get buffered(): number {
    return this.frames.length;
  }

  /** True when the frame at the head has not arrived in full, so that more bytes must be read whatever is buffered. */
  needsMore(): boolean {
    const header = this.frames.peek(5);
    return header === null || this.frames.length < header.readUInt32BE(1) + 1;
  }

  /** The next start-up packet, or null until it is complete. */
  nextStartup(): StartupMessage | null {
    const header = this.frames.peek(4);
    if (header === null) return null;
    const length = header.readInt32BE(0);
    if (length < 8 || length > MAX_STARTUP_BYTES) throw new ProtocolError('invalid length of startup packet');
    const frame = this.frames.take(length);
    return frame === null ? null : decodeStartup(new ByteReader(frame.subarray(4)));
  }

  /** The next message, or null until it is complete. */
  next(): FrontendMessage | null {
    const header = this.frames.peek(5);
    if (header === null) return null;
    const tag = header.readUInt8(0);
    const message = specs.get(tag);
    if (message === undefined) throw new ProtocolError(`invalid frontend message type ${tag}`);
    const length = header.readInt32BE(1);
    const limit = message.size === 'small' ? MAX_SMALL_BYTES : this.maxMessageBytes;
    if (length < 4 || length > limit) throw new ProtocolError('invalid message length');
    const frame = this.frames.take(length + 1);
    return frame === null ? null : decodeBody(message, frame.subarray(5));
  }
}

function decodeBody(message: MessageSpec, bytes: Buffer): FrontendMessage {
  const reader = new ByteReader(bytes);
  try {
    const decoded = message.body(reader);
    reader.finish();
    return decoded;
  } catch (error) {
    if (!(error instanceof SqlError) || error instanceof ProtocolError) throw error;
    return { kind: 'InvalidText', extended: message.extended, error };
  }
}

function decodeStartup(reader: ByteReader): StartupMessage {
  const code = reader.int32();
  if (code === SSL_REQUEST || code === GSSENC_REQUEST) {
    reader.finish();
    return { kind: code === SSL_REQUEST ? 'SSLRequest' : 'GSSENCRequest' };
  }
  if (code === CANCEL_REQUEST) {
    const processId = reader.int32();
    const secretKey = reader.int32();
    reader.finish();
    return { kind: 'CancelRequest', processId, secretKey };
  }
  const majorVersion = code >>> 16;
  const minorVersion = code & 0xffff;
  if (majorVersion !== 3) {
    return { kind: 'Startup', majorVersion, minorVersion, parameters: new Map() };
  }
  const parameters = new Map<string, string>();
  for (;;) {
    const name = startupText(reader);
    if (name === '') break;
    parameters.set(name, startupText(reader));
  }
  if (reader.remaining !== 0) {
    throw new ProtocolError('invalid startup packet layout: expected terminator as last byte');
  }
  return { kind: 'Startup', majorVersion, minorVersion, parameters };
}

function startupText(reader: ByteReader): string {
  try {
    return decodeUtf8(reader.cstringBytes());
  } catch (error) {
    throw error instanceof ProtocolError
      ? new ProtocolError('invalid startup packet layout: expected terminator as last byte')
      : new ProtocolError(error instanceof SqlError ? error.message : 'invalid startup packet');
  }
}

function decodeParse(reader: ByteReader): FrontendMessage {
  const name = reader.cstring();
  const sql = reader.cstring();
  const parameterOids = repeat(reader.uint16(), 4, reader, () => reader.uint32());
  return { kind: 'Parse', name, sql, parameterOids };
}

function decodeBind(reader: ByteReader): FrontendMessage {
  const portal = reader.cstring();
  const statement = reader.cstring();
  const parameterFormats = repeat(reader.uint16(), 2, reader, () => reader.int16());
  const parameters = repeat(reader.uint16(), 4, reader, () => {
    const length = reader.int32();
    return length === -1 ? null : reader.raw(length);
  });
  const resultFormats = repeat(reader.uint16(), 2, reader, () => reader.int16());
  return { kind: 'Bind', portal, statement, parameterFormats, parameters, resultFormats };
}

/** `count` items of at least `itemBytes` each: a count that the message cannot hold is refused at once. */
function repeat<T>(count: number, itemBytes: number, reader: ByteReader, item: () => T): readonly T[] {
  if (count * itemBytes > reader.remaining) throw new ProtocolError('insufficient data left in message');
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(item());
  return items;
}

function decodeTarget(reader: ByteReader, message: 'DESCRIBE' | 'CLOSE'): 'statement' | 'portal' {
  const tag = reader.uint8();
  if (tag === 0x53) return 'statement';
  if (tag === 0x50) return 'portal';
  throw new ProtocolError(`invalid ${message} message subtype ${tag}`);
}
