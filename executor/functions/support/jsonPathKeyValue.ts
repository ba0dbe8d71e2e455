/**
 * `.keyvalue()` of SQL/JSON paths: an object's members as objects of key, value and id. The id tells members of different
 * objects apart; it is what PostgreSQL gives: the object's place in the binary form of the document, in bytes.
 */
import { Decimal } from '../../../common/decimal.ts';
import type { JsonNode } from '../../../common/jsonb.ts';
import { isJsonArray, isJsonObject, jsonObject } from '../../../common/jsonText.ts';

const aligned = (n: number): number => Math.ceil(n / 4) * 4;

/** Bytes of a numeric: header, and two bytes for each group of four digits between the first and last that are not 0. */
function numericSize(n: Decimal): number {
  if (n.special !== null || n.coefficient === 0n) return 6;
  let digits = (n.coefficient < 0n ? -n.coefficient : n.coefficient).toString();
  const fraction = Math.ceil(n.scale / 4) * 4;
  digits += '0'.repeat(fraction - n.scale);
  digits = digits.padStart(Math.ceil(digits.length / 4) * 4, '0');
  const groups = digits.match(/.{4}/g) ?? [];
  const first = groups.findIndex((g) => g !== '0000');
  const last = groups.findLastIndex((g) => g !== '0000');
  const weight = groups.length - fraction / 4 - 1 - first;
  const long = n.scale > 63 || weight > 63 || weight < -64;
  return (long ? 8 : 6) + 2 * (last - first + 1);
}

/** Lays a node out from `at` and notes where objects begin; gives the place after it. */
function layOut(node: JsonNode, at: number, places: Map<JsonNode, number>): number {
  if (typeof node === 'string') return at + Buffer.byteLength(node);
  if (node === null || typeof node === 'boolean') return at;
  if (node instanceof Decimal) return aligned(at) + numericSize(node);
  const start = aligned(at);
  if (isJsonArray(node)) {
    let end = start + 4 + 4 * node.length;
    for (const item of node) end = layOut(item, end, places);
    return end;
  }
  if (!isJsonObject(node)) return at;
  places.set(node, start);
  let end = start + 4 + 8 * node.size;
  for (const key of node.keys()) end += Buffer.byteLength(key);
  for (const value of node.values()) end = layOut(value, end, places);
  return end;
}

/** The same document of other objects: an object's id tells by identity where it was found. */
function copied(node: JsonNode): JsonNode {
  if (node === null || typeof node !== 'object' || node instanceof Decimal) return node;
  if (isJsonArray(node)) return node.map(copied);
  return isJsonObject(node) ? new Map([...node].map(([key, value]) => [key, copied(value)])) : node;
}

const BASE = 10_000_000_000;

/** Numbers the objects of one evaluation. */
export class KeyValues {
  readonly #root: JsonNode;
  #places: Map<JsonNode, number> | null = null;
  /** What is made is numbered after the document and the variables. */
  #bases = 2;

  constructor(root: JsonNode) {
    this.#root = root;
  }

  *of(object: ReadonlyMap<string, JsonNode>): Generator<JsonNode> {
    const id = Decimal.parse(String(this.#idOf(object)));
    for (const [key, value] of object) {
      const made = jsonObject([
        ['key', key],
        ['value', copied(value)],
        ['id', id],
      ]);
      layOut(made, this.#bases++ * BASE, this.#placesOf());
      yield made;
    }
  }

  #placesOf(): Map<JsonNode, number> {
    if (this.#places === null) {
      this.#places = new Map();
      layOut(this.#root, 0, this.#places);
    }
    return this.#places;
  }

  #idOf(object: JsonNode): number {
    return this.#placesOf().get(object) ?? 0;
  }
}
