/** Record formats by ENCODE name. */
import { csvDecoder } from './csv.ts';
import type { FormatConfig, RecordDecoder } from './decoder.ts';
import { jsonDecoder } from './json.ts';

export const formats: Readonly<Record<string, (config: FormatConfig) => RecordDecoder>> = {
  CSV: csvDecoder,
  JSON: jsonDecoder,
};
