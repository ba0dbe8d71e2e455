/**
 * The state of one generation of code: statements, fresh names, constants, and the expressions computed so far.
 *
 * Expressions are known per block: what was computed in an enclosing block may be used within, but not the other way
 * round, so a common subexpression is computed once wherever its first evaluation is unconditional for the second.
 */
import type { DataType } from '../../common/dataType.ts';
import type { EmitContext } from '../../common/function.ts';
import type { Value } from '../../common/value.ts';
import { Constants } from './program.ts';

/**
 * Where a value is: `value` and `isNull` are atoms (identifiers or literals). `isNull` null: never NULL; 'true': always.
 * Where it is NULL, `value` is unspecified, but of the right JavaScript type unless the type is boxed.
 */
export interface Code {
  readonly value: string;
  readonly isNull: string | null;
}

/** Where generated code finds its inputs. */
export interface EmitEnvironment {
  /** The code of an input column. May emit statements. Called once per block that needs the column. */
  readonly column: (index: number, emitter: Emitter, type: DataType) => Code;
  /** Variable to be set to the position of a fallible call before it runs; null: positions are not tracked. */
  readonly positionVariable: string | null;
  /**
   * Statement that files the caught `error` of an expression which is then NULL; null or absent: such expressions fail
   * like others.
   */
  readonly onFailure?: string | null;
  /** False: literals become constants, so that programs that differ only in them share their compiled text. */
  readonly inlineLiterals: boolean;
}

const ATOM = /^(?:[A-Za-z_$][\w$]*|\d+n?|-?\d+(?:\.\d+)?|\(-\d+n?\))$/;

export class Emitter implements EmitContext {
  readonly context: string;
  readonly environment: EmitEnvironment;
  readonly constants: Constants;
  #lines: string[] = [];
  #scopes: Map<string, Code>[] = [new Map()];
  #temps = 0;
  #position = -1;

  constructor(environment: EmitEnvironment, constants: Constants = new Constants(), context = 'ctx') {
    this.environment = environment;
    this.constants = constants;
    this.context = context;
  }

  constant(value: unknown): string {
    return this.constants.name(value);
  }

  temp(): string {
    return `t${this.#temps++}`;
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  /** Keeps a place for a statement whose text is known only later. */
  placeholder(): (text: string) => void {
    const at = this.#lines.push('') - 1;
    return (text) => {
      this.#lines[at] = text;
    };
  }

  /** An atom with the value of `expression`. */
  atom(expression: string): string {
    if (ATOM.test(expression)) return expression;
    const name = this.temp();
    this.line(`const ${name} = ${expression};`);
    return name;
  }

  /** Emits `head { body }`; expressions first computed inside are forgotten after it. */
  block(head: string, body: () => void): void {
    this.line(`${head} {`);
    this.#scopes.push(new Map());
    const position = this.#position;
    // A loop's body may start with what its last turn left.
    if (head.startsWith('for')) this.#position = -2;
    body();
    // Whether the block ran is not known after it.
    if (this.#position !== position) this.#position = -2;
    this.#scopes.pop();
    this.line('}');
  }

  /** The code of the expression with this key, if it is computed in this block or an enclosing one. */
  known(key: string): Code | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const code = this.#scopes[i]?.get(key);
      if (code !== undefined) return code;
    }
    return undefined;
  }

  remember(key: string, code: Code): void {
    this.#scopes.at(-1)?.set(key, code);
  }

  /** Emits the note of where the next failure belongs. */
  at(position: number | undefined): void {
    const variable = this.environment.positionVariable;
    const wanted = position ?? -1;
    if (variable === null || wanted === this.#position) return;
    this.line(`${variable} = ${wanted};`);
    this.#position = wanted;
  }

  /** A literal of JavaScript's own types in place, others as constants. */
  literal(value: Exclude<Value, null>): string {
    if (!this.environment.inlineLiterals) return this.constant(value);
    switch (typeof value) {
      case 'boolean':
        return String(value);
      case 'bigint':
        return value < 0n ? `(${value}n)` : `${value}n`;
      case 'number':
        if (!Number.isFinite(value) || Object.is(value, -0)) return this.constant(value);
        return value < 0 ? `(${value})` : String(value);
      default:
        return this.constant(value);
    }
  }

  /** Takes the statements emitted so far. */
  take(): string {
    const text = this.#lines.join('\n');
    this.#lines = [];
    return text;
  }

  /** Starts a fresh row: nothing is computed yet. Names stay unique. */
  reset(): void {
    this.#scopes = [new Map()];
    this.#position = -1;
  }
}
