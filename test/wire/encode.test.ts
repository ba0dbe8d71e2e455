/** Backend messages made by our encoder, read by pg-protocol, cut at every byte. */
import { Parser } from 'pg-protocol/dist/parser.js';
import { describe, expect, it } from 'vitest';
import { SqlError } from '../../common/sqlError.ts';
import { ByteWriter } from '../../wire/bytes.ts';
import { encodeMessage } from '../../wire/encode.ts';
import type { BackendMessage } from '../../wire/message.ts';
import { characterPosition, errorFields, noticeFields } from '../../wire/report.ts';

function encode(...messages: readonly BackendMessage[]): Buffer {
  const out = new ByteWriter(8);
  for (const message of messages) encodeMessage(out, message);
  return out.take();
}

function parse(chunks: readonly Buffer[]): readonly object[] {
  const parser = new Parser();
  const messages: object[] = [];
  // pg-protocol reuses one object for messages without a body, and the bytes behind COPY data.
  const keep = (m: object): number =>
    messages.push({
      ...m,
      ...('chunk' in m && m.chunk instanceof Buffer ? { chunk: Buffer.from(m.chunk) } : {}),
    });
  for (const chunk of chunks) parser.parse(Buffer.from(chunk), keep);
  return messages;
}

const error = new SqlError('42P01', 'relation "é" does not exist', {
  detail: 'd',
  hint: 'h',
  position: 9,
  table: 't',
  column: 'c',
  constraint: 'n',
  where: 'w',
});

const examples: readonly (readonly [BackendMessage, object])[] = [
  [{ kind: 'AuthenticationOk' }, { name: 'authenticationOk' }],
  [
    { kind: 'BackendKeyData', processId: 5, secretKey: -6 },
    { name: 'backendKeyData', processID: 5, secretKey: -6 },
  ],
  [{ kind: 'BindComplete' }, { name: 'bindComplete' }],
  [{ kind: 'CloseComplete' }, { name: 'closeComplete' }],
  [
    { kind: 'CommandComplete', tag: 'SELECT 1' },
    { name: 'commandComplete', text: 'SELECT 1' },
  ],
  [
    { kind: 'CopyData', data: Buffer.from('a\n') },
    { name: 'copyData', chunk: Buffer.from('a\n') },
  ],
  [{ kind: 'CopyDone' }, { name: 'copyDone' }],
  [
    { kind: 'CopyInResponse', columnFormats: [0, 0] },
    { name: 'copyInResponse', binary: false, columnTypes: [0, 0] },
  ],
  [
    { kind: 'CopyOutResponse', columnFormats: [1] },
    { name: 'copyOutResponse', binary: true, columnTypes: [1] },
  ],
  [
    { kind: 'DataRow', values: [Buffer.from('é'), null, Buffer.alloc(0)] },
    { name: 'dataRow', fields: ['é', null, ''] },
  ],
  [{ kind: 'EmptyQueryResponse' }, { name: 'emptyQuery' }],
  [
    { kind: 'ErrorResponse', fields: errorFields(error, 'ERROR', 'select \u{1f600} x') },
    {
      severity: 'ERROR',
      code: '42P01',
      detail: 'd',
      hint: 'h',
      position: '9',
      where: 'w',
      table: 't',
      column: 'c',
      constraint: 'n',
    },
  ],
  [{ kind: 'NoData' }, { name: 'noData' }],
  [
    {
      kind: 'NoticeResponse',
      fields: noticeFields({ severity: 'WARNING', state: '01000', message: 'm' }, null),
    },
    { name: 'notice', message: 'm', severity: 'WARNING', code: '01000' },
  ],
  [{ kind: 'ParameterDescription', typeOids: [23, 4294967295] }, { dataTypeIDs: [23, 4294967295] }],
  [
    { kind: 'ParameterStatus', name: 'TimeZone', value: 'UTC' },
    { name: 'parameterStatus', parameterName: 'TimeZone', parameterValue: 'UTC' },
  ],
  [{ kind: 'ParseComplete' }, { name: 'parseComplete' }],
  [{ kind: 'PortalSuspended' }, { name: 'portalSuspended' }],
  [
    { kind: 'ReadyForQuery', status: 'T' },
    { name: 'readyForQuery', status: 'T' },
  ],
  [
    {
      kind: 'RowDescription',
      fields: [
        {
          name: 'spalte ä',
          tableOid: 16384,
          attributeNumber: 2,
          typeOid: 1043,
          typeLength: -1,
          typeModifier: 14,
          format: 1,
        },
      ],
    },
    {
      fields: [
        {
          name: 'spalte ä',
          tableID: 16384,
          columnID: 2,
          dataTypeID: 1043,
          dataTypeSize: -1,
          dataTypeModifier: 14,
          format: 'binary',
        },
      ],
    },
  ],
];

describe('backend messages', () => {
  it.each(examples)('%# is read by pg-protocol', (message, expected) => {
    expect(parse([encode(message)])).toMatchObject([expected]);
  });

  it('are found whatever way the stream is cut', () => {
    const stream = encode(...examples.map(([message]) => message));
    for (let cut = 0; cut <= stream.length; cut++) {
      const messages = parse([stream.subarray(0, cut), stream.subarray(cut)]);
      expect(messages).toMatchObject(examples.map(([, expected]) => expected));
    }
  });

  it('NegotiateProtocolVersion has the version and the options', () => {
    const bytes = encode({
      kind: 'NegotiateProtocolVersion',
      minorVersion: 196608,
      unknownOptions: ['_pq_.x'],
    });
    expect(bytes.toString('hex')).toBe(
      `76${'00000013'}${'00030000'}${'00000001'}${Buffer.from('_pq_.x\0').toString('hex')}`,
    );
  });

  it('a NUL in text does not cut the message', () => {
    expect(parse([encode({ kind: 'CommandComplete', tag: 'A\0B' })])).toMatchObject([{ text: 'AB' }]);
  });
});

describe('positions', () => {
  it('count characters, not UTF-16 units', () => {
    const sql = "select '\u{1f600}é', x";
    expect(characterPosition(sql, 0)).toBe(1);
    expect(characterPosition(sql, sql.indexOf('x'))).toBe([...sql].indexOf('x') + 1);
    expect(characterPosition(sql, sql.length)).toBe([...sql].length + 1);
    expect(characterPosition('ab', 99)).toBe(3);
    // Half a surrogate pair counts as a character of its own.
    expect(characterPosition('\ud83d', 1)).toBe(2);
  });
});
