/**
 * How a column of a Parquet file is built: a leaf, a struct, a list or a map, by the rules of the format's specification for LIST and MAP
 * groups, those of older writers included. Each OPTIONAL and each REPEATED node is one definition level, each REPEATED one
 * repetition level; shapes say of each part where these are, so values can be put together from shapes alone (parquetRecords.ts).
 */
import type { SchemaElement, SchemaTree } from 'hyparquet';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import { type LeafMeaning, meaningOf } from './parquetValue.ts';

export type ParquetShape = LeafShape | StructShape | ListShape | MapShape;

interface LeafShape {
  readonly kind: 'leaf';
  readonly optional: boolean;
  /** Of names, as `leafKey` joins them. */
  readonly path: string;
  readonly meaning: LeafMeaning;
}
export interface StructShape {
  readonly kind: 'struct';
  readonly optional: boolean;
  readonly fields: readonly { readonly name: string; readonly shape: ParquetShape }[];
}
/** Its elements are repeated: one level of each sort more. */
export interface ListShape {
  readonly kind: 'list';
  readonly optional: boolean;
  readonly element: ParquetShape;
}
/** A list of entries. */
export interface MapShape {
  readonly kind: 'map';
  readonly optional: boolean;
  readonly entry: StructShape;
}

/** One key for a path; names may have points. */
export const leafKey = (path: readonly string[]): string => path.join('\u0000');

const isGroup = (node: SchemaTree): boolean => node.element.type === undefined;
const isRepeated = (node: SchemaTree): boolean => node.element.repetition_type === 'REPEATED';

function isAnnotated(
  { converted_type: converted, logical_type: logical }: SchemaElement,
  as: 'LIST' | 'MAP',
): boolean {
  return converted === as || logical?.type === as || (as === 'MAP' && converted === 'MAP_KEY_VALUE');
}

/** The only child, where it is repeated. */
function repeatedChild({ children }: SchemaTree): SchemaTree | null {
  const [only, second] = children;
  return only !== undefined && second === undefined && isRepeated(only) ? only : null;
}

/** The repeated group of a list is its element itself, and not a wrapper of it. */
function isElement(repeated: SchemaTree, list: string): boolean {
  const [only, second] = repeated.children;
  if (!isGroup(repeated) || only === undefined || second !== undefined || isRepeated(only)) return true;
  const { name } = repeated.element;
  return name === 'array' || name === `${list}_tuple`;
}

function structOf(node: SchemaTree, optional: boolean): StructShape {
  const fields = node.children.map((child) => ({ name: child.element.name, shape: shapeOf(child) }));
  return { kind: 'struct', optional, fields };
}

/** What a node is when it is there. */
function bodyOf(node: SchemaTree, optional: boolean): ParquetShape {
  const { element, path } = node;
  if (!isGroup(node)) return { kind: 'leaf', optional, path: leafKey(path), meaning: meaningOf(element) };
  if (node.children.length === 0 || element.logical_type?.type === 'VARIANT') {
    const what = node.children.length === 0 ? 'a group without fields' : 'VARIANT';
    throw new SqlError('0A000', `${what} in Parquet column "${path.join('.')}" is not supported`, {
      hint: 'Leave this column out of the column list.',
    });
  }
  const repeated = repeatedChild(node);
  if (repeated !== null && isAnnotated(element, 'LIST')) {
    const shape = isElement(repeated, element.name)
      ? bodyOf(repeated, false)
      : shapeOf(must(repeated.children[0]));
    return { kind: 'list', optional, element: shape };
  }
  if (repeated !== null && isAnnotated(element, 'MAP') && isGroup(repeated)) {
    return { kind: 'map', optional, entry: structOf(repeated, false) };
  }
  return structOf(node, optional);
}

/** A node that is repeated without a LIST around it is a list that is never NULL. */
export function shapeOf(node: SchemaTree): ParquetShape {
  if (isRepeated(node)) return { kind: 'list', optional: false, element: bodyOf(node, false) };
  return bodyOf(node, node.element.repetition_type === 'OPTIONAL');
}
