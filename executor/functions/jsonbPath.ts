/** SQL/JSON path functions and the operators @? and @@. A path is given as text and parsed once per call site. */

import { types } from '../../common/dataType.ts';
import type {
  EvalContext,
  ScalarFunction,
  ScalarImplementation,
  TableFunction,
} from '../../common/function.ts';
import { Jsonb, type JsonNode } from '../../common/jsonb.ts';
import { isJsonObject } from '../../common/jsonText.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import { evaluateJsonPath } from './support/jsonPathEvaluate.ts';
import { parseJsonPath } from './support/jsonPathParse.ts';
import type { JsonPath } from './support/jsonPathTree.ts';

/** Parses with a cache of the last path. */
function pathParser(): (text: string) => JsonPath {
  let last: { readonly text: string; readonly path: JsonPath } | null = null;
  return (text) => {
    if (last?.text !== text) last = { text, path: parseJsonPath(text) };
    return last.path;
  };
}

const noVariables: ReadonlyMap<string, JsonNode> = new Map();

function variablesOf(vars: Jsonb | undefined): ReadonlyMap<string, JsonNode> {
  if (vars === undefined) return noVariables;
  if (isJsonObject(vars.root)) return vars.root;
  throw new SqlError('22023', '"vars" argument is not an object', {
    detail: 'Jsonpath parameters should be encoded as key-value pairs of "vars" object.',
  });
}

type Items = readonly JsonNode[];

/** The items of the path; null when an error is suppressed. */
function itemsOf(
  parse: (text: string) => JsonPath,
  doc: Jsonb,
  path: string,
  vars: Jsonb | undefined,
  silent: boolean,
): Items | null {
  const parsed = parse(path);
  const variables = variablesOf(vars);
  try {
    return evaluateJsonPath(parsed, doc.root, variables);
  } catch (error) {
    if (silent && error instanceof SqlError && /^22/.test(error.state)) return null;
    throw error;
  }
}

function matchResult(items: Items | null, silent: boolean): Value {
  if (items === null) return null;
  const [item] = items;
  if (items.length === 1 && (typeof item === 'boolean' || item === null)) return item;
  if (silent) return null;
  throw new SqlError('22038', 'single boolean result is expected');
}

interface PathFunction {
  readonly name: string;
  readonly returns: 'bool' | 'jsonb';
  readonly doc: string;
  readonly example: readonly [sql: string, result: string];
  readonly result: (items: Items | null, silent: boolean) => Value;
}

const signature = ['jsonb', 'text', 'jsonb', 'bool'] as const;

/** A path function with its optional variables and silent arguments. */
function pathFunctions(fn: PathFunction): readonly ScalarFunction[] {
  return [2, 3, 4].map((count) => ({
    kind: 'scalar',
    name: fn.name,
    args: signature.slice(0, count),
    returns: fn.returns,
    nulls: 'strict',
    volatility: 'immutable',
    mayReturnNull: true,
    doc: fn.doc,
    examples: count === 2 ? [fn.example] : [],
    implement: (): ScalarImplementation => {
      const parse = pathParser();
      return {
        evaluate: (doc: Jsonb, path: string, vars?: Jsonb, silent = false) =>
          fn.result(itemsOf(parse, doc, path, vars, silent), silent),
      };
    },
  }));
}

const wrapped = (node: JsonNode | undefined): Value => (node === undefined ? null : new Jsonb(node));

const functions: readonly ScalarFunction[] = [
  {
    name: 'jsonb_path_exists',
    returns: 'bool' as const,
    doc: 'Whether the path gives any item.',
    example: [`jsonb_path_exists('{"a":[1,2,3,4,5]}', '$.a[*] ? (@ >= 2 && @ <= 4)')`, 't'] as const,
    result: (items: Items | null) => (items === null ? null : items.length > 0),
  },
  {
    name: 'jsonb_path_match',
    returns: 'bool' as const,
    doc: 'Result of a path that is a predicate.',
    example: [`jsonb_path_match('{"a":[1,2,3,4,5]}', 'exists($.a[*] ? (@ >= 2 && @ <= 4))')`, 't'] as const,
    result: matchResult,
  },
  {
    name: 'jsonb_path_query_array',
    returns: 'jsonb' as const,
    doc: 'All items of the path as a jsonb array.',
    example: [
      `jsonb_path_query_array('{"a":[1,2,3,4,5]}', '$.a[*] ? (@ >= 2 && @ <= 4)')`,
      '[2, 3, 4]',
    ] as const,
    result: (items: Items | null) => (items === null ? new Jsonb([]) : new Jsonb(items)),
  },
  {
    name: 'jsonb_path_query_first',
    returns: 'jsonb' as const,
    doc: 'First item of the path, or NULL.',
    example: [`jsonb_path_query_first('{"a":[1,2,3,4,5]}', '$.a[*] ? (@ >= 2)')`, '2'] as const,
    result: (items: Items | null) => wrapped(items?.[0]),
  },
].flatMap(pathFunctions);

function pathOperator(
  name: string,
  operator: string,
  doc: string,
  example: readonly [string, string],
  result: (items: Items | null) => Value,
): ScalarFunction {
  return {
    kind: 'scalar',
    name,
    operator,
    args: ['jsonb', 'text'],
    returns: 'bool',
    nulls: 'strict',
    volatility: 'immutable',
    mayReturnNull: true,
    doc,
    examples: [example],
    implement: () => {
      const parse = pathParser();
      return { evaluate: (doc: Jsonb, path: string) => result(itemsOf(parse, doc, path, undefined, true)) };
    },
  };
}

const operators: readonly ScalarFunction[] = [
  pathOperator(
    'jsonb_path_exists_opr',
    '@?',
    'Whether the path gives any item; NULL on an error.',
    [`'{"a":[1,2,3,4,5]}'::jsonb @? '$.a[*] ? (@ > 2)'`, 't'],
    (items) => (items === null ? null : items.length > 0),
  ),
  pathOperator(
    'jsonb_path_match_opr',
    '@@',
    'Result of a path that is a predicate; NULL on an error.',
    [`'{"a":[1,2,3,4,5]}'::jsonb @@ '$.a[*] > 2'`, 't'],
    (items) => matchResult(items, true),
  ),
];

export const jsonbPathFunctions: readonly ScalarFunction[] = [...functions, ...operators];

/** jsonb_path_query: one row per item. */
export const jsonbPathTableFunctions: readonly TableFunction[] = [2, 3, 4].map((count) => ({
  kind: 'table',
  name: 'jsonb_path_query',
  args: signature.slice(0, count),
  columns: () => [{ name: 'jsonb_path_query', type: types.jsonb }],
  volatility: 'immutable',
  nulls: 'strict',
  doc: 'Items of a JSON path.',
  examples: count === 2 ? [[`jsonb_path_query('{"a":[1,2]}', '$.a[*]')`, ['1', '2']]] : [],
  implement: () => {
    const parse = pathParser();
    return (_context: EvalContext, ...args: readonly Value[]) => {
      const [doc, path, vars, silent] = args;
      if (!(doc instanceof Jsonb)) return [];
      const items = itemsOf(
        parse,
        doc,
        String(path),
        vars instanceof Jsonb ? vars : undefined,
        silent === true,
      );
      return (items ?? []).map((item) => [new Jsonb(item)]);
    };
  },
}));
