/**
 * The messages of protocol 3.0 as closed unions. Names are the protocol's own. Strings are decoded; parameter values
 * and COPY data stay bytes until their types are known.
 */
import type { SqlError } from '../common/sqlError.ts';
import type { FormatCode, TransactionStatus } from './port.ts';

/** What may come first on a connection: untagged packets. */
export type StartupMessage =
  | { readonly kind: 'SSLRequest' }
  | { readonly kind: 'GSSENCRequest' }
  | { readonly kind: 'CancelRequest'; readonly processId: number; readonly secretKey: number }
  | {
      readonly kind: 'Startup';
      readonly majorVersion: number;
      readonly minorVersion: number;
      readonly parameters: ReadonlyMap<string, string>;
    };

export type FrontendMessage =
  | { readonly kind: 'Query'; readonly sql: string }
  | {
      readonly kind: 'Parse';
      readonly name: string;
      readonly sql: string;
      readonly parameterOids: readonly number[];
    }
  | {
      readonly kind: 'Bind';
      readonly portal: string;
      readonly statement: string;
      /** None: all text; one: for all; else one per parameter. */
      readonly parameterFormats: readonly number[];
      readonly parameters: readonly (Buffer | null)[];
      readonly resultFormats: readonly number[];
    }
  | { readonly kind: 'Describe'; readonly target: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'Execute'; readonly portal: string; readonly maxRows: number }
  | { readonly kind: 'Close'; readonly target: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'Flush' }
  | { readonly kind: 'Sync' }
  | { readonly kind: 'FunctionCall' }
  | { readonly kind: 'CopyData'; readonly data: Buffer }
  | { readonly kind: 'CopyDone' }
  | { readonly kind: 'CopyFail'; readonly message: string }
  | { readonly kind: 'Password'; readonly data: Buffer }
  | { readonly kind: 'Terminate' }
  /** Well framed, but its text is not valid UTF-8: an ordinary error in answer to a message of that type. */
  | { readonly kind: 'InvalidText'; readonly extended: boolean; readonly error: SqlError };

export interface FieldDescription {
  readonly name: string;
  readonly tableOid: number;
  readonly attributeNumber: number;
  readonly typeOid: number;
  readonly typeLength: number;
  readonly typeModifier: number;
  readonly format: FormatCode;
}

/** Fields of ErrorResponse and NoticeResponse by their one-letter codes. */
export type ReportFields = ReadonlyMap<string, string>;

export type BackendMessage =
  | { readonly kind: 'AuthenticationOk' }
  | { readonly kind: 'BackendKeyData'; readonly processId: number; readonly secretKey: number }
  | { readonly kind: 'BindComplete' }
  | { readonly kind: 'CloseComplete' }
  | { readonly kind: 'CommandComplete'; readonly tag: string }
  | { readonly kind: 'CopyData'; readonly data: Uint8Array }
  | { readonly kind: 'CopyDone' }
  | { readonly kind: 'CopyInResponse'; readonly columnFormats: readonly FormatCode[] }
  | { readonly kind: 'CopyOutResponse'; readonly columnFormats: readonly FormatCode[] }
  /** Values already in wire format; results go through the row writer instead. */
  | { readonly kind: 'DataRow'; readonly values: readonly (Uint8Array | null)[] }
  | { readonly kind: 'EmptyQueryResponse' }
  | { readonly kind: 'ErrorResponse'; readonly fields: ReportFields }
  | {
      readonly kind: 'NegotiateProtocolVersion';
      readonly minorVersion: number;
      readonly unknownOptions: readonly string[];
    }
  | { readonly kind: 'NoData' }
  | { readonly kind: 'NoticeResponse'; readonly fields: ReportFields }
  | { readonly kind: 'ParameterDescription'; readonly typeOids: readonly number[] }
  | { readonly kind: 'ParameterStatus'; readonly name: string; readonly value: string }
  | { readonly kind: 'ParseComplete' }
  | { readonly kind: 'PortalSuspended' }
  | { readonly kind: 'ReadyForQuery'; readonly status: TransactionStatus }
  | { readonly kind: 'RowDescription'; readonly fields: readonly FieldDescription[] };
