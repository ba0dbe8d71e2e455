/** Scalars as readable SQL-like text, with column names. For EXPLAIN and golden files; not meant to be parsed again. */
import { must, unreachable } from '../../common/assert.ts';
import type { DataType, Schema } from '../../common/dataType.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import { typeName } from '../../common/typeTable.ts';
import type { Value } from '../../common/value.ts';
import type { Scalar } from '../plan/scalar.ts';

/** Literals are printed as in UTC; no function of time is evaluated. */
const context = plainContext(() => 0n);

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const bare: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'oid']);
const untyped: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar', 'unknown', 'name']);

export function valueText(value: Value, type: DataType): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  const text = formatValue(value, type, context);
  if (bare.has(type.id) && /^-?[0-9.]+$/.test(text)) return text;
  return untyped.has(type.id) ? quoted(text) : `${typeName(type)} ${quoted(text)}`;
}

/** Names of the columns a scalar reads. */
export function columnName(schema: Schema, index: number): string {
  const column = schema[index];
  if (column === undefined) return `#${index}`;
  const same = schema.filter((c) => c.name === column.name).length;
  const name = /^[a-z_][a-z0-9_]*$/.test(column.name) ? column.name : `"${column.name}"`;
  return same > 1 ? `${name}#${index}` : name;
}

class Printer {
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  list(scalars: readonly Scalar[]): string {
    return scalars.map((s) => this.print(s)).join(', ');
  }

  /** In parentheses unless it is a single token or a call. */
  operand(s: Scalar): string {
    const text = this.print(s);
    const simple =
      s.kind === 'column' ||
      s.kind === 'literal' ||
      s.kind === 'parameter' ||
      s.kind === 'outer' ||
      s.kind === 'cast';
    const call = s.kind === 'call' && s.fn.operator === undefined;
    return simple || call || s.kind === 'coalesce' || s.kind === 'field' || s.kind === 'subscript'
      ? text
      : `(${text})`;
  }

  print(s: Scalar): string {
    switch (s.kind) {
      case 'column':
        return columnName(this.#schema, s.index);
      case 'outer':
        return `outer${s.depth > 1 ? s.depth : ''}.#${s.index}`;
      case 'literal':
        return valueText(s.value, s.type);
      case 'parameter':
        return `$${s.index + 1}`;
      case 'call':
        return this.#call(s);
      case 'cast':
        return `${this.operand(s.operand)}::${typeName(s.type)}`;
      case 'and':
      case 'or':
        return s.operands.map((x) => this.operand(x)).join(s.kind === 'and' ? ' AND ' : ' OR ');
      case 'not':
        return `NOT ${this.operand(s.operand)}`;
      case 'isNull':
        return `${this.operand(s.operand)} IS ${s.negated ? 'NOT ' : ''}NULL`;
      case 'isBool':
        return `${this.operand(s.operand)} IS ${s.negated ? 'NOT ' : ''}${s.test ? 'TRUE' : 'FALSE'}`;
      case 'isDistinct':
        return `${this.operand(s.left)} IS ${s.negated ? 'NOT ' : ''}DISTINCT FROM ${this.operand(s.right)}`;
      case 'inSet': {
        const values = [...s.values.map((v) => valueText(v, s.operand.type)), ...(s.hasNull ? ['NULL'] : [])];
        return `${this.operand(s.operand)} ${s.negated ? 'NOT ' : ''}IN (${values.join(', ')})`;
      }
      default:
        return this.#composite(s);
    }
  }

  #call(s: Extract<Scalar, { kind: 'call' }>): string {
    const [a, b] = s.args;
    if (s.fn.operator !== undefined && a !== undefined) {
      if (s.args.length === 1) return `${s.fn.operator} ${this.operand(a)}`;
      if (s.args.length === 2 && b !== undefined)
        return `${this.operand(a)} ${s.fn.operator} ${this.operand(b)}`;
    }
    return `${s.fn.name}(${this.list(s.args)})`;
  }

  #composite(s: Exclude<Scalar, { kind: PrintedAbove }>): string {
    switch (s.kind) {
      case 'case': {
        const whens = s.whens.map((w) => `WHEN ${this.print(w.when)} THEN ${this.print(w.then)}`).join(' ');
        return `CASE ${whens}${s.otherwise === null ? '' : ` ELSE ${this.print(s.otherwise)}`} END`;
      }
      case 'coalesce':
      case 'greatest':
      case 'least':
        return `${s.kind}(${this.list(s.operands)})`;
      case 'quantified':
        return `${this.operand(s.left)} ${s.fn.operator ?? s.fn.name} ${s.quantifier.toUpperCase()} (${this.print(s.right)})`;
      case 'array':
        return `ARRAY[${this.list(s.items)}]`;
      case 'row':
        return `ROW(${this.list(s.items)})`;
      case 'field': {
        const { type } = s.operand;
        const name = type.id === 'struct' ? (type.fields[s.index]?.name ?? String(s.index)) : String(s.index);
        return `(${this.print(s.operand)}).${name}`;
      }
      case 'subscript':
        return `${this.operand(s.operand)}[${s.indexes.map((i) => this.print(i)).join('][')}]`;
      case 'slice': {
        const end = (x: Scalar | null): string => (x === null ? '' : this.print(x));
        return `${this.operand(s.operand)}${s.bounds.map((b) => `[${end(b.lower)}:${end(b.upper)}]`).join('')}`;
      }
      case 'scalarSubquery':
        return '(SubPlan)';
      case 'existsSubquery':
        return `${s.negated ? 'NOT ' : ''}EXISTS(SubPlan)`;
      case 'quantifiedSubquery': {
        const left = this.list(s.left);
        return `${s.negated ? 'NOT ' : ''}(${left}) ${s.quantifier.toUpperCase()} (SubPlan)`;
      }
      case 'arraySubquery':
        return 'ARRAY(SubPlan)';
      default:
        return unreachable(s);
    }
  }
}

type PrintedAbove =
  | 'column'
  | 'outer'
  | 'literal'
  | 'parameter'
  | 'call'
  | 'cast'
  | 'and'
  | 'or'
  | 'not'
  | 'isNull'
  | 'isBool'
  | 'isDistinct'
  | 'inSet';

/** A scalar over columns of `schema`. */
export function scalarText(scalar: Scalar, schema: Schema): string {
  return new Printer(schema).print(scalar);
}

/** Names of chosen columns. */
export function columnNames(columns: readonly number[], schema: Schema): string {
  return columns.map((c) => columnName(schema, must(c))).join(', ');
}
