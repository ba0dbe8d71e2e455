import { compareJson } from './compare.ts';
import { Decimal } from './decimal.ts';
import type { JsonNode } from './jsonb.ts';
import { isJsonArray, isJsonObject, jsonObject, printJson } from './jsonText.ts';
import { SqlError } from './sqlError.ts';

type JsonObject = ReadonlyMap<string, JsonNode>;
type JsonArray = readonly JsonNode[];

/** jsonb_typeof. */
export function jsonTypeOf(node: JsonNode): 'null' | 'string' | 'number' | 'boolean' | 'array' | 'object' {
  if (node === null) return 'null';
  if (typeof node === 'string') return 'string';
  if (typeof node === 'boolean') return 'boolean';
  if (node instanceof Decimal) return 'number';
  return isJsonArray(node) ? 'array' : 'object';
}

// --- access ----------------------------------------------------------------------------------------------------

/** `->` with a key; undefined when there is no such member. */
export function getField(node: JsonNode, key: string): JsonNode | undefined {
  return isJsonObject(node) ? node.get(key) : undefined;
}

/**
 * `->` with an index, from the end when negative; undefined when there is no such element. A scalar document is an
 * array of one.
 */
export function getElement(node: JsonNode, index: number): JsonNode | undefined {
  if (isJsonObject(node)) return undefined;
  if (!isJsonArray(node)) return index === 0 || index === -1 ? node : undefined;
  return node[index < 0 ? node.length + index : index];
}

/** Array index of a path step, or null when the step is not an integer. */
function stepIndex(step: string): number | null {
  if (!/^\s*[+-]?\d+$/.test(step)) return null;
  const index = Number(step);
  return index <= 2_147_483_647 && index >= -2_147_483_648 ? index : null;
}

/** `#>`: follows keys and indexes; undefined when the path leads nowhere. */
export function getPath(node: JsonNode, path: readonly string[]): JsonNode | undefined {
  let at: JsonNode | undefined = node;
  for (const step of path) {
    if (at === undefined) return undefined;
    if (isJsonArray(at)) {
      const index = stepIndex(step);
      at = index === null ? undefined : getElement(at, index);
    } else at = getField(at, step);
  }
  return at;
}

/** What `->>` gives for a node: the string itself, other nodes printed, null for JSON null or nothing. */
export function jsonToText(node: JsonNode | undefined): string | null {
  if (node === undefined || node === null) return null;
  return typeof node === 'string' ? node : printJson(node);
}

// --- tests -----------------------------------------------------------------------------------------------------

function isScalar(node: JsonNode): boolean {
  return !isJsonArray(node) && !isJsonObject(node);
}

function equalJson(a: JsonNode, b: JsonNode): boolean {
  return compareJson(a, b) === 0;
}

/** `@>`: everything in `part` is in `whole`. At the top an array contains a bare scalar that is among its elements. */
export function containsJson(whole: JsonNode, part: JsonNode): boolean {
  if (isJsonArray(whole) && isScalar(part))
    return whole.some((item) => isScalar(item) && equalJson(item, part));
  return containsNested(whole, part);
}

function containsNested(whole: JsonNode, part: JsonNode): boolean {
  if (isJsonObject(part)) {
    if (!isJsonObject(whole)) return false;
    for (const [key, value] of part) {
      const own = whole.get(key);
      if (own === undefined || !containsNested(own, value)) return false;
    }
    return true;
  }
  if (isJsonArray(part)) {
    if (!isJsonArray(whole)) return false;
    return part.every((item) =>
      whole.some((own) =>
        isScalar(item) ? isScalar(own) && equalJson(own, item) : containsNested(own, item),
      ),
    );
  }
  return isScalar(whole) && equalJson(whole, part);
}

/** `?`: a key of an object, a string among an array's elements, or the string itself. */
export function existsJson(node: JsonNode, key: string): boolean {
  if (isJsonObject(node)) return node.has(key);
  return isJsonArray(node) ? node.includes(key) : node === key;
}

// --- changes ---------------------------------------------------------------------------------------------------

/** `||`: objects merge, otherwise both sides are taken for arrays. */
export function concatJson(a: JsonNode, b: JsonNode): JsonNode {
  if (isJsonObject(a) && isJsonObject(b)) return jsonObject([...a, ...b]);
  return [...asArray(a), ...asArray(b)];
}

function asArray(node: JsonNode): JsonArray {
  return isJsonArray(node) ? node : [node];
}

function invalidTarget(message: string): SqlError {
  return new SqlError('22023', message);
}

/** `-` with keys: members of an object, or elements of an array that are such strings. */
export function deleteKeys(node: JsonNode, keys: readonly string[]): JsonNode {
  if (isJsonObject(node)) return new Map([...node].filter(([key]) => !keys.includes(key)));
  if (isJsonArray(node)) return node.filter((item) => typeof item !== 'string' || !keys.includes(item));
  throw invalidTarget('cannot delete from scalar');
}

/** `-` with an index, from the end when negative. */
export function deleteElement(node: JsonNode, index: number): JsonNode {
  if (isJsonObject(node)) throw invalidTarget('cannot delete from object using integer index');
  if (!isJsonArray(node)) throw invalidTarget('cannot delete from scalar');
  const at = index < 0 ? node.length + index : index;
  return at < 0 || at >= node.length ? node : node.toSpliced(at, 1);
}

function isEmpty(node: JsonNode): boolean {
  return isJsonArray(node) ? node.length === 0 : isJsonObject(node) && node.size === 0;
}

/** What to do at the end of a path. */
type PathChange =
  | { readonly kind: 'delete' }
  | { readonly kind: 'set'; readonly value: JsonNode; readonly create: boolean }
  | { readonly kind: 'insert'; readonly value: JsonNode; readonly after: boolean };

/** `#-`. */
export function deletePath(node: JsonNode, path: readonly string[]): JsonNode {
  if (isScalar(node)) throw invalidTarget('cannot delete path in scalar');
  return path.length === 0 || isEmpty(node) ? node : changePath(node, path, 0, { kind: 'delete' });
}

/** jsonb_set: replaces the node at the path, or adds it there if `create` and its parent exists. */
export function setPath(node: JsonNode, path: readonly string[], value: JsonNode, create: boolean): JsonNode {
  if (isScalar(node)) throw invalidTarget('cannot set path in scalar');
  if (path.length === 0 || (isEmpty(node) && !create)) return node;
  return changePath(node, path, 0, { kind: 'set', value, create });
}

/** jsonb_insert: a new array element before (or after) the one at the path, or a new member of an object. */
export function insertPath(
  node: JsonNode,
  path: readonly string[],
  value: JsonNode,
  after: boolean,
): JsonNode {
  if (isScalar(node)) throw invalidTarget('cannot set path in scalar');
  return path.length === 0 ? node : changePath(node, path, 0, { kind: 'insert', value, after });
}

function changePath(node: JsonNode, path: readonly string[], level: number, change: PathChange): JsonNode {
  if (isJsonObject(node)) return changeObject(node, path, level, change);
  return isJsonArray(node) ? changeArray(node, path, level, change) : node;
}

function changeObject(
  node: JsonObject,
  path: readonly string[],
  level: number,
  change: PathChange,
): JsonNode {
  const key = path[level] ?? '';
  const own = node.get(key);
  if (level < path.length - 1) {
    if (own === undefined) return node;
    return new Map(node).set(key, changePath(own, path, level + 1, change));
  }
  if (own === undefined) {
    if (change.kind === 'delete' || (change.kind === 'set' && !change.create)) return node;
    return jsonObject([...node, [key, change.value]]);
  }
  switch (change.kind) {
    case 'delete':
      return new Map([...node].filter(([other]) => other !== key));
    case 'set':
      return new Map(node).set(key, change.value);
    case 'insert':
      throw new SqlError('22023', 'cannot replace existing key', {
        hint: 'Try using the function jsonb_set to replace key value.',
      });
  }
}

function changeArray(node: JsonArray, path: readonly string[], level: number, change: PathChange): JsonNode {
  const step = path[level] ?? '';
  const index = stepIndex(step);
  if (index === null) {
    throw new SqlError('22P02', `path element at position ${level + 1} is not an integer: "${step}"`);
  }
  const at = index < 0 ? node.length + index : index;
  const exists = at >= 0 && at < node.length;
  if (level < path.length - 1) {
    if (!exists) return node;
    return node.with(at, changePath(node[at] ?? null, path, level + 1, change));
  }
  switch (change.kind) {
    case 'delete':
      return exists ? node.toSpliced(at, 1) : node;
    case 'set':
      if (exists) return node.with(at, change.value);
      if (!change.create) return node;
      return at < 0 ? [change.value, ...node] : [...node, change.value];
    case 'insert':
      if (!exists) return at < 0 ? [change.value, ...node] : [...node, change.value];
      return node.toSpliced(change.after ? at + 1 : at, 0, change.value);
  }
}

/** jsonb_strip_nulls: drops members that are null, at every level; array elements stay. */
export function stripNulls(node: JsonNode): JsonNode {
  if (isJsonArray(node)) return node.map(stripNulls);
  if (!isJsonObject(node)) return node;
  const kept: [string, JsonNode][] = [];
  for (const [key, value] of node) {
    if (value !== null) kept.push([key, stripNulls(value)]);
  }
  return new Map(kept);
}

// --- parts -----------------------------------------------------------------------------------------------------

/** jsonb_array_length. */
export function jsonArrayLength(node: JsonNode): number {
  if (isJsonArray(node)) return node.length;
  throw invalidTarget(`cannot get array length of a ${isJsonObject(node) ? 'non-array' : 'scalar'}`);
}

/** The members of an object, for functions that list them; 22023 for anything else. */
export function jsonMembers(node: JsonNode, functionName: string): JsonObject {
  if (isJsonObject(node)) return node;
  throw invalidTarget(
    functionName === 'jsonb_object_keys'
      ? `cannot call ${functionName} on ${isJsonArray(node) ? 'an array' : 'a scalar'}`
      : `cannot call ${functionName} on a non-object`,
  );
}

/** The elements of an array, for functions that list them; 22023 for anything else. */
export function jsonElements(node: JsonNode): JsonArray {
  if (isJsonArray(node)) return node;
  throw invalidTarget(
    isJsonObject(node) ? 'cannot extract elements from an object' : 'cannot extract elements from a scalar',
  );
}
