/** What a part holds, in the sink's form: lines of text, compressed or not, or a Parquet file. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { sinkEncoder } from '../encoders/encoder.ts';
import type { SinkBatch, SinkConfig } from '../sink.ts';
import type { WritableFile } from './fileSystem.ts';
import { ParquetFile } from './parquetFile.ts';

export interface PartBody {
  write(batch: SinkBatch): Promise<void>;
  /** Everything has been written. */
  finish(): Promise<void>;
}

const zip = promisify(gzip);

const isGzip = ({ options }: SinkConfig): boolean => options.get('compression') === 'gzip';

/** How names of parts end. */
export function partExtension(config: SinkConfig): string {
  if (config.encode === 'PARQUET') return 'parquet';
  const extension = config.encode === 'CSV' ? 'csv' : 'ndjson';
  return isGzip(config) ? `${extension}.gz` : extension;
}

function parquetBody(config: SinkConfig, file: WritableFile): PartBody {
  const parquet = new ParquetFile(config.columns, config.encodeOptions);
  return {
    write: ({ changes }) =>
      file.append(parquet.add(changes.flatMap(({ after }) => (after === null ? [] : [after])))),
    finish: () => file.append(parquet.finish()),
  };
}

async function textBody(config: SinkConfig, file: WritableFile): Promise<PartBody> {
  const encoder = sinkEncoder(config);
  const compressed = isGzip(config);
  // Members of a gzip file follow one another.
  const append = async (text: string): Promise<void> => {
    if (text !== '') await file.append(compressed ? await zip(text) : text);
  };
  if (encoder.header !== null) await append(`${encoder.header}\n`);
  return {
    async write(batch) {
      let text = '';
      for (const { key, value } of encoder.records(batch)) {
        text +=
          config.format === 'UPSERT'
            ? `{"key":${key ?? 'null'},"value":${value ?? 'null'}}\n`
            : `${value ?? ''}\n`;
      }
      await append(text);
    },
    finish: () => Promise.resolve(),
  };
}

export function partBody(config: SinkConfig, file: WritableFile): Promise<PartBody> {
  return config.encode === 'PARQUET' ? Promise.resolve(parquetBody(config, file)) : textBody(config, file);
}
