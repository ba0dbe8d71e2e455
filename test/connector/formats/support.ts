/** Decoders under test: columns in short, messages in, what came of each out. */
import { type Column, type DataType, types } from '../../../common/dataType.ts';
import type { SqlError } from '../../../common/sqlError.ts';
import { plainContext } from '../../../common/textIo.ts';
import type { Row } from '../../../common/value.ts';
import { checkEncodeOptions } from '../../../connector/formats/encodes.ts';
import type { DecodedRows, MessageConfig } from '../../../connector/formats/message.ts';
import { createMessageDecoder } from '../../../connector/formats/messageDecoder.ts';
import type { RemoteRecord } from '../../../connector/remote.ts';

export function columnsOf(columns: Readonly<Record<string, DataType>>): readonly Column[] {
  return Object.entries(columns).map(([name, type]) => ({ name, type, nullable: true }));
}

export function configOf(
  columns: readonly Column[],
  changes: Partial<Omit<MessageConfig, 'options'>> & {
    readonly with?: Readonly<Record<string, string>>;
  } = {},
): MessageConfig {
  const { with: options = {}, ...rest } = changes;
  const encode = rest.encode ?? 'JSON';
  return {
    columns,
    included: new Set(),
    key: [],
    format: 'PLAIN',
    encode,
    keyEncode: null,
    topic: 'topic',
    onError: 'skip',
    context: plainContext(() => 0n),
    ...rest,
    options: checkEncodeOptions(encode, new Map(Object.entries(options)), rest.keyEncode ?? null),
  };
}

type Bytes = string | Uint8Array | null;

export function message(value: Bytes, key: Bytes = null, offset = 0): RemoteRecord {
  const bytes = (b: Bytes): Uint8Array | null => (typeof b === 'string' ? Buffer.from(b) : b);
  return {
    partition: '0',
    offset: String(offset),
    key: bytes(key),
    value: bytes(value),
    timestamp: null,
    headers: [],
  };
}

export interface Outcome {
  readonly puts: Row[];
  readonly removes: Row[];
  readonly fails: { readonly state: string; readonly message: string; readonly field: string | null }[];
  readonly nulled: string[];
  readonly drift: string[];
  /** What became of each record, by its offset. */
  readonly of: Map<string, string[]>;
}

export async function decode(config: MessageConfig, records: readonly RemoteRecord[]): Promise<Outcome> {
  const decoder = createMessageDecoder(config);
  const { outcome, out } = collector();
  await decoder.decode(records, out);
  await decoder.close();
  return outcome;
}

export function collector(): { readonly outcome: Outcome; readonly out: DecodedRows } {
  const outcome: Outcome = { puts: [], removes: [], fails: [], nulled: [], drift: [], of: new Map() };
  const note = (record: RemoteRecord, what: string): void => {
    const list = outcome.of.get(record.offset) ?? [];
    list.push(what);
    outcome.of.set(record.offset, list);
  };
  const out: DecodedRows = {
    put(record, row) {
      note(record, 'put');
      outcome.puts.push(row);
    },
    remove(record, row) {
      note(record, 'remove');
      outcome.removes.push(row);
    },
    fail(record, error: SqlError, field) {
      note(record, 'fail');
      outcome.fails.push({ state: error.state, message: error.message, field });
    },
    nulled: (_, error, field) => void outcome.nulled.push(`${field}: ${error.state}`),
    drift: (_, kind, field) => void outcome.drift.push(`${kind} ${field}`),
  };
  return { outcome, out };
}

export const bidColumns: readonly Column[] = columnsOf({
  auction: types.int8,
  bidder: types.int8,
  price: types.int8,
  channel: types.varchar,
  url: types.varchar,
  date_time: types.timestamp,
  extra: types.varchar,
});
