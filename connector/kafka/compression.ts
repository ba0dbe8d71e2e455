/** Compression codecs of record batches: gzip and zstd are Node's, snappy and lz4 WebAssembly that comes with the client. */
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { SqlError } from '../../common/sqlError.ts';

/** In the order of their numbers in a batch's attributes. */
export const compressionCodecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type CompressionCodec = (typeof compressionCodecs)[number];

export interface BlockCodecs {
  readonly compressSnappy: (data: Buffer) => Buffer;
  readonly decompressSnappy: (data: Buffer) => Buffer;
  readonly compressLz4: (data: Buffer) => Buffer;
  readonly decompressLz4: (data: Buffer) => Buffer;
}

export function decompress(codec: number, data: Buffer, codecs: BlockCodecs): Buffer {
  const name = compressionCodecs[codec];
  switch (name) {
    case 'none':
      return data;
    case 'gzip':
      return gunzipSync(data);
    case 'snappy':
      return codecs.decompressSnappy(data);
    case 'lz4':
      return codecs.decompressLz4(data);
    case 'zstd':
      return zstdDecompressSync(data);
    default:
      throw new SqlError('0A000', `record batches with compression codec ${codec} are not supported`);
  }
}

export function compress(codec: CompressionCodec, data: Buffer, codecs: BlockCodecs): Buffer {
  switch (codec) {
    case 'none':
      return data;
    case 'gzip':
      return gzipSync(data);
    case 'snappy':
      return codecs.compressSnappy(data);
    case 'lz4':
      return codecs.compressLz4(data);
    case 'zstd':
      return zstdCompressSync(data);
  }
}
