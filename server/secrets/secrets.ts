/**
 * The secrets of a database: values that options of connectors name instead of having them. Their names are per schema, apart
 * from those of relations.
 *
 * Who uses a secret follows from the statements of objects, which keep the name as it was written: a name without a schema means what
 * it meant when the object was made, so only secrets that are older than the object. ALTER writes names with their schemas.
 *
 * State: the secrets; how many running statements hold each of them, which keeps it from being dropped under them.
 */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { ObjectName, Option } from '../../parser/ast/common.ts';
import { parse } from '../../parser/parse.ts';
import type { Catalog } from '../catalog.ts';
import type { CatalogObject } from '../objects.ts';
import { type SecretOption, secretOptionsIn } from './optionsIn.ts';
import { redactedError, redactedText } from './redacted.ts';
import { SecretFiles } from './secretFiles.ts';
import { SecretKey } from './secretKey.ts';

export interface SecretObject {
  readonly kind: 'secret';
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  owner: string;
  /** Null: its key is lost, and it has been given none since. */
  value: string | null;
  /** The value as the disk has it. */
  sealed: string;
  readonly dependsOn: ReadonlySet<number>;
}

/** What names of secrets stand for, for whoever writes them. */
export interface SecretScope {
  /** The value, or the path of a file with it; null: it is lost. 42704 when there is no such secret. */
  value(name: ObjectName, asFile: boolean): string | null;
  secret(name: ObjectName): SecretObject;
}

/** What may use secrets. */
type Using = Pick<CatalogObject, 'id' | 'sql' | 'searchPath'>;

const none: ReadonlySet<number> = new Set();
/** No secret has it. */
const OWN_ID = 0;

export class Secrets {
  readonly #catalog: Catalog;
  readonly #byId = new Map<number, SecretObject>();
  readonly #held = new Map<number, number>();
  /** Why values could not be opened in the restart that is going on. */
  readonly #lost = new Map<number, SqlError>();
  readonly #files = new SecretFiles();
  #key = new SecretKey(null);
  /** Secrets that cannot be opened are left without a value; else the server does not start. */
  acceptLoss = false;
  /** Told of those. */
  onLost: (error: SqlError) => void = () => {};

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** Before anything is kept or opened. */
  useKey(key: SecretKey): void {
    this.#key = key;
  }

  // The secrets

  /** In the order of creation. */
  list(): readonly SecretObject[] {
    return [...this.#byId.values()].sort((a, b) => a.id - b.id);
  }

  byId(id: number): SecretObject | null {
    return this.#byId.get(id) ?? null;
  }

  ofSchema(schema: string): readonly SecretObject[] {
    return this.list().filter((s) => s.schema === schema);
  }

  /** By schema, or along the search path; `before`: only with lower ids, where no schema is named. */
  find(
    schema: string | null,
    name: string,
    searchPath: readonly string[],
    before = Number.POSITIVE_INFINITY,
  ): SecretObject | null {
    const named = this.list().filter((s) => s.name === name);
    if (schema !== null) return named.find((s) => s.schema === schema) ?? null;
    for (const path of searchPath) {
      const found = named.find((s) => s.schema === path && s.id < before);
      if (found !== undefined) return found;
    }
    return null;
  }

  add(made: Pick<SecretObject, 'id' | 'schema' | 'name' | 'owner'>, value: string): SecretObject {
    const secret = this.#place(made, value, this.#key.seal(made.id, value));
    return secret;
  }

  /** As the disk has it. */
  addSealed(made: Pick<SecretObject, 'id' | 'schema' | 'name' | 'owner'>, sealed: string): void {
    const value = this.#opened(made, sealed);
    this.#place(made, value, this.#resealed(made.id, value, sealed));
  }

  #place(
    made: Pick<SecretObject, 'id' | 'schema' | 'name' | 'owner'>,
    value: string | null,
    sealed: string,
  ): SecretObject {
    const secret: SecretObject = { kind: 'secret', ...made, value, sealed, dependsOn: none };
    this.#byId.set(secret.id, secret);
    return secret;
  }

  change(secret: SecretObject, value: string): void {
    secret.sealed = this.#key.seal(secret.id, value);
    secret.value = value;
  }

  changeSealed(secret: SecretObject, sealed: string): void {
    secret.value = this.#opened(secret, sealed);
    secret.sealed = this.#resealed(secret.id, secret.value, sealed);
  }

  /** Null when it cannot be opened: a later statement may give it another value (requireValues). */
  #opened({ id, schema, name }: Pick<SecretObject, 'id' | 'schema' | 'name'>, sealed: string): string | null {
    try {
      const value = this.#key.open(id, sealed, `${schema}.${name}`);
      this.#lost.delete(id);
      return value;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.#lost.set(id, error);
      return null;
    }
  }

  /** At the end of a restart: every secret has a value, or the operator has accepted that it has none. */
  requireValues(): void {
    if (this.refusal !== null) throw this.refusal;
    for (const error of this.#lost.values()) this.onLost(error);
    this.#lost.clear();
  }

  /** Why the restart cannot be right, whatever else it fails at; null: it can. */
  get refusal(): SqlError | null {
    for (const id of this.#lost.keys()) if (!this.#byId.has(id)) this.#lost.delete(id);
    const [first = null] = this.#lost.values();
    return this.acceptLoss ? null : first;
  }

  /** With the key of now, which may be another one than it was kept with. */
  #resealed(id: number, value: string | null, sealed: string): string {
    return value === null || this.#key.isCurrent(sealed) ? sealed : this.#key.seal(id, value);
  }

  remove(secret: SecretObject): void {
    this.#byId.delete(secret.id);
    this.#files.remove(secret.id);
  }

  close(): void {
    this.#files.close();
  }

  // Names

  scope(searchPath: readonly string[], before = Number.POSITIVE_INFINITY): SecretScope {
    const secret = (name: ObjectName): SecretObject => this.#named(name, searchPath, before);
    return { secret, value: (name, asFile) => this.#valueOf(secret(name), asFile) };
  }

  /** As the statement of the object means it. */
  scopeOf({ id, searchPath }: Pick<Using, 'id' | 'searchPath'>): SecretScope {
    return this.scope(searchPath, id);
  }

  #named(name: ObjectName, searchPath: readonly string[], before: number): SecretObject {
    const parts = name.parts.map((p) => p.name);
    const position = name.span.start;
    if (parts.length > 2 && (parts.length > 3 || parts[0] !== this.#catalog.database)) {
      throw new SqlError('0A000', `cross-database references are not implemented: "${parts.join('.')}"`, {
        position,
      });
    }
    const found = this.find(parts.at(-2) ?? null, must(parts.at(-1)), searchPath, before);
    if (found !== null) return found;
    throw new SqlError('42704', `secret "${parts.join('.')}" does not exist`, { position });
  }

  #valueOf({ id, value }: SecretObject, asFile: boolean): string | null {
    return asFile && value !== null ? this.#files.path(id, value) : value;
  }

  // What the server itself keeps

  /** Text of the server's own, for the disk, kept as values are. */
  sealOwn(text: string): string {
    return this.#key.seal(OWN_ID, text);
  }

  /** What `sealOwn` has sealed; `what`: its name in errors. SqlError 55000 without the key, XX001 when it is damaged. */
  openOwn(sealed: string, what: string): string {
    return this.#key.open(OWN_ID, sealed, what);
  }

  // What may be shown

  #values(): readonly string[] {
    return [...this.#byId.values()].flatMap(({ value }) => value ?? []);
  }

  /** The text without values of secrets. */
  redacted<T extends string | null>(text: T): T | string {
    return text === null || this.#byId.size === 0 ? text : redactedText(text, this.#values());
  }

  redactedError(error: unknown): unknown {
    if (this.#byId.size === 0 || !(error instanceof SqlError)) return error;
    return redactedError(error, this.#values());
  }

  // Who uses them

  /** The options of an object's statement that name secrets, with these. */
  optionsOf(object: Using): readonly (SecretOption & { readonly secret: SecretObject })[] {
    if (this.#byId.size === 0 || !/\bsecret\b/i.test(object.sql)) return [];
    const scope = this.scopeOf(object);
    return parse(object.sql).flatMap(({ statement }) =>
      secretOptionsIn(statement).map((o) => ({ ...o, secret: scope.secret(o.value.name) })),
    );
  }

  usedBy(object: Using): readonly SecretObject[] {
    return [...new Set(this.optionsOf(object).map((o) => o.secret))];
  }

  users(secret: SecretObject): readonly CatalogObject[] {
    return this.#catalog.objects().filter((object) => this.usedBy(object).includes(secret));
  }

  /** A statement that is under way has read them. The result lets them go. */
  hold(secrets: readonly SecretObject[]): () => void {
    const count = (by: number): void => {
      for (const { id } of secrets) this.#held.set(id, (this.#held.get(id) ?? 0) + by);
    };
    count(1);
    return () => count(-1);
  }

  isHeld(secret: SecretObject): boolean {
    return (this.#held.get(secret.id) ?? 0) > 0;
  }

  /** The options with every secret under its full name, for a statement that is kept under another search path. */
  qualified(options: readonly Option[], scope: SecretScope): readonly Option[] {
    return options.map((option) => {
      const { value, span } = option;
      if (value.kind !== 'secret') return option;
      const { schema, name } = scope.secret(value.name);
      const parts = [schema, name].map((part) => ({
        kind: 'Ident' as const,
        name: part,
        quoted: true,
        span,
      }));
      return { ...option, value: { ...value, name: { ...value.name, parts } } };
    });
  }
}
