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
import { existsJsonPath, jsonPathItems, type PathVariables } from './support/jsonPathEvaluate.ts';
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

function variablesOf(vars: Jsonb | undefined): PathVariables {
  if (vars === undefined) return noVariables;
  if (isJsonObject(vars.root)) return vars.root;
  throw new SqlError('22023', '"vars" argument is not an object', {
    detail: 'Jsonpath parameters should be encoded as key-value pairs of "vars" object.',
  });
}

type Items = readonly JsonNode[];

/** One evaluation of a path. */
interface Evaluation {
  readonly path: JsonPath;
  readonly root: JsonNode;
  readonly variables: PathVariables;
  /** Errors end the sequence instead of being raised. */
  readonly silent: boolean;
  /** The session's time zone, for the *_tz functions. */
  readonly zone: EvalContext | null;
}

function isSilenced(error: unknown, silent: boolean): boolean {
  return silent && error instanceof SqlError && /^22/.test(error.state);
}

/** The items; of a silenced error those before it. */
function itemsOf({ path, root, variables, silent, zone }: Evaluation): Items {
  const items: JsonNode[] = [];
  try {
    for (const item of jsonPathItems(path, root, variables, zone)) items.push(item);
  } catch (error) {
    if (!isSilenced(error, silent)) throw error;
  }
  return items;
}

/** Whether there is any item; NULL when an error was silenced. */
function exists({ path, root, variables, silent, zone }: Evaluation): Value {
  try {
    return existsJsonPath(path, root, variables, zone);
  } catch (error) {
    if (!isSilenced(error, silent)) throw error;
    return null;
  }
}

function match(evaluation: Evaluation): Value {
  const items = itemsOf(evaluation);
  const [item] = items;
  if (items.length === 1 && (typeof item === 'boolean' || item === null)) return item;
  if (evaluation.silent) return null;
  throw new SqlError('22038', 'single boolean result is expected');
}

interface PathFunction {
  readonly name: string;
  readonly returns: 'bool' | 'jsonb';
  readonly doc: string;
  readonly example: readonly [sql: string, result: string];
  readonly result: (evaluation: Evaluation) => Value;
}

const signature = ['jsonb', 'text', 'jsonb', 'bool'] as const;

const zoneDoc = "Times without a zone are compared with others in the session's.";

/** A path function with its optional variables and silent arguments. */
function pathFunctions(fn: PathFunction, zoned: boolean): readonly ScalarFunction[] {
  const [sql, result] = fn.example;
  const name = zoned ? `${fn.name}_tz` : fn.name;
  return [2, 3, 4].map((count) => ({
    kind: 'scalar',
    name,
    args: signature.slice(0, count),
    returns: fn.returns,
    nulls: 'strict',
    volatility: zoned ? 'stable' : 'immutable',
    mayReturnNull: true,
    doc: zoned ? `${fn.doc} ${zoneDoc}` : fn.doc,
    examples: count === 2 ? [[sql.replace(fn.name, name), result]] : [],
    implement: (): ScalarImplementation => {
      const parse = pathParser();
      return {
        evaluateWith: (context: EvalContext, doc: Jsonb, path: string, vars?: Jsonb, silent = false) =>
          fn.result({
            path: parse(path),
            root: doc.root,
            variables: variablesOf(vars),
            silent,
            zone: zoned ? context : null,
          }),
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
    result: exists,
  },
  {
    name: 'jsonb_path_match',
    returns: 'bool' as const,
    doc: 'Result of a path that is a predicate.',
    example: [`jsonb_path_match('{"a":[1,2,3,4,5]}', 'exists($.a[*] ? (@ >= 2 && @ <= 4))')`, 't'] as const,
    result: match,
  },
  {
    name: 'jsonb_path_query_array',
    returns: 'jsonb' as const,
    doc: 'All items of the path as a jsonb array.',
    example: [
      `jsonb_path_query_array('{"a":[1,2,3,4,5]}', '$.a[*] ? (@ >= 2 && @ <= 4)')`,
      '[2, 3, 4]',
    ] as const,
    result: (evaluation: Evaluation) => new Jsonb(itemsOf(evaluation)),
  },
  {
    name: 'jsonb_path_query_first',
    returns: 'jsonb' as const,
    doc: 'First item of the path, or NULL.',
    example: [`jsonb_path_query_first('{"a":[1,2,3,4,5]}', '$.a[*] ? (@ >= 2)')`, '2'] as const,
    result: (evaluation: Evaluation) => wrapped(itemsOf(evaluation)[0]),
  },
].flatMap((fn) => [...pathFunctions(fn, false), ...pathFunctions(fn, true)]);

function pathOperator(
  name: string,
  operator: string,
  doc: string,
  example: readonly [string, string],
  result: (evaluation: Evaluation) => Value,
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
      return {
        evaluate: (doc: Jsonb, path: string) =>
          result({ path: parse(path), root: doc.root, variables: null, silent: true, zone: null }),
      };
    },
  };
}

const operators: readonly ScalarFunction[] = [
  pathOperator(
    'jsonb_path_exists_opr',
    '@?',
    'Whether the path gives any item; NULL on an error.',
    [`'{"a":[1,2,3,4,5]}'::jsonb @? '$.a[*] ? (@ > 2)'`, 't'],
    exists,
  ),
  pathOperator(
    'jsonb_path_match_opr',
    '@@',
    'Result of a path that is a predicate; NULL on an error.',
    [`'{"a":[1,2,3,4,5]}'::jsonb @@ '$.a[*] > 2'`, 't'],
    match,
  ),
];

export const jsonbPathFunctions: readonly ScalarFunction[] = [...functions, ...operators];

/** jsonb_path_query: one row per item. */
function pathQueries(zoned: boolean): readonly TableFunction[] {
  const name = zoned ? 'jsonb_path_query_tz' : 'jsonb_path_query';
  return [2, 3, 4].map((count) => ({
    kind: 'table',
    name,
    args: signature.slice(0, count),
    columns: () => [{ name, type: types.jsonb }],
    volatility: zoned ? 'stable' : 'immutable',
    nulls: 'strict',
    doc: zoned ? `Items of a JSON path. ${zoneDoc}` : 'Items of a JSON path.',
    examples: count === 2 ? [[`${name}('{"a":[1,2]}', '$.a[*]')`, ['1', '2']]] : [],
    implement: () => {
      const parse = pathParser();
      return (context: EvalContext, ...args: readonly Value[]) => {
        const [doc, path, vars, silent] = args;
        if (!(doc instanceof Jsonb)) return [];
        const variables = variablesOf(vars instanceof Jsonb ? vars : undefined);
        const evaluation = {
          path: parse(String(path)),
          root: doc.root,
          variables,
          silent: silent === true,
          zone: zoned ? context : null,
        };
        return itemsOf(evaluation).map((item) => [new Jsonb(item)]);
      };
    },
  }));
}

export const jsonbPathTableFunctions: readonly TableFunction[] = [
  ...pathQueries(false),
  ...pathQueries(true),
];
