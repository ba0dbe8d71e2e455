/** Functions and operators with the oids that pg_proc and pg_operator give them. */
import type { FunctionCatalog, ScalarFunction, SqlFunction } from '../../common/function.ts';

/** Input and output functions of types: no SQL function of the dialect, but clients look for them. PostgreSQL's oids. */
const typeIo =
  'byteain:1244 byteaout:31 charin:1245 charout:33 namein:34 nameout:35 int2in:38 int2out:39 int4in:42 int4out:43 ' +
  'regprocin:44 regprocout:45 textin:46 textout:47 unknownin:109 unknownout:110 float4in:200 float4out:201 ' +
  'float8in:214 float8out:215 json_in:321 json_out:322 json_recv:323 json_send:324 int8in:460 int8out:461 ' +
  'array_in:750 array_out:751 bpcharin:1044 bpcharout:1045 varcharin:1046 varcharout:1047 date_in:1084 ' +
  'date_out:1085 time_in:1143 time_out:1144 timestamptz_in:1150 timestamptz_out:1151 interval_in:1160 ' +
  'interval_out:1161 boolin:1242 boolout:1243 timestamp_in:1312 timestamp_out:1313 timetz_in:1350 ' +
  'timetz_out:1351 numeric_in:1701 numeric_out:1702 oidin:1798 oidout:1799 regclassin:2218 regclassout:2219 ' +
  'regtypein:2220 regtypeout:2221 record_in:2290 record_out:2291 any_in:2294 any_out:2295 anyarray_in:2296 ' +
  'anyarray_out:2297 void_in:2298 void_out:2299 anyelement_in:2312 anyelement_out:2313 array_recv:2400 ' +
  'array_send:2401 record_recv:2402 record_send:2403 int2recv:2404 int2send:2405 int4recv:2406 int4send:2407 ' +
  'int8recv:2408 int8send:2409 bytearecv:2412 byteasend:2413 textrecv:2414 textsend:2415 unknownrecv:2416 ' +
  'unknownsend:2417 oidrecv:2418 oidsend:2419 namerecv:2422 namesend:2423 float4recv:2424 float4send:2425 ' +
  'float8recv:2426 float8send:2427 bpcharrecv:2430 bpcharsend:2431 varcharrecv:2432 varcharsend:2433 ' +
  'charrecv:2434 charsend:2435 boolrecv:2436 boolsend:2437 regprocrecv:2444 regprocsend:2445 ' +
  'regclassrecv:2452 regclasssend:2453 regtyperecv:2454 regtypesend:2455 numeric_recv:2460 numeric_send:2461 ' +
  'date_recv:2468 date_send:2469 time_recv:2470 time_send:2471 timetz_recv:2472 timetz_send:2473 ' +
  'timestamp_recv:2474 timestamp_send:2475 timestamptz_recv:2476 timestamptz_send:2477 interval_recv:2478 ' +
  'interval_send:2479 uuid_in:2952 uuid_out:2953 uuid_recv:2961 uuid_send:2962 anynonarray_in:2777 ' +
  'anynonarray_out:2778 jsonb_recv:3805 jsonb_in:3806 jsonb_out:3804 jsonb_send:3803 regnamespacein:4084 ' +
  'regnamespaceout:4085 regnamespacerecv:4087 regnamespacesend:4088 anycompatible_in:5086 ' +
  'anycompatible_out:5087 anycompatiblearray_in:5088 anycompatiblearray_out:5089';

export const typeIoFunctions: ReadonlyMap<string, number> = new Map(
  typeIo.split(' ').map((pair) => {
    const at = pair.indexOf(':');
    return [pair.slice(0, at), Number(pair.slice(at + 1))] as const;
  }),
);

const FIRST_FUNCTION = 10_000;
const FIRST_OPERATOR = 10_000;

export interface ListedFunction {
  readonly oid: number;
  readonly fn: SqlFunction;
}

export interface ListedOperator {
  readonly oid: number;
  readonly operator: string;
  readonly fn: ScalarFunction;
  readonly functionOid: number;
}

export interface FunctionList {
  readonly functions: readonly ListedFunction[];
  readonly byOid: ReadonlyMap<number, SqlFunction>;
  readonly operators: readonly ListedOperator[];
}

const lists = new WeakMap<FunctionCatalog, FunctionList>();
/** With users' functions, by their list, which is a new one after every change. */
const whole = new WeakMap<readonly SqlFunction[], FunctionList>();

/** The list of a catalog, users' functions last; made once. */
export function functionList(catalog: FunctionCatalog): FunctionList {
  const own = catalog.userFunctions?.() ?? [];
  const base = builtInList(catalog);
  if (own.length === 0) return base;
  const known = whole.get(own);
  if (known !== undefined) return known;
  const made = own.flatMap((fn) => ('user' in fn && fn.user !== undefined ? [{ oid: fn.user.id, fn }] : []));
  const functions = [...base.functions, ...made];
  const list = { ...base, functions, byOid: new Map(functions.map(({ oid, fn }) => [oid, fn])) };
  whole.set(own, list);
  return list;
}

function builtInList(catalog: FunctionCatalog): FunctionList {
  const known = lists.get(catalog);
  if (known !== undefined) return known;
  const functions = catalog.all().map((fn, i) => ({ oid: FIRST_FUNCTION + i, fn }));
  const operators = functions
    .flatMap(({ oid, fn }) =>
      fn.kind === 'scalar' && fn.operator !== undefined
        ? [{ operator: fn.operator, fn, functionOid: oid }]
        : [],
    )
    .map((o, i) => ({ oid: FIRST_OPERATOR + i, ...o }));
  const list = { functions, byOid: new Map(functions.map(({ oid, fn }) => [oid, fn])), operators };
  lists.set(catalog, list);
  return list;
}
