/** Records as they came, from their bytes to plain JSON and back. */
import type { BadRecord, RawRecord } from './connector.ts';
import type { RemoteRecord } from './remote.ts';

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

const orNull = (bytes: Uint8Array | null): string | null => (bytes === null ? null : base64(bytes));

/** Bytes as text; in hex when they are not UTF-8. */
export function bytesAsText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return `\\x${Buffer.from(bytes).toString('hex')}`;
  }
}

/** A record of a remote source. */
export function rawRecord(record: RemoteRecord): RawRecord {
  return {
    partition: record.partition,
    offset: record.offset,
    key: orNull(record.key),
    value: orNull(record.value),
    timestamp: record.timestamp === null ? null : String(record.timestamp),
    headers: record.headers.map(([name, value]) => [name, orNull(value)]),
    ...(record.fields === undefined ? {} : { fields: record.fields }),
  };
}

/** A line of text, of a file. */
export function textRecord(
  text: string,
  place: { readonly partition: string; readonly offset: string; readonly headers?: RawRecord['headers'] },
): RawRecord {
  const { partition, offset, headers = [] } = place;
  const value = Buffer.from(text, 'utf8').toString('base64');
  return { partition, offset, key: null, value, timestamp: null, headers };
}

export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

/** The record as a decoder takes it. */
export function remoteRecord(raw: RawRecord): RemoteRecord {
  const bytes = (text: string | null): Uint8Array | null => (text === null ? null : fromBase64(text));
  return {
    partition: raw.partition ?? '',
    offset: raw.offset ?? '',
    key: bytes(raw.key),
    value: bytes(raw.value),
    timestamp: raw.timestamp === null ? null : BigInt(raw.timestamp),
    headers: raw.headers.map(([name, value]) => [name, bytes(value)]),
    ...(raw.fields === undefined ? {} : { fields: raw.fields }),
  };
}

/** A record of a remote source that could not be decoded, or (`outcome`) not as it is. */
export function badRecord(
  record: RemoteRecord,
  error: { readonly message: string; readonly state: string },
  field: string | null,
  outcome?: BadRecord['outcome'],
): BadRecord {
  return {
    position: `${record.partition}:${record.offset}`,
    raw: record.value === null ? '' : bytesAsText(record.value),
    message: error.message,
    state: error.state,
    record: rawRecord(record),
    field,
    ...(outcome === undefined ? {} : { outcome }),
  };
}
