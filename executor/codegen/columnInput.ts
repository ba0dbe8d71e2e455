/** Generated access to the columns of a batch: arrays bound before the loop, entries read when first needed. */
import { must } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import { physicalKind } from '../../common/dataType.ts';
import type { Code, EmitEnvironment, Emitter } from './emitter.ts';

let zeros = new Uint8Array(1024);

/** At least n zero bytes, shared by all loops and never written: the null bytes of a vector without NULLs. */
export function noNulls(n: number): Uint8Array {
  if (zeros.length < n) zeros = new Uint8Array(n * 2);
  return zeros;
}

/** The environment of a loop over the rows of one batch, at index `row`. */
export class ColumnInput implements EmitEnvironment {
  readonly positionVariable = 'pos';
  readonly inlineLiterals = true;
  /** Statement that files the caught `error`; null: expressions that are NULL when they fail are not expected. */
  onFailure: string | null = null;
  readonly #schema: Schema;
  readonly #row: string;
  readonly #used = new Map<number, boolean>();

  constructor(schema: Schema, row = 'i') {
    this.#schema = schema;
    this.#row = row;
  }

  readonly column = (index: number, emitter: Emitter): Code => {
    const { type, nullable } = must(this.#schema[index], `no input column ${index}`);
    this.#used.set(index, nullable);
    const entry = `c${index}[${this.#row}]`;
    const value = emitter.atom(physicalKind(type) === 'bool' ? `${entry} !== 0` : entry);
    return { value, isNull: nullable ? emitter.atom(`m${index}[${this.#row}] !== 0`) : null };
  };

  /** Statements that bind the arrays of every column used, given the vectors' and length's names. */
  bindings(columns: string, length: string, emitter: Emitter): string {
    const lines: string[] = [];
    for (const [index, nullable] of this.#used) {
      lines.push(`const c${index} = ${columns}[${index}].data;`);
      if (nullable) {
        lines.push(
          `const m${index} = ${columns}[${index}].nulls ?? ${emitter.constant(noNulls)}(${length});`,
        );
      }
    }
    return lines.join('\n');
  }
}
