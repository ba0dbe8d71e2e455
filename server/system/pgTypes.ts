/** pg_catalog about types, functions, operators and casts. */
import { castContext } from '../../common/cast.ts';
import { arrayOf, type DataType } from '../../common/dataType.ts';
import type { SqlFunction } from '../../common/function.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { oidOf, typeCategory, typeLength, typeOfOid, typeTable } from '../../common/typeTable.ts';
import type { Fields, RowSources } from './definition.ts';
import { functionList, type ListedOperator, typeIoFunctions } from './functionList.ts';
import { patternOid, pseudoTypes, resultOid } from './objectText.ts';
import { collationOf, isByValue } from './pgRelations.ts';
import {
  BTREE,
  HEAP,
  PG_DATABASE,
  ROOT_ROLE,
  roleOid,
  rowTypeOid,
  type SystemView,
  vector,
} from './systemView.ts';

const PG_CATALOG = 11;
/** Oid of the language. */
const JAVASCRIPT = 13500;

/** Oid of a type's input, output, receive or send function; 0 when it has none. */
function ioFunction(name: string, suffix: 'in' | 'out' | 'recv' | 'send'): number {
  return typeIoFunctions.get(`${name}${suffix}`) ?? typeIoFunctions.get(`${name}_${suffix}`) ?? 0;
}

function ioColumns(name: string): Fields {
  return {
    typinput: ioFunction(name, 'in'),
    typoutput: ioFunction(name, 'out'),
    typreceive: ioFunction(name, 'recv'),
    typsend: ioFunction(name, 'send'),
  };
}

function baseColumns(oid: number, name: string): Fields {
  return {
    oid,
    typname: name,
    typnamespace: PG_CATALOG,
    typowner: ROOT_ROLE,
    typisdefined: true,
    typdelim: ',',
    typalign: 'i',
    typstorage: 'p',
    typtypmod: -1,
  };
}

function typeRow(type: DataType, name: string, arrayOid: number): Fields {
  return {
    ...baseColumns(oidOf(type), name),
    ...ioColumns(name),
    typlen: typeLength(type),
    typbyval: isByValue(type),
    typtype: type.id === 'void' || type.id === 'unknown' ? 'p' : 'b',
    typcategory: typeCategory(type),
    typispreferred: type.id !== 'array' && type.id !== 'struct' && typeTable[type.id].preferred,
    typarray: arrayOid,
    typstorage: typeLength(type) < 0 ? 'x' : 'p',
    typcollation: collationOf(type),
  };
}

function arrayTypeRow(element: DataType, name: string): Fields {
  const type = arrayOf(element);
  return {
    ...baseColumns(oidOf(type), `_${name}`),
    ...ioColumns('array'),
    typlen: -1,
    typtype: 'b',
    typcategory: 'A',
    typelem: oidOf(element),
    typstorage: 'x',
    typcollation: collationOf(element),
  };
}

function* types(view: SystemView): Generator<Fields> {
  for (const entry of Object.values(typeTable)) {
    const type = typeOfOid(entry.oid);
    if (type === null) continue;
    yield typeRow(type, entry.name, entry.arrayOid);
    if (entry.arrayOid !== 0) yield arrayTypeRow(type, entry.name);
  }
  for (const [name, oid] of Object.entries(pseudoTypes)) {
    const isRecords = name === 'record[]';
    yield {
      ...baseColumns(oid, isRecords ? '_record' : name),
      ...ioColumns(isRecords ? 'array' : name),
      typlen: name === 'record' || name.endsWith('array') || isRecords ? -1 : 4,
      typtype: 'p',
      typcategory: 'P',
      typelem: isRecords ? 2249 : 0,
      typarray: name === 'record' ? 2287 : 0,
    };
  }
  for (const r of view.relations()) {
    yield {
      ...baseColumns(rowTypeOid(r.oid), r.name),
      ...ioColumns('record'),
      typnamespace: view.schemaOid(r.schema),
      typowner: roleOid(r.owner),
      typlen: -1,
      typtype: 'c',
      typcategory: 'C',
      typrelid: r.oid,
    };
  }
}

const functionKinds: { readonly [K in SqlFunction['kind']]: string } = {
  scalar: 'f',
  table: 'f',
  aggregate: 'a',
  window: 'w',
};

const volatilities = { immutable: 'i', stable: 's', volatile: 'v' } as const;

const argumentModes = { in: 'i', out: 'o', inout: 'b', variadic: 'v' } as const;

/** What pg_proc says of a user's function in other words than of a built-in one. */
function userFields(fn: SqlFunction, view: SystemView): Fields {
  if (!('user' in fn) || fn.user === undefined) return {};
  const { schema, language, owner, source, parameters, declared, variadic, settings } = fn.user;
  const hasOutputs = declared.length > parameters.length || declared.some((p) => p.mode === 'inout');
  const columns =
    fn.kind === 'table' && !hasOutputs && fn.user.resultText.startsWith('TABLE') ? fn.columns([]) : [];
  const all = [
    ...declared.map((p) => ({ name: p.name, type: p.type, mode: argumentModes[p.mode] })),
    ...columns.map((c) => ({ name: c.name, type: c.type, mode: 't' })),
  ];
  const last = parameters.at(-1)?.type;
  return {
    pronamespace: view.schemaOid(schema),
    proowner: roleOid(owner),
    prolang: language === 'sql' ? 14 : JAVASCRIPT,
    proparallel: 'u',
    pronargdefaults: parameters.filter((p) => p.default !== null).length,
    proargtypes: vector(parameters.map((p) => oidOf(p.type))),
    pronargs: parameters.length,
    provariadic: variadic && last?.id === 'array' ? oidOf(last.element) : 0,
    proargnames: all.some((p) => p.name !== null) ? new SqlArray(all.map((p) => p.name ?? '')) : null,
    ...(hasOutputs || variadic || columns.length > 0
      ? {
          proallargtypes: new SqlArray(all.map((p) => oidOf(p.type))),
          proargmodes: new SqlArray(all.map((p) => p.mode)),
        }
      : {}),
    proconfig: settings.size === 0 ? null : new SqlArray([...settings].map(([k, v]) => `${k}=${v}`)),
    prosrc: source,
  };
}

function functionRow(oid: number, fn: SqlFunction, view: SystemView): Fields {
  const args = fn.args.map(patternOid);
  const variadic = 'variadic' in fn && fn.variadic === true;
  return {
    oid,
    proname: fn.name,
    pronamespace: PG_CATALOG,
    proowner: ROOT_ROLE,
    prolang: 12,
    procost: 1,
    prorows: fn.kind === 'table' ? 1000 : 0,
    provariadic: variadic ? (args.at(-1) ?? 0) : 0,
    prokind: functionKinds[fn.kind],
    proisstrict: (fn.kind === 'scalar' || fn.kind === 'table') && fn.nulls === 'strict',
    proretset: fn.kind === 'table',
    provolatile: fn.kind === 'scalar' || fn.kind === 'table' ? volatilities[fn.volatility] : 'i',
    proparallel: 's',
    pronargs: args.length,
    proargnames:
      'parameters' in fn && fn.parameters !== undefined
        ? new SqlArray(fn.parameters.map((p) => p.name))
        : null,
    pronargdefaults: fn.kind === 'window' ? args.length - fn.required : 0,
    prorettype: resultOid(fn),
    proargtypes: vector(args),
    prosrc: fn.name,
    ...userFields(fn, view),
  };
}

function* functions(view: SystemView): Generator<Fields> {
  for (const { oid, fn } of functionList(view.database.functions).functions) yield functionRow(oid, fn, view);
  for (const [name, oid] of typeIoFunctions) {
    yield {
      oid,
      proname: name,
      pronamespace: PG_CATALOG,
      proowner: ROOT_ROLE,
      prolang: 12,
      procost: 1,
      prokind: 'f',
      proisstrict: true,
      provolatile: 'i',
      proparallel: 's',
      pronargs: 1,
      // Input functions take and output functions give a C string.
      prorettype: /(out|send)$/.test(name) ? 2275 : 2281,
      proargtypes: vector([/(in|recv)$/.test(name) ? 2275 : 2281]),
      prosrc: name,
    };
  }
}

function* operators(view: SystemView): Generator<Fields> {
  const { operators: list } = functionList(view.database.functions);
  const find = (operator: string | undefined, args: readonly string[]): number =>
    operator === undefined
      ? 0
      : (list.find((o) => o.operator === operator && o.fn.args.join() === args.join())?.oid ?? 0);
  const row = ({ oid, operator, fn, functionOid }: ListedOperator): Fields => {
    const [first = 'any', second] = fn.args;
    return {
      oid,
      oprname: operator,
      oprnamespace: PG_CATALOG,
      oprowner: ROOT_ROLE,
      oprkind: second === undefined ? 'l' : 'b',
      oprcanmerge: operator === '=',
      oprcanhash: operator === '=',
      oprleft: second === undefined ? 0 : patternOid(first),
      oprright: patternOid(second ?? first),
      oprresult: resultOid(fn),
      oprcom: find(fn.commutator, [...fn.args].reverse()),
      oprnegate: find(fn.negator, fn.args),
      oprcode: functionOid,
    };
  };
  for (const operator of list) yield row(operator);
}

function* aggregates(view: SystemView): Generator<Fields> {
  for (const { oid, fn } of functionList(view.database.functions).functions) {
    if (fn.kind !== 'aggregate') continue;
    yield {
      aggfnoid: oid,
      aggkind: fn.orderedSet === true ? 'o' : 'n',
      aggfinalmodify: 'r',
      aggmfinalmodify: 'r',
    };
  }
}

const contexts = { implicit: 'i', assignment: 'a', explicit: 'e' } as const;

function* casts(): Generator<Fields> {
  const all = Object.values(typeTable).flatMap((entry) => {
    const type = typeOfOid(entry.oid);
    return type === null || type.id === 'unknown' || type.id === 'void' ? [] : [type];
  });
  let oid = 8000;
  for (const from of all) {
    for (const to of all) {
      const context = from.id === to.id ? null : castContext(from, to);
      if (context === null) continue;
      yield {
        oid: oid++,
        castsource: oidOf(from),
        casttarget: oidOf(to),
        castcontext: contexts[context],
        castmethod: 'i',
      };
    }
  }
}

const accessMethods: readonly Fields[] = [
  { oid: HEAP, amname: 'heap', amtype: 't' },
  { oid: BTREE, amname: 'btree', amtype: 'i' },
];

const collations: readonly Fields[] = (
  [
    [100, 'default', 'd'],
    [950, 'C', 'c'],
    [951, 'POSIX', 'c'],
    [12340, 'ucs_basic', 'c'],
  ] as const
).map(([oid, collname, collprovider]) => ({
  oid,
  collname,
  collnamespace: PG_CATALOG,
  collowner: ROOT_ROLE,
  collprovider,
  collisdeterministic: true,
  collencoding: -1,
  collcollate: collprovider === 'd' ? null : 'C',
  collctype: collprovider === 'd' ? null : 'C',
}));

const languages: readonly Fields[] = [
  { oid: 12, lanname: 'internal', lanowner: ROOT_ROLE },
  { oid: 14, lanname: 'sql', lanowner: ROOT_ROLE, lanpltrusted: true },
  { oid: JAVASCRIPT, lanname: 'javascript', lanowner: ROOT_ROLE, lanispl: true, lanpltrusted: true },
];

function* sharedDescriptions(view: SystemView): Generator<Fields> {
  const text = view.database.catalog.comment(1);
  if (text !== null) yield { objoid: 1, classoid: PG_DATABASE, description: text };
}

export const pgTypes: RowSources = {
  pg_type: types,
  pg_proc: functions,
  pg_operator: operators,
  pg_aggregate: aggregates,
  pg_cast: casts,
  pg_am: () => accessMethods,
  pg_collation: () => collations,
  pg_language: () => languages,
  pg_shdescription: sharedDescriptions,
};
