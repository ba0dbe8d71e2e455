/** Frontend messages made by pg-protocol, read by our decoder, cut at every byte. */
import fc from 'fast-check';
import { serialize } from 'pg-protocol';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../wire/bytes.ts';
import { FrontendDecoder } from '../../wire/decode.ts';
import type { FrontendMessage } from '../../wire/message.ts';

const LIMIT = 100_000;

function decodeAll(chunks: readonly Buffer[]): readonly FrontendMessage[] {
  const decoder = new FrontendDecoder(LIMIT);
  const messages: FrontendMessage[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let m = decoder.next(); m !== null; m = decoder.next()) messages.push(m);
  }
  expect(decoder.buffered).toBe(0);
  return messages;
}

function decodeError(bytes: Buffer): string {
  const decoder = new FrontendDecoder(LIMIT);
  decoder.push(bytes);
  try {
    while (decoder.next() !== null);
  } catch (error) {
    return error instanceof ProtocolError ? error.message : `not a protocol error: ${error}`;
  }
  return `no error, ${decoder.buffered} bytes left`;
}

const message = (tag: string, body: Buffer, length = body.length + 4): Buffer => {
  const head = Buffer.alloc(5);
  head.write(tag, 0, 'latin1');
  head.writeInt32BE(length, 1);
  return Buffer.concat([head, body]);
};

const examples: readonly (readonly [Buffer, FrontendMessage])[] = [
  [serialize.query('select é😀'), { kind: 'Query', sql: 'select é😀' }],
  [
    serialize.parse({ name: 's', text: 'select $1', types: [23, 0] }),
    { kind: 'Parse', name: 's', sql: 'select $1', parameterOids: [23, 0] },
  ],
  [
    serialize.bind({ portal: 'p', statement: 's', values: ['a', null, Buffer.of(0, 255)], binary: true }),
    {
      kind: 'Bind',
      portal: 'p',
      statement: 's',
      parameterFormats: [0, 0, 1],
      parameters: [Buffer.from('a'), null, Buffer.of(0, 255)],
      resultFormats: [1],
    },
  ],
  [serialize.describe({ type: 'S', name: 'x' }), { kind: 'Describe', target: 'statement', name: 'x' }],
  [serialize.describe({ type: 'P' }), { kind: 'Describe', target: 'portal', name: '' }],
  [serialize.execute({ portal: 'p', rows: 5 }), { kind: 'Execute', portal: 'p', maxRows: 5 }],
  [serialize.close({ type: 'P', name: 'p' }), { kind: 'Close', target: 'portal', name: 'p' }],
  [serialize.flush(), { kind: 'Flush' }],
  [serialize.sync(), { kind: 'Sync' }],
  [serialize.copyData(Buffer.from('1\t2\n')), { kind: 'CopyData', data: Buffer.from('1\t2\n') }],
  [serialize.copyDone(), { kind: 'CopyDone' }],
  [serialize.copyFail('why'), { kind: 'CopyFail', message: 'why' }],
  [serialize.password('secret'), { kind: 'Password', data: Buffer.from('secret\0') }],
  [serialize.end(), { kind: 'Terminate' }],
  [message('F', Buffer.of(0, 0, 0, 1, 0, 0)), { kind: 'FunctionCall' }],
];

describe('frontend messages', () => {
  it.each(examples)('%# is decoded', (bytes, expected) => {
    expect(decodeAll([bytes])).toEqual([expected]);
  });

  it('are found whatever way the stream is cut', () => {
    const stream = Buffer.concat(examples.map(([bytes]) => bytes));
    const expected = examples.map(([, m]) => m);
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(decodeAll([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(expected);
    }
    expect(decodeAll([...stream].map((byte) => Buffer.of(byte)))).toEqual(expected);
  });

  it('with text that is not UTF-8 are answered, not fatal', () => {
    const [bad] = decodeAll([message('Q', Buffer.of(0x61, 0xe2, 0x28, 0xa1, 0))]);
    expect(bad).toMatchObject({
      kind: 'InvalidText',
      extended: false,
      error: { state: '22021', message: 'invalid byte sequence for encoding "UTF8": 0xe2 0x28 0xa1' },
    });
    const [parse] = decodeAll([message('P', Buffer.of(0, 0xc0, 0x80, 0, 0, 0))]);
    expect(parse).toMatchObject({ kind: 'InvalidText', extended: true });
  });
});

describe('malformed frontend messages', () => {
  it('are protocol errors', () => {
    expect(decodeError(message('?', Buffer.alloc(0)))).toBe('invalid frontend message type 63');
    expect(decodeError(message('Q', Buffer.from('x\0'), 3))).toBe('invalid message length');
    expect(decodeError(message('Q', Buffer.from('x\0'), -1))).toBe('invalid message length');
    expect(decodeError(message('Q', Buffer.from('x\0'), LIMIT + 1))).toBe('invalid message length');
    expect(decodeError(message('E', Buffer.alloc(0), 20_000))).toBe('invalid message length');
    expect(decodeError(message('Q', Buffer.from('no end')))).toBe('invalid string in message');
    expect(decodeError(message('Q', Buffer.from('a\0b')))).toBe('invalid message format');
    expect(decodeError(message('S', Buffer.of(1)))).toBe('invalid message format');
    expect(decodeError(message('D', Buffer.from('X\0')))).toBe('invalid DESCRIBE message subtype 88');
    expect(decodeError(message('C', Buffer.from('X\0')))).toBe('invalid CLOSE message subtype 88');
    expect(decodeError(message('P', Buffer.of(0, 0, 0xff, 0xff)))).toBe('insufficient data left in message');
    const negativeLength = Buffer.of(0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 0);
    expect(decodeError(message('B', negativeLength))).toBe('insufficient data left in message');
  });

  it('a long frame is waited for without being decoded', () => {
    expect(decodeError(message('Q', Buffer.from('abc'), 1000))).toBe('no error, 8 bytes left');
  });

  it('random bytes give messages or protocol errors', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
        const decoder = new FrontendDecoder(LIMIT);
        try {
          for (const chunk of chunks) {
            decoder.push(Buffer.from(chunk));
            while (decoder.next() !== null);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 500, seed: 4 },
    );
  });

  it('messages with one byte changed give messages or protocol errors', () => {
    for (const [bytes] of examples) {
      for (let i = 0; i < bytes.length; i++) {
        for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
          const changed = Buffer.from(bytes);
          changed[i] = value;
          expect(decodeError(changed)).not.toMatch(/^not a protocol error/);
        }
      }
    }
  });
});

describe('start-up packets', () => {
  const first = (bytes: Buffer): unknown => {
    const decoder = new FrontendDecoder(LIMIT);
    decoder.push(bytes);
    return decoder.nextStartup();
  };
  const startup = serialize.startup({ user: 'root', database: 'dev', client_encoding: 'UTF8' });

  it('are decoded', () => {
    expect(first(startup)).toEqual({
      kind: 'Startup',
      majorVersion: 3,
      minorVersion: 0,
      parameters: new Map([
        ['user', 'root'],
        ['database', 'dev'],
        ['client_encoding', 'UTF8'],
      ]),
    });
    expect(first(serialize.requestSsl())).toEqual({ kind: 'SSLRequest' });
    expect(first(serialize.cancel(7, -9))).toEqual({ kind: 'CancelRequest', processId: 7, secretKey: -9 });
    expect(first(Buffer.from('0000000804d21630', 'hex'))).toEqual({ kind: 'GSSENCRequest' });
    expect(first(Buffer.from('0000000800020000', 'hex'))).toMatchObject({ kind: 'Startup', majorVersion: 2 });
  });

  it('are waited for', () => {
    for (let cut = 0; cut < startup.length; cut++) expect(first(startup.subarray(0, cut))).toBeNull();
  });

  it('that are malformed are refused', () => {
    const layout = 'invalid startup packet layout: expected terminator as last byte';
    expect(() => first(Buffer.from('GET / HTTP/1.1\r\n'))).toThrow('invalid length of startup packet');
    expect(() => first(Buffer.from('0000000700030000', 'hex'))).toThrow('invalid length of startup packet');
    expect(() => first(Buffer.from('000000090003000000', 'hex'))).not.toThrow();
    expect(() => first(Buffer.from('0000000a000300000061', 'hex'))).toThrow(layout);
    expect(() => first(Buffer.from('0000000b00030000610062', 'hex'))).toThrow(layout);
    expect(() => first(Buffer.from('0000000d00030000ff00620000', 'hex'))).toThrow('invalid byte sequence');
  });
});
