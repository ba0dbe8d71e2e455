/**
 * Nested columns of Parquet put together from their leaves, as the Dremel paper has it: each leaf has for each of its entries a
 * definition level (how much of its path is there) and a repetition level (at which list it goes on). All leaves of a column are read
 * side by side, a row at a time; every part that is absent, NULL or empty is one entry of each leaf below it.
 *
 * What comes out: NULL, a leaf's value as it is stored, an array of the fields of a struct, of the elements of a list, or of the entries of a
 * map (each an array of its fields). NULL and empty lists, and NULL structs and structs of NULLs, stay apart.
 */
import type { SchemaTree } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { convert, convertWithDictionary } from 'hyparquet/src/convert.js';
import { decompressPage, readDataPage, readDataPageV2 } from 'hyparquet/src/datapage.js';
import { readPlain } from 'hyparquet/src/plain.js';
import { getMaxDefinitionLevel } from 'hyparquet/src/schema.js';
import { must } from '../../common/assert.ts';
import type { ParquetShape } from './parquetShape.ts';

type ColumnDecoder = Parameters<typeof readDataPageV2>[2];

/** The entries of a leaf in a row group. */
export class LeafColumn {
  readonly #maxDefinition: number;
  readonly #values: unknown[] = [];
  readonly #definition: number[] = [];
  readonly #repetition: number[] = [];
  #entry = 0;
  #value = 0;

  constructor(path: readonly SchemaTree[]) {
    this.#maxDefinition = getMaxDefinitionLevel([...path]);
  }

  /** Levels that are left out are the greatest (definition) or zero (repetition). */
  addPage(definition: ArrayLike<number>, repetition: ArrayLike<number>, values: ArrayLike<unknown>): void {
    const count = definition.length || repetition.length || values.length;
    for (let i = 0; i < count; i++) {
      this.#definition.push(definition.length === 0 ? this.#maxDefinition : (definition[i] ?? 0));
      this.#repetition.push(repetition.length === 0 ? 0 : (repetition[i] ?? 0));
    }
    for (let i = 0; i < values.length; i++) this.#values.push(values[i]);
  }

  get isAtEnd(): boolean {
    return this.#entry >= this.#definition.length;
  }

  get definition(): number {
    const level = this.#definition[this.#entry];
    if (level === undefined) throw new Error('a nested column has fewer values than rows');
    return level;
  }

  /** Of the next entry; -1 when there is none. */
  get repetition(): number {
    return this.#repetition[this.#entry] ?? -1;
  }

  /** The entry's value, undefined where it has none. */
  take(): unknown {
    const isThere = this.definition === this.#maxDefinition;
    this.#entry++;
    return isThere ? this.#values[this.#value++] : undefined;
  }
}

/** The pages of a column chunk. */
export function readLeaf(view: DataView, decoder: ColumnDecoder): LeafColumn {
  const { element, codec, compressors, type } = decoder;
  const leaf = new LeafColumn(decoder.schemaPath);
  const reader = { view, offset: 0 };
  let dictionary: Parameters<typeof convertWithDictionary>[1];
  while (reader.offset < view.byteLength - 1) {
    const header = parquetHeader(reader);
    const bytes = new Uint8Array(view.buffer, view.byteOffset + reader.offset, header.compressed_page_size);
    reader.offset += header.compressed_page_size;
    const plain = () => decompressPage(bytes, Number(header.uncompressed_page_size), codec, compressors);
    if (header.type === 'DICTIONARY_PAGE') {
      const page = plain();
      const at = { view: new DataView(page.buffer, page.byteOffset, page.byteLength), offset: 0 };
      const count = must(header.dictionary_page_header).num_values;
      dictionary = convert(readPlain(at, type, count, element.type_length), decoder);
      continue;
    }
    const first = header.data_page_header;
    const head = first ?? must(header.data_page_header_v2);
    const { definitionLevels, repetitionLevels, dataPage } =
      first === undefined ? readDataPageV2(bytes, header, decoder) : readDataPage(plain(), first, decoder);
    const values = convertWithDictionary(dataPage, dictionary, head.encoding, decoder);
    leaf.addPage(definitionLevels ?? [], repetitionLevels, values);
  }
  return leaf;
}

interface Assembler {
  readonly leaves: readonly LeafColumn[];
  read(): unknown;
}

/** `definition`, `repetition`: levels of what the part is in. */
function assembler(
  shape: ParquetShape,
  leafAt: (path: string) => LeafColumn,
  definition: number,
  repetition: number,
): Assembler {
  const here = definition + (shape.optional ? 1 : 0);
  const body = bodyAssembler(shape, leafAt, here, repetition);
  if (!shape.optional) return body;
  const { leaves } = body;
  const first = must(leaves[0]);
  return {
    leaves,
    read() {
      if (first.definition >= here) return body.read();
      for (const leaf of leaves) leaf.take();
      return null;
    },
  };
}

function bodyAssembler(
  shape: ParquetShape,
  leafAt: (path: string) => LeafColumn,
  here: number,
  repetition: number,
): Assembler {
  switch (shape.kind) {
    case 'leaf': {
      const leaf = leafAt(shape.path);
      return { leaves: [leaf], read: () => leaf.take() };
    }
    case 'struct': {
      const fields = shape.fields.map((f) => assembler(f.shape, leafAt, here, repetition));
      return { leaves: fields.flatMap((f) => f.leaves), read: () => fields.map((f) => f.read()) };
    }
    case 'list':
    case 'map': {
      const each = shape.kind === 'list' ? shape.element : shape.entry;
      const element = assembler(each, leafAt, here + 1, repetition + 1);
      const { leaves } = element;
      const first = must(leaves[0]);
      return {
        leaves,
        read() {
          const items: unknown[] = [];
          if (first.definition <= here) {
            for (const leaf of leaves) leaf.take();
            return items;
          }
          do items.push(element.read());
          while (first.repetition === repetition + 1);
          return items;
        },
      };
    }
  }
}

/** The values of a column, one a row. Throws where its leaves do not fit together. */
export function assembled(
  shape: ParquetShape,
  leafAt: (path: string) => LeafColumn,
  rows: number,
): readonly unknown[] {
  const column = assembler(shape, leafAt, 0, 0);
  const values: unknown[] = [];
  for (let row = 0; row < rows; row++) values.push(column.read());
  if (column.leaves.some((leaf) => !leaf.isAtEnd))
    throw new Error('a nested column has more values than rows');
  return values;
}
