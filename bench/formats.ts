/**
 * Decoding alone: messages a second of each FORMAT and ENCODE into rows, beside JSON.parse of the same bytes in the same run.
 *
 * Run: node bench/formats.ts. Figures are CPU time of this thread; the message is Nexmark's bid of about 207 bytes.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { type Column, types } from '../common/dataType.ts';
import { plainContext } from '../common/textIo.ts';
import type { Row } from '../common/value.ts';
import { AvroWriter } from '../connector/formats/avro/writer.ts';
import { RowColumns } from '../connector/formats/columnWriters.ts';
import { checkEncodeOptions } from '../connector/formats/encodes.ts';
import type { MessageFormat } from '../connector/formats/message.ts';
import { createMessageDecoder } from '../connector/formats/messageDecoder.ts';
import type { RemoteRecord } from '../connector/remote.ts';

const BATCH = 1000;
const BATCHES = 20;
const ROUNDS = 30;
const WARM_ROUNDS = 5;

const clock = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
};

const columns: readonly Column[] = [
  { name: 'auction', type: types.int8, nullable: true },
  { name: 'bidder', type: types.int8, nullable: true },
  { name: 'price', type: types.int8, nullable: true },
  { name: 'channel', type: types.varchar, nullable: true },
  { name: 'url', type: types.varchar, nullable: true },
  { name: 'date_time', type: types.timestamp, nullable: true },
  { name: 'extra', type: types.varchar, nullable: true },
];

interface Bid {
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
  readonly channel: string;
  readonly url: string;
  readonly date_time: string;
  readonly extra: string;
}

const bids = Array.from(
  { length: BATCH * BATCHES },
  (_, i): Bid => ({
    auction: 1000 + (i % 997),
    bidder: 2000 + (i % 4999),
    price: (i * 7919) % 1_000_003,
    channel: `channel-${i % 10_000}`,
    url: `https://www.nexmark.com/item.htm?query=1&channel_id=${i % 10_000}`,
    date_time: `2024-01-01 10:${String(i % 60).padStart(2, '0')}:00.${String(i % 1000).padStart(3, '0')}`,
    extra: 'x'.repeat(20 + (i % 20)),
  }),
);

const avroSchema = {
  type: 'record',
  name: 'Bid',
  fields: [
    ...['auction', 'bidder', 'price'].map((name) => ({ name, type: 'long' })),
    ...['channel', 'url'].map((name) => ({ name, type: 'string' })),
    { name: 'date_time', type: { type: 'long', logicalType: 'local-timestamp-micros' } },
    { name: 'extra', type: 'string' },
  ],
};
const proto = `syntax = "proto3"; message Bid { int64 auction = 1; int64 bidder = 2; int64 price = 3; string channel = 4;
  string url = 5; string date_time = 6; string extra = 7; }`;

function avroBytes(bid: Bid): Uint8Array {
  const writer = new AvroWriter();
  for (const n of [bid.auction, bid.bidder, bid.price]) writer.long(BigInt(n));
  writer.string(bid.channel);
  writer.string(bid.url);
  writer.long(BigInt(Date.parse(`${bid.date_time}Z`)) * 1000n);
  writer.string(bid.extra);
  return writer.take();
}

function recordsOf(encode: (bid: Bid) => Uint8Array): readonly (readonly RemoteRecord[])[] {
  return Array.from({ length: BATCHES }, (_, b) =>
    bids.slice(b * BATCH, (b + 1) * BATCH).map((bid, i) => ({
      partition: '0',
      offset: String(i),
      key: Buffer.from(`{"auction":${bid.auction}}`),
      value: encode(bid),
      timestamp: null,
      headers: [],
    })),
  );
}

/** Messages and megabytes a second. */
function rate(
  batches: readonly (readonly RemoteRecord[])[],
  one: (records: readonly RemoteRecord[]) => void,
) {
  for (let i = 0; i < WARM_ROUNDS; i++) for (const batch of batches) one(batch);
  const start = clock();
  for (let i = 0; i < ROUNDS; i++) for (const batch of batches) one(batch);
  const seconds = clock() - start;
  const bytes = batches.flat().reduce((sum, r) => sum + (r.value?.length ?? 0), 0);
  return { messages: (ROUNDS * BATCH * BATCHES) / seconds, megabytes: (ROUNDS * bytes) / 1e6 / seconds };
}

let baseline = 0;
function show(name: string, { messages, megabytes }: ReturnType<typeof rate>): void {
  const ratio = baseline === 0 ? '' : `  ${(messages / baseline).toFixed(2)} x JSON.parse`;
  const count = `${(messages / 1e6).toFixed(2)} M/s`;
  process.stdout.write(
    `${name.padEnd(26)}${count.padStart(10)}${megabytes.toFixed(0).padStart(7)} MB/s${ratio}\n`,
  );
}

function decodeRate(
  format: MessageFormat,
  encode: string,
  bytes: (bid: Bid) => Uint8Array,
  options: Readonly<Record<string, string>> = {},
  into: RowColumns | null = null,
) {
  const decoder = createMessageDecoder({
    columns,
    included: new Set(),
    key: format === 'PLAIN' ? [] : [0],
    format,
    encode,
    keyEncode: null,
    options: checkEncodeOptions(encode, new Map(Object.entries(options))),
    topic: null,
    onError: 'skip',
    context: plainContext(() => 0n),
  });
  let last: Row | null = null;
  const out = {
    put: (_: RemoteRecord, row: Row): void => {
      last = row;
    },
    remove: (): void => undefined,
    fail: (_: RemoteRecord, error: Error): void => {
      throw error;
    },
    nulled: (): void => undefined,
    drift: (): void => undefined,
    ...(into === null ? {} : { direct: { columns: into, took: (): void => into.finish() } }),
  };
  const result = rate(recordsOf(bytes), (records) => {
    into?.clear();
    decoder.decode(records, out);
  });
  if (last === null && into?.rows !== BATCH) throw new Error('nothing was decoded');
  return result;
}

const directory = mkdtempSync(join(tmpdir(), 'millrace-formats-'));
const avsc = join(directory, 'bid.avsc');
const protoPath = join(directory, 'bid.proto');
writeFileSync(avsc, JSON.stringify(avroSchema));
writeFileSync(protoPath, proto);
const bidType = protobuf.parse(proto, { keepCase: true }).root.lookupType('Bid');
const json = (bid: Bid): Uint8Array => Buffer.from(JSON.stringify(bid));
const shuffled = (bid: Bid): Uint8Array => {
  const { auction, bidder, price, channel, url, date_time, extra } = bid;
  return json({ extra, url, price, date_time, auction, channel, bidder });
};
const spaced = (bid: Bid): Uint8Array => Buffer.from(JSON.stringify(bid, null, 1));
const accented = (bid: Bid): Uint8Array => json({ ...bid, extra: `é${bid.extra}` });
const envelope = (bid: Bid): Uint8Array =>
  Buffer.from(JSON.stringify({ before: null, after: bid, source: { table: 'bid' }, op: 'c', ts_ms: 1 }));
const csv = (bid: Bid): Uint8Array => Buffer.from(Object.values(bid).join(','));

try {
  const plain = rate(recordsOf(json), (records) => {
    for (const { value } of records) if (value !== null) JSON.parse((value as Buffer).toString());
  });
  show('JSON.parse', plain);
  baseline = plain.messages;
  show('PLAIN JSON', decodeRate('PLAIN', 'JSON', json));
  const rowColumns = (): RowColumns => new RowColumns(columns.map((c) => c.type));
  show('PLAIN JSON into columns', decodeRate('PLAIN', 'JSON', json, {}, rowColumns()));
  show('the same, other order', decodeRate('PLAIN', 'JSON', shuffled, {}, rowColumns()));
  show('the same, not ASCII', decodeRate('PLAIN', 'JSON', accented, {}, rowColumns()));
  show('PLAIN JSON, other order', decodeRate('PLAIN', 'JSON', shuffled));
  show('PLAIN JSON, blanks', decodeRate('PLAIN', 'JSON', spaced));
  show('PLAIN JSON, not ASCII', decodeRate('PLAIN', 'JSON', accented));
  show('UPSERT JSON', decodeRate('UPSERT', 'JSON', json));
  show('DEBEZIUM JSON', decodeRate('DEBEZIUM', 'JSON', envelope));
  show('PLAIN CSV', decodeRate('PLAIN', 'CSV', csv));
  show('PLAIN AVRO', decodeRate('PLAIN', 'AVRO', avroBytes, { 'schema.location': avsc }));
  show(
    'PLAIN PROTOBUF',
    decodeRate('PLAIN', 'PROTOBUF', (bid) => bidType.encode(bid).finish(), { 'schema.location': protoPath }),
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}
