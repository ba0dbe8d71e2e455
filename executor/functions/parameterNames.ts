/** Names of built-in functions' parameters, as PostgreSQL has them, for calls by name: `make_interval(days => 3)`. */
import type { ParameterName, SqlFunction } from '../../common/function.ts';

const path = "target path vars='{}' silent=false";
const element = 'from_json element_index';
const field = 'from_json field_name';

/** Per function its parameters in order; with their defaults, in SQL. */
const names: Readonly<Record<string, string>> = {
  make_date: 'year month day',
  make_time: 'hour min sec',
  make_timestamp: 'year month mday hour min sec',
  make_timestamptz: 'year month mday hour min sec timezone',
  make_interval: 'years=0 months=0 weeks=0 days=0 hours=0 mins=0 secs=0',
  jsonb_set: 'jsonb_in path replacement create_if_missing=true',
  jsonb_set_lax: "jsonb_in path replacement create_if_missing=true null_value_treatment='use_json_null'",
  jsonb_insert: 'jsonb_in path replacement insert_after=false',
  jsonb_path_exists: path,
  jsonb_path_exists_tz: path,
  jsonb_path_match: path,
  jsonb_path_match_tz: path,
  jsonb_path_query: path,
  jsonb_path_query_tz: path,
  jsonb_path_query_array: path,
  jsonb_path_query_array_tz: path,
  jsonb_path_query_first: path,
  jsonb_path_query_first_tz: path,
  json_array_element: element,
  json_array_element_text: element,
  jsonb_array_element: element,
  jsonb_array_element_text: element,
  json_object_field: field,
  json_object_field_text: field,
  jsonb_object_field: field,
  jsonb_object_field_text: field,
  json_array_elements: 'from_json',
  json_array_elements_text: 'from_json',
  jsonb_array_elements: 'from_json',
  jsonb_array_elements_text: 'from_json',
  json_each: 'from_json',
  json_each_text: 'from_json',
  jsonb_each: 'from_json',
  jsonb_each_text: 'from_json',
  json_populate_record: 'base from_json',
  json_populate_recordset: 'base from_json',
  pg_terminate_backend: 'pid timeout=0',
};

function parametersOf(text: string): readonly ParameterName[] {
  return text.split(' ').map((part) => {
    const at = part.indexOf('=');
    return at < 0 ? { name: part, default: null } : { name: part.slice(0, at), default: part.slice(at + 1) };
  });
}

/** The function with its parameters' names, if they have any. */
export function withParameterNames(fn: SqlFunction): SqlFunction {
  if (fn.kind !== 'scalar' && fn.kind !== 'table') return fn;
  const text = Object.hasOwn(names, fn.name) ? names[fn.name] : undefined;
  if (text === undefined || fn.variadic === true || fn.args.length === 0) return fn;
  return { ...fn, parameters: parametersOf(text).slice(0, fn.args.length) };
}
