/**
 * A client of a schema registry with Confluent's API: schemas by id and by subject, registration. Schemas never change under an
 * id, so they are kept for good (up to a number); requests for the same one at the same time are one. What may pass by itself
 * (no answer, 5xx, 429) is tried again, on each address in turn, and then rejects with class 08; an id that does not exist is an
 * error of the message that names it.
 */
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { SqlError } from '../../common/sqlError.ts';
import { registryTls } from './options.ts';

const MAX_ANSWER = 16 << 20;
const MAX_KEPT = 2000;
const CONTENT = 'application/vnd.schemaregistry.v1+json';

export type SchemaKind = 'AVRO' | 'PROTOBUF' | 'JSON';

/** Another subject's schema that a schema imports. */
export interface SchemaReference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

export interface RegisteredSchema {
  readonly id: number;
  readonly kind: SchemaKind;
  readonly schema: string;
  readonly references: readonly SchemaReference[];
}

export interface RegistryClient {
  /** Null: no schema has this id. */
  byId(id: number): Promise<RegisteredSchema | null>;
  /** Null: the subject is not there. Never from the cache. */
  latest(subject: string): Promise<RegisteredSchema | null>;
  version(subject: string, version: number): Promise<RegisteredSchema | null>;
  /** The id under the subject, new or known. Throws 42P17 when the subject's compatibility rules refuse the schema. */
  register(subject: string, kind: SchemaKind, schema: string): Promise<number>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Target {
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: RequestOptions;
  readonly timeoutMillis: number;
  readonly retries: number;
}

function targetOf(options: ReadonlyMap<string, string>): Target {
  const urls = (options.get('schema.registry') ?? '')
    .split(',')
    .map((url) => url.trim().replace(/\/+$/, ''))
    .filter((url) => url !== '');
  for (const url of urls) {
    if (URL.canParse(url) && /^https?:/.test(url)) continue;
    throw new SqlError(
      '22023',
      `invalid value for option "schema.registry": "${url.replace(/\/\/.*@/, '//')}"`,
      {
        hint: 'It takes http or https addresses, parted by commas.',
      },
    );
  }
  if (urls.length === 0) throw new SqlError('22023', 'option "schema.registry" is missing');
  const user = options.get('schema.registry.username');
  const password = options.get('schema.registry.password') ?? '';
  const headers: Record<string, string> = { accept: CONTENT };
  if (user !== undefined) {
    headers['authorization'] = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }
  return {
    urls,
    headers,
    tls: registryTls(options, (path) => readFileSync(path)),
    timeoutMillis: Number(options.get('schema.registry.timeout.ms') ?? '5000'),
    retries: Number(options.get('schema.registry.retries') ?? '3'),
  };
}

/** An address without what may be secret in it. */
function shown(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function send(
  target: Target,
  base: string,
  method: string,
  path: string,
  body: string | null,
): Promise<Answer> {
  const url = new URL(base + path);
  const secure = url.protocol === 'https:';
  const given =
    url.username === ''
      ? {}
      : { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` };
  const options: RequestOptions = {
    method,
    headers: { ...target.headers, ...(body === null ? {} : { 'content-type': CONTENT }) },
    signal: AbortSignal.timeout(target.timeoutMillis),
    ...given,
    ...(secure ? target.tls : {}),
  };
  return new Promise((resolve, reject) => {
    const receive = (response: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER) response.destroy(new RangeError('the answer is too large'));
        else chunks.push(chunk);
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
      response.on('error', reject);
    };
    const sent = secure ? httpsRequest(url, options, receive) : httpRequest(url, options, receive);
    sent.on('error', reject);
    sent.end(body ?? undefined);
  });
}

function unreachable(target: Target, reason: string): SqlError {
  return new SqlError('08001', `schema registry does not answer: ${reason}`, {
    detail: `Tried ${target.urls.map(shown).join(', ')}.`,
    hint: 'Check the option schema.registry, and that the registry runs and can be reached from here.',
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'timeout';
  const code = 'code' in error ? String(error.code) : '';
  return code === '' ? error.message : code;
}

/** Sends until there is an answer that counts. */
async function ask(target: Target, method: string, path: string, body: string | null): Promise<Answer> {
  let reason = '';
  for (let attempt = 0; attempt <= target.retries; attempt++) {
    if (attempt > 0) await sleep(Math.min(100 * 2 ** attempt, 2000), undefined, { ref: false });
    const base = target.urls[attempt % target.urls.length] ?? '';
    try {
      const answer = await send(target, base, method, path, body);
      if (answer.status === 401 || answer.status === 403) {
        throw new SqlError('28P01', `schema registry refuses the user (HTTP ${answer.status})`, {
          hint: 'Check schema.registry.username and schema.registry.password.',
        });
      }
      if (answer.status < 500 && answer.status !== 429) return answer;
      reason = `HTTP ${answer.status}`;
    } catch (error) {
      if (error instanceof SqlError) throw error;
      reason = reasonOf(error);
    }
  }
  throw unreachable(target, reason);
}

function fields(answer: Answer, target: Target): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(answer.body);
    if (typeof parsed === 'object' && parsed !== null) return parsed as Readonly<Record<string, unknown>>;
  } catch {
    // Not a registry at that address: said below.
  }
  throw unreachable(target, `HTTP ${answer.status}, and not in its language`);
}

function referencesOf(value: unknown): readonly SchemaReference[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly unknown[]).flatMap((item): SchemaReference[] => {
    if (typeof item !== 'object' || item === null) return [];
    const { name, subject, version } = item as Readonly<Record<string, unknown>>;
    if (typeof name !== 'string' || typeof subject !== 'string') return [];
    return [{ name, subject, version: Number(version) }];
  });
}

class Client implements RegistryClient {
  readonly #target: Target;
  readonly #kept = new Map<string, Promise<RegisteredSchema | null>>();

  constructor(target: Target) {
    this.#target = target;
  }

  async #get(path: string, id: number | null): Promise<RegisteredSchema | null> {
    const answer = await ask(this.#target, 'GET', path, null);
    if (answer.status === 404) {
      // A registry says what it has not; any other server says that there is no such page.
      if (/"error_code"\s*:\s*404\d\d\b/.test(answer.body)) return null;
      throw unreachable(this.#target, 'HTTP 404, there is no schema registry at this address');
    }
    const found = fields(answer, this.#target);
    const { schema, schemaType } = found;
    if (answer.status !== 200 || typeof schema !== 'string') {
      throw unreachable(
        this.#target,
        `HTTP ${answer.status} ${String(found['message'] ?? '').slice(0, 200)}`,
      );
    }
    const kind = schemaType === 'PROTOBUF' || schemaType === 'JSON' ? schemaType : 'AVRO';
    return { id: id ?? Number(found['id']), kind, schema, references: referencesOf(found['references']) };
  }

  #keep(name: string, get: () => Promise<RegisteredSchema | null>): Promise<RegisteredSchema | null> {
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    const found = get();
    this.#kept.set(name, found);
    // Only what is there stays: a schema may be registered later, a registry may come back.
    const forget = (): boolean => this.#kept.delete(name);
    found.then((schema) => schema === null && forget(), forget);
    return found;
  }

  byId(id: number): Promise<RegisteredSchema | null> {
    return this.#keep(`id ${id}`, () => this.#get(`/schemas/ids/${id}`, id));
  }

  latest(subject: string): Promise<RegisteredSchema | null> {
    return this.#get(`/subjects/${encodeURIComponent(subject)}/versions/latest`, null);
  }

  version(subject: string, version: number): Promise<RegisteredSchema | null> {
    return this.#keep(`${version} of ${subject}`, () =>
      this.#get(`/subjects/${encodeURIComponent(subject)}/versions/${version}`, null),
    );
  }

  async register(subject: string, kind: SchemaKind, schema: string): Promise<number> {
    const body = JSON.stringify(kind === 'AVRO' ? { schema } : { schemaType: kind, schema });
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const answer = await ask(this.#target, 'POST', path, body);
    const found = fields(answer, this.#target);
    if (answer.status === 200) return Number(found['id']);
    const reason = String(found['message'] ?? `HTTP ${answer.status}`).slice(0, 500);
    throw new SqlError('42P17', `schema registry refuses the schema of subject "${subject}"`, {
      detail: reason,
      hint: 'A new version of a schema must be compatible with those before, by the rules of its subject.',
    });
  }
}

/** Throws SqlError (22023, 58P01) for options that cannot be right; connects to nothing yet. */
export function registryClient(options: ReadonlyMap<string, string>): RegistryClient {
  return new Client(targetOf(options));
}
