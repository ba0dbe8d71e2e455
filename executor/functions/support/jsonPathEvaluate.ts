/**
 * Evaluation of SQL/JSON paths: a path expression gives a sequence of items, a predicate true, false or unknown (null).
 *
 * Lax mode unwraps arrays before member access, filters, methods, arithmetic and comparisons, takes a scalar for an array
 * of one, and leaves out what is not there; strict mode raises an error. Errors inside a predicate make it unknown.
 * Sequences are generators: whether there is any item is known from the first, before a later one may fail.
 */
import { must, unreachable } from '../../../common/assert.ts';
import { compareJson, compareText } from '../../../common/compare.ts';
import { Decimal } from '../../../common/decimal.ts';
import type { JsonNode } from '../../../common/jsonb.ts';
import { jsonTypeOf } from '../../../common/jsonbOps.ts';
import { isJsonArray, isJsonObject } from '../../../common/jsonText.ts';
import { SqlError, unsupported } from '../../../common/sqlError.ts';
import type { DateTimeContext } from '../../../common/textContext.ts';
import { compareDateTimes, PathDateTime, readDateTime } from './jsonPathDateTime.ts';
import { KeyValues } from './jsonPathKeyValue.ts';
import {
  type Comparison,
  isPredicate,
  type JsonPath,
  type Method,
  type PathExpr,
  type Predicate,
} from './jsonPathTree.ts';
import { findMatch, regexCompiler } from './regex.ts';

/** What a path goes through: the document's nodes, and the dates and times made of them. */
type PathItem = JsonNode | PathDateTime;
type Items = Iterable<PathItem>;
type Of<K extends PathExpr['kind']> = Extract<PathExpr, { kind: K }>;
type Accessor = Of<'member' | 'anyMember' | 'descendants' | 'anyElement' | 'elements' | 'filter' | 'method'>;

/** What `@` and `last` stand for. */
interface Place {
  readonly current: PathItem;
  readonly array: readonly PathItem[] | null;
}

const isArray = (item: PathItem): item is readonly JsonNode[] =>
  !(item instanceof PathDateTime) && isJsonArray(item);
const isObject = (item: PathItem): item is ReadonlyMap<string, JsonNode> =>
  !(item instanceof PathDateTime) && isJsonObject(item);

function isScalar(node: PathItem): boolean {
  return !isArray(node) && !isObject(node);
}

function hasDescendants(expr: PathExpr): boolean {
  return expr.kind === 'descendants' || ('of' in expr && hasDescendants(expr.of));
}

function holds(order: number, operator: Comparison): boolean {
  switch (operator) {
    case '==':
      return order === 0;
    case '<>':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

/** Comparison of two items; null when they cannot be compared. */
function compareItems(
  a: PathItem,
  b: PathItem,
  operator: Comparison,
  zone: DateTimeContext | null,
): boolean | null {
  if (a instanceof PathDateTime || b instanceof PathDateTime) {
    if (a === null || b === null) return operator === '<>';
    if (!(a instanceof PathDateTime && b instanceof PathDateTime)) return null;
    const order = compareDateTimes(a, b, zone);
    return order === null ? null : holds(order, operator);
  }
  if (a === null || b === null) {
    if (a === null && b === null) return holds(0, operator);
    return operator === '<>';
  }
  if (!isScalar(a) || !isScalar(b) || jsonTypeOf(a) !== jsonTypeOf(b)) return null;
  if (typeof a === 'string' && typeof b === 'string') return holds(compareText(a, b), operator);
  return holds(compareJson(a, b), operator);
}

function rounded(n: Decimal, method: 'ceiling' | 'floor'): Decimal {
  const truncated = n.trunc(0);
  const order = n.compare(truncated);
  if (method === 'ceiling') return order > 0 ? truncated.add(Decimal.ONE) : truncated;
  return order < 0 ? truncated.sub(Decimal.ONE) : truncated;
}

class PathEvaluator {
  readonly #root: JsonNode;
  readonly #variables: ReadonlyMap<string, JsonNode> | null;
  readonly #lax: boolean;
  /** The session's zone, where the function may use it. */
  readonly #zone: DateTimeContext | null;
  readonly #keyValues: KeyValues;

  constructor(path: JsonPath, root: JsonNode, variables: PathVariables, zone: DateTimeContext | null) {
    this.#root = root;
    this.#variables = variables;
    this.#lax = path.mode === 'lax';
    this.#zone = zone;
    this.#keyValues = new KeyValues(root);
  }

  *items(expr: PathExpr, place: Place): Generator<PathItem> {
    if (isPredicate(expr)) {
      yield this.test(expr, place);
      return;
    }
    switch (expr.kind) {
      case 'root':
        yield this.#root;
        return;
      case 'current':
        yield place.current;
        return;
      case 'last':
        yield Decimal.fromInt(must(place.array, 'last stands in a subscript').length - 1);
        return;
      case 'variable':
        yield this.#variable(expr.name);
        return;
      case 'literal':
        yield expr.value;
        return;
      case 'sign':
        for (const item of this.#unwrapped(expr.operand, place)) yield signed(item, expr.sign);
        return;
      case 'arithmetic':
        yield this.#arithmetic(expr, place);
        return;
      default:
        yield* this.#accessor(expr, place);
    }
  }

  *#accessor(expr: Accessor, place: Place): Generator<PathItem> {
    switch (expr.kind) {
      case 'member':
        for (const item of this.#unwrapped(expr.of, place)) yield* this.#member(item, expr);
        return;
      case 'anyMember':
        for (const item of this.#unwrapped(expr.of, place)) yield* this.#anyMember(item, expr);
        return;
      case 'descendants':
        for (const item of this.items(expr.of, place)) yield* descendants(item, 0, expr);
        return;
      case 'anyElement':
        for (const item of this.items(expr.of, place)) yield* this.#anyElement(item, expr);
        return;
      case 'elements':
        for (const item of this.items(expr.of, place)) yield* this.#elements(item, expr, place);
        return;
      case 'filter':
        for (const item of this.#unwrapped(expr.of, place)) {
          if (this.test(expr.condition, { ...place, current: item }) === true) yield item;
        }
        return;
      case 'method':
        yield* this.#method(expr, place);
        return;
      default:
        unreachable(expr);
    }
  }

  #variable(name: string): PathItem {
    if (this.#variables === null) return null;
    const value = this.#variables.get(name);
    if (value === undefined) throw new SqlError('42704', `could not find jsonpath variable "${name}"`);
    return value;
  }

  /** Items with arrays replaced by their elements in lax mode. */
  *#unwrapped(expr: PathExpr, place: Place): Generator<PathItem> {
    for (const item of this.items(expr, place)) {
      if (this.#lax && isArray(item)) yield* item;
      else yield item;
    }
  }

  /** Nothing in lax mode, an error in strict mode. */
  #missing(
    expr: Of<'member' | 'anyMember' | 'anyElement' | 'elements'>,
    state: '2203A' | '22039' | '22033',
    message: string,
  ): Items {
    if (this.#lax || hasDescendants(expr.of)) return [];
    throw new SqlError(state, message);
  }

  #member(item: PathItem, expr: Of<'member'>): Items {
    if (!isObject(item)) {
      return this.#missing(expr, '2203A', 'jsonpath member accessor can only be applied to an object');
    }
    const value = item.get(expr.name);
    if (value !== undefined) return [value];
    return this.#missing(expr, '2203A', `JSON object does not contain key "${expr.name}"`);
  }

  #anyMember(item: PathItem, expr: Of<'anyMember'>): Items {
    if (isObject(item)) return [...item.values()];
    return this.#missing(expr, '2203A', 'jsonpath wildcard member accessor can only be applied to an object');
  }

  #anyElement(item: PathItem, expr: Of<'anyElement'>): Items {
    if (isArray(item)) return item;
    if (this.#lax) return [item];
    return this.#missing(expr, '22039', 'jsonpath wildcard array accessor can only be applied to an array');
  }

  #elements(item: PathItem, expr: Of<'elements'>, place: Place): Items {
    if (!isArray(item) && !this.#lax) {
      return this.#missing(expr, '22039', 'jsonpath array accessor can only be applied to an array');
    }
    const array = isArray(item) ? item : [item];
    const inside: Place = { ...place, array };
    return expr.subscripts.flatMap(({ from, to }): PathItem[] => {
      const first = this.#index(from, inside);
      const last = to === null ? first : this.#index(to, inside);
      if (first < 0 || first > last || last >= array.length) {
        if (!this.#lax) return [...this.#missing(expr, '22033', 'jsonpath array subscript is out of bounds')];
      }
      return array.slice(Math.max(0, first), Math.max(0, last + 1));
    });
  }

  #index(expr: PathExpr, place: Place): number {
    const items = [...this.items(expr, place)];
    const [item] = items;
    if (items.length !== 1 || !(item instanceof Decimal)) {
      throw new SqlError('22033', 'jsonpath array subscript is not a single numeric value');
    }
    const index = item.trunc(0).toNumber();
    if (Math.abs(index) > 2_147_483_647) {
      throw new SqlError('22033', 'jsonpath array subscript is out of integer range');
    }
    return index;
  }

  *#method(expr: Of<'method'>, place: Place): Generator<PathItem> {
    if (expr.method === 'type') {
      for (const item of this.items(expr.of, place)) {
        yield item instanceof PathDateTime ? item.typeName : jsonTypeOf(item);
      }
    } else if (expr.method === 'size') {
      for (const item of this.items(expr.of, place)) {
        if (!isArray(item) && !this.#lax) {
          throw new SqlError('22039', 'jsonpath item method .size() can only be applied to an array');
        }
        yield isArray(item) ? Decimal.fromInt(item.length) : Decimal.ONE;
      }
    } else {
      for (const item of this.#unwrapped(expr.of, place)) {
        if (expr.method === 'keyvalue') yield* this.#keyValue(item);
        else yield applyMethod(item, expr.method, expr.template);
      }
    }
  }

  #keyValue(item: PathItem): Items {
    if (isObject(item)) return this.#keyValues.of(item);
    throw new SqlError('2203C', 'jsonpath item method .keyvalue() can only be applied to an object');
  }

  #arithmetic(expr: Of<'arithmetic'>, place: Place): Decimal {
    const lefts = [...this.#unwrapped(expr.left, place)];
    const rights = [...this.#unwrapped(expr.right, place)];
    const left = singleNumber(lefts, 'left', expr.operator);
    const right = singleNumber(rights, 'right', expr.operator);
    switch (expr.operator) {
      case '+':
        return left.add(right);
      case '-':
        return left.sub(right);
      case '*':
        return left.mul(right);
      case '/':
        return left.div(right);
      case '%':
        return left.mod(right);
    }
  }

  /** A condition: true, false or unknown. */
  test(expr: PathExpr, place: Place): boolean | null {
    if (!isPredicate(expr)) {
      const [item] = this.items(expr, place);
      return typeof item === 'boolean' ? item : null;
    }
    try {
      return this.#predicate(expr, place);
    } catch (error) {
      if (error instanceof SqlError && /^22/.test(error.state)) return null;
      throw error;
    }
  }

  #predicate(expr: Predicate, place: Place): boolean | null {
    switch (expr.kind) {
      case 'and': {
        const left = this.test(expr.left, place);
        if (left === false) return false;
        const right = this.test(expr.right, place);
        return right === false ? false : left === null || right === null ? null : true;
      }
      case 'or': {
        const left = this.test(expr.left, place);
        if (left === true) return true;
        const right = this.test(expr.right, place);
        return right === true ? true : left === null || right === null ? null : false;
      }
      case 'not': {
        const operand = this.test(expr.operand, place);
        return operand === null ? null : !operand;
      }
      case 'isUnknown':
        return this.test(expr.operand, place) === null;
      case 'exists':
        return this.#exists(expr.operand, place);
      case 'comparison': {
        const right = [...this.#unwrapped(expr.right, place)];
        return this.#any(this.#unwrapped(expr.left, place), (a) =>
          this.#any(right, (b) => compareItems(a, b, expr.operator, this.#zone)),
        );
      }
      case 'startsWith': {
        const [prefix] = this.items(expr.prefix, place);
        return this.#any(this.#unwrapped(expr.operand, place), (item) =>
          typeof item === 'string' && typeof prefix === 'string' ? item.startsWith(prefix) : null,
        );
      }
      case 'likeRegex': {
        const compiled = regexCompiler()(expr.pattern, regexFlags(expr.flags));
        return this.#any(this.#unwrapped(expr.operand, place), (item) =>
          typeof item === 'string' ? findMatch(compiled, item) !== null : null,
        );
      }
      default:
        return unreachable(expr);
    }
  }

  /** In strict mode all items are computed, since any may be an error. */
  #exists(expr: PathExpr, place: Place): boolean {
    const items = this.items(expr, place);
    return this.#lax ? items.next().done !== true : [...items].length > 0;
  }

  /** True when the test holds for one item; unknown wins in strict mode, and where nothing holds. */
  #any(items: Items, test: (item: PathItem) => boolean | null): boolean | null {
    let unknown = false;
    let found = false;
    for (const item of items) {
      const result = test(item);
      if (result === null) {
        if (!this.#lax) return null;
        unknown = true;
      } else if (result) {
        if (this.#lax) return true;
        found = true;
      }
    }
    return found ? true : unknown ? null : false;
  }
}

function signed(item: PathItem, sign: '+' | '-'): Decimal {
  if (item instanceof Decimal) return sign === '-' ? item.neg() : item;
  throw new SqlError('2203B', `operand of unary jsonpath operator ${sign} is not a numeric value`);
}

function singleNumber(items: readonly PathItem[], side: string, operator: string): Decimal {
  const [item] = items;
  if (items.length === 1 && item instanceof Decimal) return item;
  throw new SqlError(
    '22038',
    `${side} operand of jsonpath operator ${operator} is not a single numeric value`,
  );
}

function* descendants(item: PathItem, level: number, expr: Of<'descendants'>): Generator<PathItem> {
  const leafOnly = expr.from === Number.POSITIVE_INFINITY;
  if (leafOnly ? isScalar(item) && level > 0 : level >= expr.from && level <= expr.to) yield item;
  if (level >= expr.to) return;
  const children: Iterable<PathItem> = isArray(item) ? item : isObject(item) ? item.values() : [];
  for (const child of children) yield* descendants(child, level + 1, expr);
}

function applyMethod(
  item: PathItem,
  method: Exclude<Method, 'type' | 'size' | 'keyvalue'>,
  template: string | null,
): PathItem {
  switch (method) {
    case 'double': {
      const text = item instanceof Decimal ? item.toString() : item;
      if (typeof text !== 'string') {
        throw new SqlError(
          '22036',
          'jsonpath item method .double() can only be applied to a string or numeric value',
        );
      }
      const number = text.trim() === '' ? Number.NaN : Number(text);
      if (!Number.isFinite(number)) {
        throw new SqlError(
          '22036',
          'string argument of jsonpath item method .double() is not a valid representation of a double precision number',
        );
      }
      return Decimal.parse(String(number));
    }
    case 'ceiling':
    case 'floor':
    case 'abs':
      if (!(item instanceof Decimal)) {
        throw new SqlError(
          '22036',
          `jsonpath item method .${method}() can only be applied to a numeric value`,
        );
      }
      if (method === 'abs') return item.compare(Decimal.ZERO) < 0 ? item.neg() : item;
      return rounded(item, method);
    case 'datetime':
      if (typeof item !== 'string') {
        throw new SqlError('22031', 'jsonpath item method .datetime() can only be applied to a string');
      }
      return readDateTime(item, template);
  }
}

/** XQuery's flags as those of PostgreSQL's regular expressions. */
function regexFlags(flags: string): string {
  for (const flag of flags) {
    if (flag === 'x') throw unsupported('XQuery "x" flag (expanded regular expressions)');
    if (!'ismq'.includes(flag)) {
      throw new SqlError('42601', 'invalid input syntax for type jsonpath', {
        detail: `Unrecognized flag character "${flag}" in LIKE_REGEX predicate.`,
      });
    }
  }
  const ignoreCase = flags.includes('i') ? 'i' : '';
  if (flags.includes('q')) return `q${ignoreCase}`;
  if (flags.includes('s')) return flags.includes('m') ? `w${ignoreCase}` : ignoreCase;
  return `${flags.includes('m') ? 'n' : 'p'}${ignoreCase}`;
}

/** Variables by name; null: there are none and each stands for JSON null, as in the operators. */
export type PathVariables = ReadonlyMap<string, JsonNode> | null;

/** The items of a path over a document, one by one. `zone` is the session's for the *_tz functions. */
export function* jsonPathItems(
  path: JsonPath,
  root: JsonNode,
  variables: PathVariables,
  zone: DateTimeContext | null = null,
): Generator<JsonNode> {
  const evaluator = new PathEvaluator(path, root, variables, zone);
  for (const item of evaluator.items(path.expr, { current: root, array: null })) {
    yield item instanceof PathDateTime ? item.toString() : item;
  }
}

/** Whether a path over a document gives any item; in lax mode known from the first. */
export function existsJsonPath(
  path: JsonPath,
  root: JsonNode,
  variables: PathVariables,
  zone: DateTimeContext | null = null,
): boolean {
  const items = jsonPathItems(path, root, variables, zone);
  return path.mode === 'strict' ? [...items].length > 0 : items.next().done !== true;
}
