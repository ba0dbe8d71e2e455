/** Backend messages to bytes: one exhaustive table from message kind to its tag and body. */
import { unreachable } from '../common/assert.ts';
import type { ByteWriter } from './bytes.ts';
import type { BackendMessage, FieldDescription, ReportFields } from './message.ts';
import type { FormatCode } from './port.ts';

/** The one-byte tags. CommandComplete is C, DataRow D and so on, as the protocol has them. */
export const backendTags: { readonly [K in BackendMessage['kind']]: string } = {
  AuthenticationOk: 'R',
  BackendKeyData: 'K',
  BindComplete: '2',
  CloseComplete: '3',
  CommandComplete: 'C',
  CopyData: 'd',
  CopyDone: 'c',
  CopyInResponse: 'G',
  CopyOutResponse: 'H',
  DataRow: 'D',
  EmptyQueryResponse: 'I',
  ErrorResponse: 'E',
  NegotiateProtocolVersion: 'v',
  NoData: 'n',
  NoticeResponse: 'N',
  ParameterDescription: 't',
  ParameterStatus: 'S',
  ParseComplete: '1',
  PortalSuspended: 's',
  ReadyForQuery: 'Z',
  RowDescription: 'T',
};

/** Appends one message. */
export function encodeMessage(out: ByteWriter, message: BackendMessage): void {
  out.uint8(backendTags[message.kind].charCodeAt(0));
  const mark = out.beginLength();
  encodeBody(out, message);
  out.endLength(mark, 4);
}

function encodeBody(out: ByteWriter, message: BackendMessage): void {
  switch (message.kind) {
    case 'BindComplete':
    case 'CloseComplete':
    case 'CopyDone':
    case 'EmptyQueryResponse':
    case 'NoData':
    case 'ParseComplete':
    case 'PortalSuspended':
      return;
    case 'AuthenticationOk':
      out.int32(0);
      return;
    case 'BackendKeyData':
      out.int32(message.processId);
      out.int32(message.secretKey);
      return;
    case 'CommandComplete':
      out.cstring(message.tag);
      return;
    case 'CopyData':
      out.raw(message.data);
      return;
    case 'CopyInResponse':
    case 'CopyOutResponse':
      encodeCopyResponse(out, message.columnFormats);
      return;
    case 'DataRow':
      encodeDataRow(out, message.values);
      return;
    case 'ErrorResponse':
    case 'NoticeResponse':
      encodeReport(out, message.fields);
      return;
    case 'NegotiateProtocolVersion':
      out.int32(message.minorVersion);
      out.int32(message.unknownOptions.length);
      for (const option of message.unknownOptions) out.cstring(option);
      return;
    case 'ParameterDescription':
      out.uint16(message.typeOids.length);
      for (const oid of message.typeOids) out.uint32(oid);
      return;
    case 'ParameterStatus':
      out.cstring(message.name);
      out.cstring(message.value);
      return;
    case 'ReadyForQuery':
      out.uint8(message.status.charCodeAt(0));
      return;
    case 'RowDescription':
      encodeRowDescription(out, message.fields);
      return;
    default:
      unreachable(message);
  }
}

function encodeCopyResponse(out: ByteWriter, columnFormats: readonly FormatCode[]): void {
  // The overall format is text unless every column is binary; Millrace copies text only.
  out.uint8(columnFormats.some((format) => format === 1) ? 1 : 0);
  out.uint16(columnFormats.length);
  for (const format of columnFormats) out.int16(format);
}

function encodeDataRow(out: ByteWriter, values: readonly (Uint8Array | null)[]): void {
  out.uint16(values.length);
  for (const value of values) {
    if (value === null) {
      out.int32(-1);
    } else {
      out.int32(value.length);
      out.raw(value);
    }
  }
}

function encodeReport(out: ByteWriter, fields: ReportFields): void {
  for (const [code, value] of fields) {
    out.uint8(code.charCodeAt(0));
    out.cstring(value);
  }
  out.uint8(0);
}

function encodeRowDescription(out: ByteWriter, fields: readonly FieldDescription[]): void {
  out.uint16(fields.length);
  for (const field of fields) {
    out.cstring(field.name);
    out.uint32(field.tableOid);
    out.int16(field.attributeNumber);
    out.uint32(field.typeOid);
    out.int16(field.typeLength);
    out.int32(field.typeModifier);
    out.int16(field.format);
  }
}
