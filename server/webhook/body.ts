/** Bodies of requests: read within bounds, unpacked, and taken apart into records. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { isJsonArray, isJsonObject, parseJson, printJson } from '../../common/jsonText.ts';
import { SqlError } from '../../common/sqlError.ts';
import { decodeUtf8 } from '../../common/utf8.ts';

const unzip = promisify(gunzip);

/** What the client is told instead of rows. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

const tooLarge = (limit: number): Refusal =>
  new Refusal(413, `the body is larger than ${limit} bytes (option max.body.bytes)`, { connection: 'close' });

/** The body as it came. 413 above `limit`; `took` is told of every byte that is held. */
export async function readBody(
  request: IncomingMessage,
  limit: number,
  took: (bytes: number) => void,
): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? '0');
  if (declared > limit) throw tooLarge(limit);
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    const bytes = Buffer.isBuffer(part) ? part : Buffer.from(String(part));
    length += bytes.length;
    if (length > limit) throw tooLarge(limit);
    took(bytes.length);
    parts.push(bytes);
  }
  return Buffer.concat(parts, length);
}

/** The body without its Content-Encoding. */
export async function unpack(body: Buffer, encoding: string | undefined, limit: number): Promise<Buffer> {
  const name = (encoding ?? 'identity').trim().toLowerCase();
  if (name === 'identity' || name === '') return body;
  if (name !== 'gzip' && name !== 'x-gzip') {
    throw new Refusal(415, `Content-Encoding ${name} is not supported: use gzip`);
  }
  try {
    return await unzip(body, { maxOutputLength: limit });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(limit);
    throw new Refusal(400, 'the body is not gzip');
  }
}

/** One record of a body: its text, or what is wrong with it. */
export interface BodyRecord {
  readonly text: string;
  readonly error: SqlError | null;
}

/** An object, an array of objects, or an object a line. 400 when it is none of them. */
export function bodyRecords(body: Buffer, contentType: string | undefined): readonly BodyRecord[] {
  let text: string;
  try {
    text = decodeUtf8(body);
  } catch (error) {
    if (error instanceof SqlError) throw new Refusal(400, 'the body is not UTF-8');
    throw error;
  }
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (/^application\/(x-ndjson|ndjson|jsonl|x-jsonlines|json-seq)$/.test(type)) return lineRecords(text);
  try {
    return treeRecords(text);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const lines = lineRecords(text);
    // Lines of JSON under a general content type; else it is a JSON text with a mistake.
    if (lines.length > 1 && lines[0]?.error === null) return lines;
    throw new Refusal(
      400,
      `the body is not JSON: ${error.message}${error.detail === undefined ? '' : ` (${error.detail})`}`,
    );
  }
}

function treeRecords(text: string): readonly BodyRecord[] {
  const root = parseJson(text);
  if (isJsonObject(root)) return [{ text, error: null }];
  if (!isJsonArray(root)) throw new Refusal(400, 'the body is neither a JSON object nor an array of objects');
  return root.map((node) => {
    const error = isJsonObject(node) ? null : new SqlError('22P02', 'record is not a JSON object');
    return { text: printJson(node), error };
  });
}

function lineRecords(text: string): readonly BodyRecord[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      try {
        const isRow = isJsonObject(parseJson(line));
        return { text: line, error: isRow ? null : new SqlError('22P02', 'record is not a JSON object') };
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        return { text: line, error };
      }
    });
}
