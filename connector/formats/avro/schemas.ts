/**
 * The schemas of a topic's messages: from a registry by the id before each message, or one of a file for messages without an id.
 * Those of a batch are fetched before it is decoded. An id that the registry does not know is asked for again after a while.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SqlError } from '../../../common/sqlError.ts';
import { type RegisteredSchema, type RegistryClient, registryClient } from '../../registry/client.ts';
import { requireSchemaId, schemaId } from '../../registry/wireFormat.ts';

const MAX_REFERENCES = 200;
const AT_ONCE = 8;
/** Batches for which an unknown id stays unknown. */
const BATCHES_UNKNOWN = 50;

/** A schema with those that it imports, those that others need first. */
export interface WholeSchema {
  readonly id: number | null;
  readonly text: string;
  readonly imports: readonly { readonly name: string; readonly text: string }[];
}

export async function withReferences(client: RegistryClient, schema: RegisteredSchema): Promise<WholeSchema> {
  const imports = new Map<string, string>();
  const visit = async (at: RegisteredSchema, depth: number): Promise<void> => {
    for (const { name, subject, version } of at.references) {
      if (imports.has(name)) continue;
      if (imports.size >= MAX_REFERENCES || depth > 20)
        throw new SqlError('22P03', 'schema has too many references');
      const found = await client.version(subject, version);
      if (found === null) {
        throw new SqlError(
          '22P03',
          `schema refers to version ${version} of subject "${subject}", which is not in the registry`,
        );
      }
      await visit(found, depth + 1);
      imports.set(name, found.schema);
    }
  };
  await visit(schema, 0);
  return {
    id: schema.id,
    text: schema.schema,
    imports: [...imports].map(([name, text]) => ({ name, text })),
  };
}

/** The content of `schema.location`: a path, or a file: address. */
export function schemaFile(location: string): string | Buffer {
  try {
    return readFileSync(location.startsWith('file:') ? fileURLToPath(location) : location);
  } catch {
    throw new SqlError('58P01', `could not read the file of option "schema.location": "${location}"`);
  }
}

/** What `make` makes of each schema, or why it makes nothing. */
export class SchemaCache<T> {
  readonly #client: RegistryClient | null;
  readonly #make: (schema: WholeSchema) => T;
  readonly #kind: 'AVRO' | 'PROTOBUF';
  readonly #byId = new Map<number, T | SqlError>();
  readonly #unknown = new Map<number, number>();
  #batch = 0;

  constructor(
    options: ReadonlyMap<string, string>,
    kind: 'AVRO' | 'PROTOBUF',
    make: (schema: WholeSchema) => T,
  ) {
    this.#client = options.has('schema.registry') ? registryClient(options) : null;
    this.#kind = kind;
    this.#make = make;
  }

  get client(): RegistryClient | null {
    return this.#client;
  }

  /** Fetches what the payloads name and is not there yet. */
  begin(payloads: readonly (Uint8Array | null)[]): Promise<void> | null {
    if (this.#client === null) return null;
    this.#batch++;
    let wanted: Set<number> | null = null;
    for (const payload of payloads) {
      const id = payload === null ? null : schemaId(payload);
      if (id === null || this.#byId.has(id)) continue;
      const since = this.#unknown.get(id);
      if (since !== undefined && this.#batch - since < BATCHES_UNKNOWN) continue;
      wanted ??= new Set();
      wanted.add(id);
    }
    return wanted === null ? null : this.#fetch([...wanted], this.#client);
  }

  async #fetch(ids: number[], client: RegistryClient): Promise<void> {
    const one = async (): Promise<void> => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
        const schema = await client.byId(id);
        if (schema === null) {
          if (this.#unknown.size > 10_000) this.#unknown.clear();
          this.#unknown.set(id, this.#batch);
        } else this.#byId.set(id, await this.#made(schema, client));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
  }

  async #made(schema: RegisteredSchema, client: RegistryClient): Promise<T | SqlError> {
    try {
      if (schema.kind !== this.#kind) {
        throw new SqlError(
          '22P03',
          `schema ${schema.id} of the registry is ${schema.kind}, not ${this.#kind}`,
        );
      }
      return this.#make(await withReferences(client, schema));
    } catch (error) {
      if (!(error instanceof SqlError) || error.state.startsWith('08') || error.state === '28P01')
        throw error;
      return error;
    }
  }

  /** Throws what is wrong with the payload's schema. */
  of(payload: Uint8Array): { readonly id: number; readonly made: T } {
    const id = requireSchemaId(payload);
    const made = this.#byId.get(id);
    if (made === undefined) throw new SqlError('22P03', `schema ${id} is not in the registry`);
    if (made instanceof SqlError) throw made;
    return { id, made };
  }
}
