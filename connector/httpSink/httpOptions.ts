/** What can be said of an HTTP sink in WITH (...), read into what its writer needs. */
import { SqlError } from '../../common/sqlError.ts';
import type { OptionSpec } from '../connector.ts';
import { refuseTlsOptions, type TlsSettings, tlsNames, tlsOptions, tlsSettings } from '../tls.ts';

export const httpTlsNames = tlsNames('tls.');
const httpTlsOptions = tlsOptions('tls.');

export const httpOptions: readonly OptionSpec[] = [
  {
    name: 'url',
    type: 'string',
    required: true,
    alterable: true,
    doc: 'Where requests go: `http://...` or `https://...`.',
  },
  {
    name: 'method',
    type: 'string',
    choices: ['POST', 'PUT', 'PATCH'],
    default: 'POST',
    alterable: true,
    doc: 'Method of the requests.',
  },
  {
    name: 'headers.*',
    type: 'string',
    secret: true,
    alterable: true,
    doc: "A header of every request: `headers.authorization = 'Bearer ...'`.",
  },
  ...httpTlsOptions,
  {
    name: 'batch.format',
    type: 'string',
    choices: ['array', 'ndjson', 'row'],
    default: 'array',
    doc: 'What a request holds: a JSON array of changes, a change on each line, or one change by itself.',
  },
  {
    name: 'batch.rows',
    type: 'integer',
    default: '500',
    alterable: true,
    doc: 'Changes in a request at most.',
  },
  {
    name: 'linger_seconds',
    type: 'float',
    default: '0',
    alterable: true,
    doc: 'A change waits so long for others to go with it.',
  },
  {
    name: 'id_field',
    type: 'string',
    doc: 'Every change is an object with this field more, its id: a repetition has the same one.',
  },
  {
    name: 'compression',
    type: 'string',
    choices: ['none', 'gzip'],
    default: 'none',
    alterable: true,
    doc: 'How bodies are compressed.',
  },
  {
    name: 'timeout_seconds',
    type: 'float',
    default: '30',
    alterable: true,
    doc: 'A request without an answer is given up after this long, and sent again.',
  },
  {
    name: 'max_retries',
    type: 'integer',
    default: '4',
    alterable: true,
    doc: 'So often a request is sent again at once (after 0.2 seconds, then ever longer, or as `Retry-After` says) before the whole delivery is begun again later.',
  },
];

export interface HttpTarget {
  readonly url: URL;
  /** Null: without TLS. */
  readonly tls: TlsSettings | null;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: 'array' | 'ndjson' | 'row';
  /** Changes in a request. */
  readonly rows: number;
  readonly idField: string | null;
  readonly gzip: boolean;
  readonly timeoutMillis: number;
  readonly retries: number;
}

function urlOf(text: string): URL {
  const invalid = (hint: string): SqlError =>
    new SqlError('22023', 'invalid value for option "url"', { hint });
  if (!URL.canParse(text)) throw invalid('Write https://host/path.');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw invalid('It begins with http:// or https://.');
  if (url.username !== '' || url.password !== '') {
    throw invalid("Say who you are with headers.authorization = 'Basic ...', not in the URL.");
  }
  return url;
}

/** Headers that the sink sets by itself. */
const OWN = ['content-type', 'content-encoding', 'content-length', 'idempotency-key', 'host', 'connection'];

function headersOf(options: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [option, value] of options) {
    if (!option.startsWith('headers.')) continue;
    const name = option.slice('headers.'.length).toLowerCase();
    if (OWN.includes(name)) {
      throw new SqlError('22023', `option "${option}" cannot be given: the sink sets this header itself`);
    }
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || /[\r\n\0]/.test(value)) {
      throw new SqlError('22023', `option "${option}" is not a header that HTTP can carry`);
    }
    headers[name] = value;
  }
  return headers;
}

/** Throws SqlError where the options make no sense. */
export function httpTarget(options: ReadonlyMap<string, string>): HttpTarget {
  const format = options.get('batch.format');
  const body = format === 'ndjson' || format === 'row' ? format : 'array';
  const url = urlOf(options.get('url') ?? '');
  const secure = url.protocol === 'https:';
  if (!secure) refuseTlsOptions(options, httpTlsOptions, 'Write a url that begins with https://.');
  return {
    url,
    tls: secure ? tlsSettings(options, httpTlsNames) : null,
    method: options.get('method') ?? 'POST',
    headers: headersOf(options),
    body,
    rows: body === 'row' ? 1 : Math.max(1, Number(options.get('batch.rows') ?? 500)),
    idField: options.get('id_field') ?? null,
    gzip: options.get('compression') === 'gzip',
    timeoutMillis: Math.max(1, Number(options.get('timeout_seconds') ?? 30) * 1000),
    retries: Number(options.get('max_retries') ?? 4),
  };
}
