/** The catalog as statements that make it again, in an order in which they can run. */
import { must } from '../../common/assert.ts';
import { PUBLIC_ID } from '../catalog.ts';
import type { Database, DdlOrigin } from '../database.ts';
import { ownerOf } from '../internalRelation.ts';
import { type CatalogObject, isRelation } from '../objects.ts';
import type { SecretObject } from '../secrets/secrets.ts';
import { sealedStatement } from '../secrets/statements.ts';
import { isQueryView, sinkDefinition } from '../sinks/definition.ts';
import { type RoutineObject, signatureOf } from '../udf/routine.ts';

/** A statement with what its meaning depends on. */
export interface Definition extends DdlOrigin {
  /** The object that it makes; null: none. */
  readonly id: number | null;
  /** Rows that the planner took the relations (by id) to have when it planned the view. */
  readonly plannedOver: readonly (readonly [relation: number, rows: number])[];
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function statement(sql: string, id: number | null, user = 'root'): Definition {
  return { sql, searchPath: [], timeZone: 'UTC', user, id, plannedOver: [] };
}

export function* definitions(database: Database): Generator<Definition> {
  const { catalog } = database;
  for (const schema of catalog.schemas()) {
    if (catalog.isSystemSchema(schema.name)) continue;
    if (schema.id !== PUBLIC_ID) {
      yield statement(`CREATE SCHEMA ${quote(schema.name)}`, schema.id, schema.owner);
    } else if (schema.name !== 'public') {
      yield statement(`ALTER SCHEMA public RENAME TO ${quote(schema.name)}`, null);
    }
  }
  const secrets = new PendingSecrets(database);
  for (const object of definedBefore(database)) {
    yield* secrets.before(object);
    // Relations of late rows come with their owners.
    if (object.kind === 'table' && object.internal) continue;
    // Views of sinks' queries as well.
    if (isQueryView(object)) continue;
    if (object.kind === 'sink') {
      yield sinkDefinition(catalog, object);
      continue;
    }
    const { sql, searchPath, timeZone, id, owner } = object;
    const plannedOver = object.kind === 'materialized view' ? [...object.plannedOver] : [];
    yield { sql, searchPath, timeZone, user: owner, id, plannedOver };
  }
  yield* secrets.rest();
  yield* comments(database);
}

/** A secret comes at its age, so that names mean what they meant, unless something older has come to name it. */
class PendingSecrets {
  readonly #database: Database;
  readonly #pending: Set<SecretObject>;

  constructor(database: Database) {
    this.#database = database;
    this.#pending = new Set(database.secrets.list());
  }

  *before(object: CatalogObject | RoutineObject): Generator<Definition> {
    const used = this.#database.secrets.usedBy(object);
    for (const secret of this.#pending) if (secret.id < object.id) yield this.#take(secret);
    for (const secret of used) if (this.#pending.has(secret)) yield this.#take(secret);
  }

  *rest(): Generator<Definition> {
    for (const secret of this.#pending) yield this.#take(secret);
  }

  #take(secret: SecretObject): Definition {
    this.#pending.delete(secret);
    return statement(sealedStatement(secret), secret.id, secret.owner);
  }
}

function* comments({ catalog, functions, secrets }: Database): Generator<Definition> {
  for (const { id, column, text } of catalog.comments()) {
    const literal = `'${text.replaceAll("'", "''")}'`;
    const routine = functions.byId(id);
    if (routine !== null) {
      const { kind, schema, name, fn } = routine;
      const signature = signatureOf(quote(name), fn.user.parameters);
      yield statement(`COMMENT ON ${kind} ${quote(schema)}.${signature} IS ${literal}`, null);
    }
    const secret = secrets.byId(id);
    if (secret !== null) {
      yield statement(`COMMENT ON SECRET ${quote(secret.schema)}.${quote(secret.name)} IS ${literal}`, null);
    }
    const object = catalog.byId(id);
    if (object === null) continue;
    const name = `${quote(object.schema)}.${quote(object.name)}`;
    if (column === 0) yield statement(`COMMENT ON ${object.kind} ${name} IS ${literal}`, null);
    else if (isRelation(object)) {
      const columnName = quote(must(object.columns[column - 1]).name);
      yield statement(`COMMENT ON COLUMN ${name}.${columnName} IS ${literal}`, null);
    }
  }
}

/** Late rows come with their owner: views made after it may count them. */
const age = (object: CatalogObject | RoutineObject): number =>
  object.kind === 'table' && object.lateStore !== null ? ownerOf(object) + 0.5 : object.id;

/** Everything in an order in which it can be made again: what a replaced function needs may be younger than it. */
export function definedBefore(database: Database): readonly (CatalogObject | RoutineObject)[] {
  const { catalog, functions } = database;
  const ordered = new Set<CatalogObject | RoutineObject>();
  const visit = (object: CatalogObject | RoutineObject): void => {
    if (ordered.has(object)) return;
    for (const id of object.dependsOn) {
      const needed = catalog.byId(id) ?? functions.byId(id);
      if (needed !== null) visit(needed);
    }
    ordered.add(object);
  };
  const all = [...catalog.objects(), ...functions.list()];
  for (const object of all.sort((a, b) => age(a) - age(b))) visit(object);
  return [...ordered];
}
