/** The start-up packet's parameters: what they mean, and which the protocol itself answers for. */
import { SqlError } from '../common/sqlError.ts';
import { missingUser } from './auth.ts';
import type { StartupParameters } from './port.ts';

/** Encodings that need no conversion: SQL_ASCII means that the client asks for none. */
const utf8Names: readonly string[] = ['utf8', 'unicode', 'sqlascii'];

/**
 * Checks a client_encoding (at start-up, in SET client_encoding) and returns PostgreSQL's spelling of it. Only UTF-8
 * is spoken; another encoding is refused, not garbled.
 */
export function checkClientEncoding(name: string): string {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (utf8Names.includes(plain)) return plain === 'sqlascii' ? 'SQL_ASCII' : 'UTF8';
  throw new SqlError('22023', `invalid value for parameter "client_encoding": "${name}"`, {
    detail: 'Only UTF8 is supported.',
  });
}

/** Names of `_pq_.` protocol options, none of which is known. */
export function protocolOptions(parameters: ReadonlyMap<string, string>): readonly string[] {
  return [...parameters.keys()].filter((name) => name.startsWith('_pq_.'));
}

/** Reads the parameters of a Startup message; raises 28000 without a user, 22023 for an encoding not spoken. */
export function startupParameters(parameters: ReadonlyMap<string, string>): StartupParameters {
  const user = parameters.get('user') ?? '';
  if (user === '') throw missingUser();
  const settings = new Map<string, string>();
  for (const [name, value] of parseOptions(parameters.get('options') ?? '')) settings.set(name, value);
  for (const [name, value] of parameters) {
    const own = name === 'user' || name === 'database' || name === 'options' || name === 'replication';
    if (!own && !name.startsWith('_pq_.')) settings.set(name, value);
  }
  const replication = parameters.get('replication');
  if (replication !== undefined && !/^(off|false|no|0)$/i.test(replication)) {
    throw new SqlError('0A000', 'replication connections are not supported');
  }
  const encoding = settings.get('client_encoding');
  if (encoding !== undefined) settings.set('client_encoding', checkClientEncoding(encoding));
  const database = parameters.get('database');
  return { user, database: database === undefined || database === '' ? user : database, settings };
}

/** `-c name=value`, `-cname=value` and `--name=value`, with backslash escapes for blanks. */
export function parseOptions(options: string): readonly (readonly [string, string])[] {
  const words = splitOptions(options);
  const settings: (readonly [string, string])[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    let assignment: string;
    if (word === '-c') {
      i++;
      assignment = words[i] ?? '';
    } else if (word.startsWith('-c')) {
      assignment = word.slice(2);
    } else if (word.startsWith('--')) {
      assignment = word.slice(2);
    } else {
      throw new SqlError('42601', `invalid command-line argument for server process: ${word}`);
    }
    const equals = assignment.indexOf('=');
    if (equals <= 0) throw new SqlError('42601', `-c ${assignment} requires a value`);
    settings.push([assignment.slice(0, equals).replaceAll('-', '_'), assignment.slice(equals + 1)]);
  }
  return settings;
}

function splitOptions(options: string): readonly string[] {
  const words: string[] = [];
  for (const match of options.matchAll(/(?:\\[\s\S]|[^\s\\])+/g))
    words.push(match[0].replace(/\\([\s\S])/g, '$1'));
  return words;
}
