/** JSON documents as SQL values of a given type: strings and numbers through the type's text input, arrays and objects by parts. */
import type { DataType, StructType } from '../../../common/dataType.ts';
import { Jsonb, type JsonNode } from '../../../common/jsonb.ts';
import { jsonToText } from '../../../common/jsonbOps.ts';
import { isJsonArray, isJsonObject, printJson } from '../../../common/jsonText.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { TextContext } from '../../../common/textContext.ts';
import { parseValue } from '../../../common/textIo.ts';
import type { Value } from '../../../common/value.ts';
import { leafType } from './arrayOps.ts';

/** The value of a JSON node in a type. */
export function jsonToValue(node: JsonNode, type: DataType, context: TextContext): Value {
  if (type.id === 'jsonb') return new Jsonb(node);
  if (type.id === 'json') return printJson(node);
  if (node === null) return null;
  if (type.id === 'struct' && isJsonObject(node)) return populateRecord(null, node, type, context);
  if (type.id === 'array' && isJsonArray(node)) return arrayValue(node, leafType(type), context);
  return parseValue(jsonToText(node) ?? '', type, context);
}

/** Dimensions follow the nesting of the first elements; all levels must agree. */
function arrayValue(node: readonly JsonNode[], element: DataType, context: TextContext): SqlArray {
  const dimensions: number[] = [];
  for (let at: JsonNode = node; isJsonArray(at) && at.length > 0; at = at[0] ?? null)
    dimensions.push(at.length);
  const elements: Value[] = [];
  const collect = (level: JsonNode, depth: number): void => {
    if (depth === dimensions.length) {
      elements.push(jsonToValue(level, element, context));
      return;
    }
    if (!isJsonArray(level) || level.length !== dimensions[depth]) {
      throw new SqlError('22P02', 'malformed JSON array', {
        detail: 'Multidimensional arrays must have sub-arrays with matching dimensions.',
      });
    }
    for (const item of level) collect(item, depth + 1);
  };
  if (node.length > 0) collect(node, 0);
  return new SqlArray(elements, dimensions);
}

/** A row with its fields taken from the object's members; others keep `base`'s values. */
export function populateRecord(
  base: readonly Value[] | null,
  members: ReadonlyMap<string, JsonNode>,
  type: StructType,
  context: TextContext,
): readonly Value[] {
  return type.fields.map((field, i) => {
    const node = members.get(field.name);
    return node === undefined ? (base?.[i] ?? null) : jsonToValue(node, field.type, context);
  });
}
