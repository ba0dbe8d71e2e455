/** Protobuf schemas: .proto text with what it imports, resolved; message types by name or by their place in the file. */
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';
import { SqlError } from '../../../common/sqlError.ts';
import { schemaFile, type WholeSchema } from '../avro/schemas.ts';

const MAX_FILES = 200;

export interface ProtoSchema {
  readonly root: protobuf.Root;
  /** Message types of the file itself, in the order of their declaration; indexes of a message refer to it. */
  readonly top: readonly string[];
}

function invalid(error: unknown): SqlError {
  const text = error instanceof Error ? error.message : String(error);
  return new SqlError('22P03', `invalid Protobuf schema: ${text.slice(0, 200)}`);
}

/** Names of the messages at the top of a file, in order. */
function topMessages(text: string): readonly string[] {
  const alone = new protobuf.Root();
  const { package: name } = protobuf.parse(text, alone, { keepCase: true });
  const scope = name === undefined ? alone : alone.lookup(name);
  if (!(scope instanceof protobuf.Namespace)) return [];
  const prefix = name === undefined ? '' : `${name}.`;
  return scope.nestedArray.flatMap((o) => (o instanceof protobuf.Type ? [prefix + o.name] : []));
}

/** `find` gives the text of an import; null: there is none. */
function load(text: string, find: (name: string) => string | null): ProtoSchema {
  try {
    const root = new protobuf.Root();
    const loaded = new Set<string>();
    const add = (source: string): void => {
      const { imports = [], weakImports = [] } = protobuf.parse(source, root, { keepCase: true });
      for (const name of [...imports, ...weakImports]) {
        if (loaded.has(name)) continue;
        loaded.add(name);
        if (loaded.size > MAX_FILES) throw new SqlError('22P03', 'Protobuf schema has too many imports');
        const common = protobuf.common.get(name);
        const own = common === null ? find(name) : null;
        if (common?.nested !== undefined) root.addJSON(common.nested);
        else if (own !== null) add(own);
        else throw new SqlError('22P03', `Protobuf schema imports "${name}", which is not there`);
      }
    };
    add(text);
    root.resolveAll();
    return { root, top: topMessages(text) };
  } catch (error) {
    throw error instanceof SqlError ? error : invalid(error);
  }
}

export function protoSchemaOf(schema: WholeSchema): ProtoSchema {
  return load(schema.text, (name) => schema.imports.find((i) => i.name === name)?.text ?? null);
}

/** A .proto file; imports are beside it or below its directory. */
export function protoFile(location: string): ProtoSchema {
  const path = location.startsWith('file://') ? new URL(location).pathname : location;
  const text = schemaFile(path).toString('utf8');
  return load(text, (name) => schemaFile(join(dirname(path), name)).toString('utf8'));
}

/** The message type of a name; null: the only one of the file. */
export function messageType(schema: ProtoSchema, name: string | null): protobuf.Type {
  const wanted = name ?? (schema.top.length === 1 ? schema.top[0] : undefined);
  if (wanted === undefined) {
    throw new SqlError('22023', 'Protobuf schema has several message types', {
      hint: `Name one by the option "message": ${schema.top.slice(0, 20).join(', ')}.`,
    });
  }
  let found: protobuf.ReflectionObject | null = null;
  try {
    found = schema.root.lookup(wanted);
  } catch {
    found = null;
  }
  if (found instanceof protobuf.Type) return found;
  throw new SqlError('42704', `message type "${wanted}" is not in the Protobuf schema`, {
    hint: `It has ${schema.top.slice(0, 20).join(', ')}.`,
  });
}

/** The type that indexes lead to: the place at the top, then within each message. */
export function typeAt(schema: ProtoSchema, indexes: readonly number[]): protobuf.Type {
  const missing = (): SqlError =>
    new SqlError('22P03', `message names type ${indexes.join('.')}, which its schema does not have`);
  const first = schema.top[indexes[0] ?? 0];
  if (first === undefined) throw missing();
  let type = messageType(schema, first);
  for (const index of indexes.slice(1)) {
    const inner = type.nestedArray.filter((o): o is protobuf.Type => o instanceof protobuf.Type)[index];
    if (inner === undefined) throw missing();
    type = inner;
  }
  return type;
}

export function fullName(type: protobuf.ReflectionObject): string {
  return type.fullName.replace(/^\./, '');
}
