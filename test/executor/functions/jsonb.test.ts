import { describe, expect, it } from 'vitest';
import { jsonbBuildFunctions } from '../../../executor/functions/jsonbBuild.ts';
import { jsonbChangeFunctions } from '../../../executor/functions/jsonbChange.ts';
import { jsonbOperators } from '../../../executor/functions/jsonbOperators.ts';
import { jsonbPathFunctions, jsonbPathTableFunctions } from '../../../executor/functions/jsonbPath.ts';
import { evaluateSql } from '../../harness/evaluateSql.ts';
import { checkExamples } from './exampleChecks.ts';

describe('jsonb', () => {
  it('operators', () => checkExamples(jsonbOperators));
  it('changes', () => checkExamples(jsonbChangeFunctions));
  it('builders', () => checkExamples(jsonbBuildFunctions));
  it('paths', () => checkExamples([...jsonbPathFunctions, ...jsonbPathTableFunctions]));

  it('takes literals for the right type', () => {
    expect(evaluateSql(`'{"a":1}'::jsonb || '{"b":2}'`)).toBe('{"a": 1, "b": 2}');
    expect(evaluateSql(`'{"a":1}'::jsonb @> '{"a":1}'`)).toBe('t');
    expect(evaluateSql(`'{"a":[1,2]}'::jsonb #>> '{a,-1}'`)).toBe('2');
    expect(evaluateSql(`('{"a":{"b":5}}'::jsonb)['a']['b']`)).toBe('5');
  });

  it('keeps json as it was written', () => {
    expect(evaluateSql(`'{"a" : [ 1,2 ], "a": "\\u0041"}'::json -> 'a'`)).toBe('"\\u0041"');
    expect(evaluateSql(`'{"b": [1,  2]}'::json -> 'b'`)).toBe('[1,  2]');
    expect(evaluateSql(`'{"b": "x\\"y"}'::json ->> 'b'`)).toBe('x"y');
  });

  it('refuses bad keys', () => {
    expect(() => evaluateSql("jsonb_build_object('a')")).toThrow(
      'argument list must have even number of elements',
    );
    expect(() => evaluateSql('jsonb_build_object(NULL, 1)')).toThrow('argument 1: key must not be null');
  });
});

const paths: readonly (readonly [doc: string, path: string, result: string])[] = [
  ['{"a":{"b":[1,2]}}', '$.a.b[*]', '[1, 2]'],
  ['[{"a":1},{"a":2}]', '$.a', '[1, 2]'],
  ['[{"a":1},{"b":2}]', 'lax $[*].a', '[1]'],
  ['[1,2,3]', '$[last]', '[3]'],
  ['[1,2,3,4]', '$[1 to last]', '[2, 3, 4]'],
  ['[1,2,3,4]', '$[0,2]', '[1, 3]'],
  ['{"a":1,"b":2}', '$.*', '[1, 2]'],
  ['{"a":{"b":{"c":1}}}', '$.**.c', '[1]'],
  ['[1,"a",null,true,{},[]]', '$[*].type()', '["number", "string", "null", "boolean", "object", "array"]'],
  ['[1,2,3]', '$.size()', '[3]'],
  ['[1,2,3]', '$[*] ? (@ > 1 && @ < 3)', '[2]'],
  ['[1,2,3]', '$[*] * 2 + 1', 'left operand of jsonpath operator * is not a single numeric value'],
  ['[1.3,-2.5]', '$[*].ceiling()', '[2, -2]'],
  ['[1.3,-2.5]', '$[*].floor()', '[1, -3]'],
  ['["-5"]', '$[*].double().abs()', '[5]'],
  ['["abc","xbc"]', '$[*] ? (@ starts with "a")', '["abc"]'],
  ['["abc","Abd"]', '$[*] ? (@ like_regex "^ab" flag "i")', '["abc", "Abd"]'],
  ['[1,"a"]', '$[*] ? ((@ > 0) is unknown)', '["a"]'],
  ['[{"x":1},{"y":2}]', '$[*] ? (exists(@.x))', '[{"x": 1}]'],
  ['[1,null]', '$[*] ? (@ == null)', '[null]'],
  ['[1,null]', '$[*] ? (@ != null)', '[1]'],
  ['{"a":1}', 'strict $.b', 'JSON object does not contain key "b"'],
  ['[1]', 'strict $[3]', 'jsonpath array subscript is out of bounds'],
  ['1', 'strict $[*]', 'jsonpath wildcard array accessor can only be applied to an array'],
  ['{"a b":1}', '$."a b"', '[1]'],
  ['1', '$.a.', 'syntax error at end of jsonpath input'],
  ['1', '$ & 2', 'syntax error at or near "&" of jsonpath input'],
  ['{"a":5}', '-$.a', '[-5]'],
  ['{"a":5}', '$.a > 3', '[true]'],
];

describe('jsonpath', () => {
  it.each(paths)('%s %s', (doc, path, result) => {
    const sql = `jsonb_path_query_array('${doc}', '${path}')`;
    if (result.startsWith('[')) expect(evaluateSql(sql)).toBe(result);
    else expect(() => evaluateSql(sql)).toThrow(result);
  });

  it('takes variables and silences errors', () => {
    expect(evaluateSql(`jsonb_path_query_array('[1,2,3]', '$[*] ? (@ >= $min)', '{"min":2}')`)).toBe(
      '[2, 3]',
    );
    expect(evaluateSql(`jsonb_path_exists('{"a":1}', 'strict $.b', '{}', true)`)).toBe('NULL');
    expect(evaluateSql(`'{"a":1}'::jsonb @? 'strict $.b'`)).toBe('NULL');
    expect(evaluateSql(`'{"a":1}'::jsonb @@ '$.a'`)).toBe('NULL');
  });
});
