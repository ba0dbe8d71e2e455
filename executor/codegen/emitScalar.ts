/**
 * Scalar expressions as JavaScript statements specialised to physical kinds and nullability.
 *
 * `emitScalar` emits what computes an expression and says where its value and null flag then are. Three-valued logic,
 * CASE and COALESCE evaluate left to right and stop early (labelled blocks); strict functions are not entered when an
 * argument is NULL. An expression that was already computed in the block is not computed again.
 */
import { AssertionError, must } from '../../common/assert.ts';
import { physicalKind } from '../../common/dataType.ts';
import { zeroOf } from '../../common/function.ts';
import { isNullOnError } from '../../common/nullOnError.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { emitCall } from './emitCall.ts';
import { emitCast } from './emitCast.ts';
import {
  emitArray,
  emitField,
  emitInSet,
  emitQuantified,
  emitRow,
  emitSlice,
  emitStructIsNull,
  emitSubscript,
} from './emitComposite.ts';
import type { Code, Emitter } from './emitter.ts';
import { scalarKey } from './scalarFacts.ts';
import { equalityOf, lessOf } from './typeOperations.ts';

type Of<K extends Scalar['kind']> = Extract<Scalar, { readonly kind: K }>;

/** Emits the evaluation of `scalar` into the current block. */
export function emitScalar(scalar: Scalar, emitter: Emitter): Code {
  if (scalar.kind === 'literal') return emitLiteral(scalar, emitter);
  const key = scalarKey(scalar);
  if (key !== null) {
    const known = emitter.known(key);
    if (known !== undefined) return known;
  }
  const code = emitNew(scalar, emitter);
  if (key !== null) emitter.remember(key, code);
  return code;
}

function emitNew(scalar: Exclude<Scalar, { kind: 'literal' }>, emitter: Emitter): Code {
  switch (scalar.kind) {
    case 'column':
      return emitter.environment.column(scalar.index, emitter, scalar.type);
    case 'call':
      if (isNullOnError(scalar.fn)) return emitNullOnError(must(scalar.args[0]), emitter);
      return emitCall(
        scalar.fn,
        scalar.args.map((arg) => emitScalar(arg, emitter)),
        scalar.args.map((arg) => arg.type),
        scalar.type,
        scalar.position,
        emitter,
      );
    case 'cast':
      return emitCast(scalar, emitScalar(scalar.operand, emitter), emitter);
    case 'and':
    case 'or':
      return emitLogical(scalar, emitter);
    case 'not': {
      const { value, isNull } = emitScalar(scalar.operand, emitter);
      return { value: emitter.atom(`!${value}`), isNull };
    }
    case 'isNull':
      return emitIsNull(scalar, emitter);
    case 'isBool':
      return emitIsBool(scalar, emitter);
    case 'isDistinct':
      return emitIsDistinct(scalar, emitter);
    case 'case':
      return emitCase(scalar, emitter);
    case 'coalesce':
      return emitCoalesce(scalar, emitter);
    case 'greatest':
    case 'least':
      return emitExtreme(scalar, emitter);
    case 'inSet':
    case 'quantified':
    case 'array':
    case 'row':
    case 'field':
    case 'subscript':
    case 'slice':
      return emitComposite(scalar, emitter);
    case 'outer':
    case 'parameter':
    case 'scalarSubquery':
    case 'existsSubquery':
    case 'quantifiedSubquery':
    case 'arraySubquery':
      throw new AssertionError(`${scalar.kind} reaches the executor`);
  }
}

/** The operand's value; where it fails, NULL, and the row is filed. */
function emitNullOnError(operand: Scalar, emitter: Emitter): Code {
  const report = emitter.environment.onFailure ?? null;
  if (report === null) return emitScalar(operand, emitter);
  const result = new Assigned(operand, emitter);
  emitter.block('try', () => emitter.line(result.assign(emitScalar(operand, emitter))));
  emitter.block('catch (error)', () => {
    emitter.line(report);
    emitter.line(result.assignNull());
  });
  return result.finish();
}

type Composite = Of<'inSet' | 'quantified' | 'array' | 'row' | 'field' | 'subscript' | 'slice'>;

function emitComposite(scalar: Composite, emitter: Emitter): Code {
  switch (scalar.kind) {
    case 'inSet':
      return emitInSet(scalar, emitScalar(scalar.operand, emitter), emitter);
    case 'quantified':
      return emitQuantified(
        scalar,
        emitScalar(scalar.left, emitter),
        emitScalar(scalar.right, emitter),
        emitter,
      );
    case 'array':
      return emitArray(
        scalar,
        scalar.items.map((item) => emitScalar(item, emitter)),
        emitter,
      );
    case 'row':
      return emitRow(
        scalar.items.map((item) => emitScalar(item, emitter)),
        emitter,
      );
    case 'field':
      return emitField(scalar, emitScalar(scalar.operand, emitter), emitter);
    case 'subscript':
      return emitSubscript(
        scalar,
        emitScalar(scalar.operand, emitter),
        scalar.indexes.map((index) => emitScalar(index, emitter)),
        emitter,
      );
    case 'slice': {
      const operand = emitScalar(scalar.operand, emitter);
      const bound = (s: Scalar | null): Code | null => (s === null ? null : emitScalar(s, emitter));
      const bounds = scalar.bounds.map(({ lower, upper }) => ({ lower: bound(lower), upper: bound(upper) }));
      return emitSlice(operand, bounds, emitter);
    }
  }
}

function emitLiteral(scalar: Of<'literal'>, emitter: Emitter): Code {
  if (scalar.value === null) return { value: zeroOf[physicalKind(scalar.type)], isNull: 'true' };
  return { value: emitter.literal(scalar.value), isNull: null };
}

/** Emits a test and leaves the labelled block unless `scalar` is true. */
export function emitUnlessTrue(scalar: Scalar, otherwise: string, emitter: Emitter): void {
  if (scalar.kind === 'and') {
    for (const operand of scalar.operands) emitUnlessTrue(operand, otherwise, emitter);
    return;
  }
  const { value, isNull } = emitScalar(scalar, emitter);
  emitter.line(`if (${isNull === null ? `!${value}` : `${isNull} || !${value}`}) ${otherwise}`);
}

/** AND stops at the first false, OR at the first true; otherwise NULL if any operand was. */
function emitLogical(scalar: Of<'and' | 'or'>, emitter: Emitter): Code {
  const and = scalar.kind === 'and';
  const result = emitter.temp();
  const unknown = emitter.temp();
  const label = emitter.temp();
  const declare = emitter.placeholder();
  let nullable = false;
  emitter.block(`${label}:`, () => {
    for (const operand of scalar.operands) {
      const { value, isNull } = emitScalar(operand, emitter);
      const decides = and ? `!${value}` : value;
      const stop = `{ ${result} = ${!and}; ${unknown} = false; break ${label}; }`;
      if (isNull === null) emitter.line(`if (${decides}) ${stop}`);
      else {
        nullable = true;
        emitter.line(`if (${isNull}) ${unknown} = true; else if (${decides}) ${stop}`);
      }
    }
  });
  declare(`let ${result} = ${and}, ${unknown} = false;`);
  return { value: result, isNull: nullable ? unknown : null };
}

function emitIsNull(scalar: Of<'isNull'>, emitter: Emitter): Code {
  const operand = emitScalar(scalar.operand, emitter);
  if (scalar.operand.type.id === 'struct') return emitStructIsNull(operand, scalar.negated, emitter);
  const { isNull } = operand;
  if (isNull === null) return { value: String(scalar.negated), isNull: null };
  return { value: emitter.atom(scalar.negated ? `!${isNull}` : isNull), isNull: null };
}

function emitIsBool(scalar: Of<'isBool'>, emitter: Emitter): Code {
  const { value, isNull } = emitScalar(scalar.operand, emitter);
  const matches = scalar.test ? value : `!${value}`;
  const both = isNull === null ? matches : `(!${isNull} && ${matches})`;
  return { value: emitter.atom(scalar.negated ? `!${both}` : both), isNull: null };
}

function emitIsDistinct(scalar: Of<'isDistinct'>, emitter: Emitter): Code {
  const left = emitScalar(scalar.left, emitter);
  const right = emitScalar(scalar.right, emitter);
  const equal = equalityOf(scalar.left.type, left.value, right.value, emitter);
  const ln = left.isNull;
  const rn = right.isNull;
  let same = equal;
  if (ln !== null && rn !== null) same = `(${ln} || ${rn} ? ${ln} && ${rn} : ${equal})`;
  else if (ln !== null || rn !== null) same = `(!${ln ?? rn} && ${equal})`;
  return { value: emitter.atom(scalar.negated ? same : `!${same}`), isNull: null };
}

/** Declares a result that branches assign, with its null flag when any branch can be NULL. */
class Assigned {
  readonly value: string;
  readonly #isNull: string;
  readonly #declare: (text: string) => void;
  readonly #zero: string;
  #nullable = false;

  constructor(scalar: Scalar, emitter: Emitter) {
    this.value = emitter.temp();
    this.#isNull = emitter.temp();
    this.#zero = zeroOf[physicalKind(scalar.type)];
    this.#declare = emitter.placeholder();
  }

  assign(code: Code): string {
    if (code.isNull === 'true') return this.assignNull();
    if (code.isNull === null) return `${this.value} = ${code.value}; ${this.#isNull} = false;`;
    this.#nullable = true;
    return `${this.value} = ${code.value}; ${this.#isNull} = ${code.isNull};`;
  }

  assignNull(): string {
    this.#nullable = true;
    return `${this.#isNull} = true;`;
  }

  finish(): Code {
    this.#declare(`let ${this.value} = ${this.#zero}, ${this.#isNull} = false;`);
    return { value: this.value, isNull: this.#nullable ? this.#isNull : null };
  }
}

function emitCase(scalar: Of<'case'>, emitter: Emitter): Code {
  const result = new Assigned(scalar, emitter);
  const label = emitter.temp();
  emitter.block(`${label}:`, () => {
    for (const { when, then } of scalar.whens) {
      const { value, isNull } = emitScalar(when, emitter);
      emitter.block(`if (${isNull === null ? value : `!${isNull} && ${value}`})`, () => {
        emitter.line(result.assign(emitScalar(then, emitter)));
        emitter.line(`break ${label};`);
      });
    }
    emitter.line(
      scalar.otherwise === null ? result.assignNull() : result.assign(emitScalar(scalar.otherwise, emitter)),
    );
  });
  return result.finish();
}

function emitCoalesce(scalar: Of<'coalesce'>, emitter: Emitter): Code {
  const result = new Assigned(scalar, emitter);
  const label = emitter.temp();
  let open = true;
  emitter.block(`${label}:`, () => {
    for (const operand of scalar.operands) {
      const code = emitScalar(operand, emitter);
      if (code.isNull === null) {
        emitter.line(result.assign(code));
        open = false;
        break;
      }
      const present: Code = { value: code.value, isNull: null };
      if (code.isNull !== 'true')
        emitter.line(`if (!${code.isNull}) { ${result.assign(present)} break ${label}; }`);
    }
    if (open) emitter.line(result.assignNull());
  });
  return result.finish();
}

/** GREATEST and LEAST ignore NULLs. */
function emitExtreme(scalar: Of<'greatest' | 'least'>, emitter: Emitter): Code {
  const codes = scalar.operands.map((operand) => emitScalar(operand, emitter));
  const value = emitter.temp();
  const isNull = emitter.temp();
  const nullable = codes.every((code) => code.isNull !== null);
  const first = must(codes[0], 'GREATEST without arguments');
  emitter.line(`let ${value} = ${first.value}, ${isNull} = ${first.isNull ?? 'false'};`);
  for (const code of codes.slice(1)) {
    const better =
      scalar.kind === 'greatest'
        ? lessOf(scalar.type, value, code.value, emitter)
        : lessOf(scalar.type, code.value, value, emitter);
    const present = code.isNull === null ? '' : `!${code.isNull} && `;
    emitter.line(`if (${present}(${isNull} || ${better})) { ${value} = ${code.value}; ${isNull} = false; }`);
  }
  return { value, isNull: nullable ? isNull : null };
}
