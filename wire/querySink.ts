/**
 * Results of one statement (or one simple query string) on their way to the client. State: the columns of the running
 * statement and their row writer, made when the first row comes. A portal's columns were described before, so here they
 * are only compared.
 */
import { assert } from '../common/assert.ts';
import { sameType } from '../common/dataType.ts';
import { SqlError } from '../common/sqlError.ts';
import type { TextContext } from '../common/textContext.ts';
import type { Row } from '../common/value.ts';
import { ProtocolError } from './bytes.ts';
import type { Inbound } from './inbound.ts';
import { guarded, type Outbound } from './outbound.ts';
import {
  ConnectionLost,
  type CopyInStream,
  type FormatCode,
  type Notice,
  type QuerySink,
  type ResultColumn,
} from './port.ts';
import { noticeFields } from './report.ts';
import { makeRowWriter, type RowWriter } from './rowWriter.ts';
import { describeColumn } from './typeCodec.ts';

/** Rows written between two looks at the size of the buffer. */
const SLICE_ROWS = 128;

/** How results are sent: a simple query describes them, a portal has promised columns and formats. */
export type ResultMode =
  | { readonly kind: 'simple' }
  | {
      readonly kind: 'portal';
      readonly columns: readonly ResultColumn[] | null;
      readonly formats: readonly FormatCode[];
    };

/** The connection's two directions and what text formats depend on. */
export interface SinkChannel {
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  textContext(): TextContext;
}

/** One format per column from Bind's list, which may be empty (text) or hold one for all. */
export function expandFormats<F extends number>(formats: readonly F[], count: number): readonly (F | 0)[] {
  if (formats.length === count) return formats;
  return new Array<F | 0>(count).fill(formats[0] ?? 0);
}

export class ResultSink implements QuerySink {
  private readonly channel: SinkChannel;
  private readonly mode: ResultMode;
  private readonly sql: string;
  private current: readonly ResultColumn[] | null = null;
  private writer: RowWriter | null = null;

  constructor(channel: SinkChannel, mode: ResultMode, sql: string) {
    this.channel = channel;
    this.mode = mode;
    this.sql = sql;
  }

  columns(columns: readonly ResultColumn[]): void {
    this.current = columns;
    this.writer = null;
    if (this.mode.kind === 'portal') {
      if (!sameColumns(this.mode.columns, columns)) {
        throw new SqlError('0A000', 'cached plan must not change result type');
      }
      return;
    }
    const fields = columns.map((column) => describeColumn(column, 0));
    this.channel.outbound.message({ kind: 'RowDescription', fields });
  }

  rows(batch: readonly Row[]): Promise<void> | undefined {
    return this.rowsFrom(batch, 0);
  }

  private rowsFrom(batch: readonly Row[], start: number): Promise<void> | undefined {
    const write = this.rowWriter();
    const { outbound } = this.channel;
    for (let from = start; from < batch.length; from += SLICE_ROWS) {
      const to = Math.min(from + SLICE_ROWS, batch.length);
      write(outbound.writer, batch, from, to);
      const wait = outbound.relieve();
      if (wait === undefined) continue;
      return to < batch.length ? guarded(wait.then(() => this.rowsFrom(batch, to))) : wait;
    }
    return undefined;
  }

  private rowWriter(): RowWriter {
    if (this.writer !== null) return this.writer;
    const columns = this.current;
    assert(columns !== null, 'columns are reported before rows');
    const formats = this.mode.kind === 'portal' ? expandFormats(this.mode.formats, columns.length) : [];
    const types = columns.map((column) => column.type);
    this.writer = makeRowWriter(types, formats, this.channel.textContext());
    return this.writer;
  }

  commandComplete(tag: string): void {
    this.current = null;
    this.writer = null;
    this.channel.outbound.message({ kind: 'CommandComplete', tag });
  }

  emptyQuery(): void {
    this.channel.outbound.message({ kind: 'EmptyQueryResponse' });
  }

  notice(notice: Notice): void {
    this.channel.outbound.message({ kind: 'NoticeResponse', fields: noticeFields(notice, this.sql) });
  }

  copyIn(columnCount: number): CopyInStream {
    const columnFormats = new Array<FormatCode>(columnCount).fill(0);
    this.channel.outbound.message({ kind: 'CopyInResponse', columnFormats });
    return copyChunks(this.channel);
  }

  copyOut(columnCount: number): void {
    const columnFormats = new Array<FormatCode>(columnCount).fill(0);
    this.channel.outbound.message({ kind: 'CopyOutResponse', columnFormats });
  }

  copyData(chunk: Uint8Array): Promise<void> | undefined {
    this.channel.outbound.message({ kind: 'CopyData', data: chunk });
    return this.channel.outbound.relieve();
  }

  copyDone(): void {
    this.channel.outbound.message({ kind: 'CopyDone' });
  }
}

/** Data of COPY FROM STDIN until CopyDone. Flush and Sync are ignored here, as clients may send them early. */
async function* copyChunks(channel: SinkChannel): AsyncGenerator<Uint8Array, void, undefined> {
  await channel.outbound.flush();
  for (;;) {
    const message = await channel.inbound.next();
    if (message === null) throw new ConnectionLost();
    switch (message.kind) {
      case 'CopyData':
        yield message.data;
        break;
      case 'CopyDone':
        return;
      case 'CopyFail':
        throw new SqlError('57014', `COPY from stdin failed: ${message.message}`);
      case 'Flush':
      case 'Sync':
        break;
      case 'Terminate':
        throw new ConnectionLost();
      case 'InvalidText':
        throw message.error;
      default:
        throw channel.inbound.fail(
          new ProtocolError(`unexpected message ${message.kind} during COPY from stdin`),
        );
    }
  }
}

function sameColumns(promised: readonly ResultColumn[] | null, actual: readonly ResultColumn[]): boolean {
  if (promised === actual) return true;
  if (promised === null || promised.length !== actual.length) return false;
  return promised.every((column, i) => {
    const other = actual[i];
    return other !== undefined && sameType(column.type, other.type);
  });
}
