/** Catalog functions about definitions, names, visibility and comments. Each takes the function's arguments. */
import { SqlArray } from '../../common/sqlArray.ts';
import type { Value } from '../../common/value.ts';
import { type Keyword, keywords } from '../../parser/keywords.ts';
import { createText } from '../udf/routineText.ts';
import { functionList } from './functionList.ts';
import {
  isVisible,
  type NamedKind,
  noSuchObject,
  objectName,
  objectOid,
  relationOid,
  rowTypeName,
} from './objectNames.ts';
import {
  argumentsText,
  indexColumn,
  indexDefinition,
  keyDefinition,
  resultText,
  typeText,
  viewDefinition,
} from './objectText.ts';
import { keyConstraintOid, rowTypeOid, type SystemView } from './systemView.ts';

export type CatalogFunction = (view: SystemView, args: readonly Value[]) => Value;
export type CatalogFunctions = Readonly<Record<string, CatalogFunction>>;

/** An argument that is an oid. */
export function oidArgument(args: readonly Value[], position = 0): number {
  const value = args[position];
  return typeof value === 'number' ? value : 0;
}

const nothing: CatalogFunction = () => null;

function viewDefinitionOf(view: SystemView, args: readonly Value[]): Value {
  const [target] = args;
  const oid = typeof target === 'string' ? relationOid(view, target) : oidArgument(args);
  if (oid === null) throw noSuchObject('regclass', String(target));
  const relation = view.relation(oid);
  return relation === null ? null : viewDefinition(relation);
}

function indexDefinitionOf(view: SystemView, args: readonly Value[]): Value {
  const index = view.index(oidArgument(args));
  if (index === null) return null;
  const column = args[1];
  return typeof column === 'number' && column > 0 ? indexColumn(index, column) : indexDefinition(index);
}

function constraintDefinitionOf(view: SystemView, args: readonly Value[]): Value {
  const oid = oidArgument(args);
  const index = view.indexes().find((i) => i.primary && keyConstraintOid(i.relation.oid) === oid);
  return index === undefined ? null : keyDefinition(index);
}

function formatType(view: SystemView, args: readonly Value[]): Value {
  const [oid, modifier] = args;
  if (typeof oid !== 'number') return null;
  if (oid === 0) return '-';
  return typeText(oid, typeof modifier === 'number' ? modifier : null) ?? rowTypeName(view, oid) ?? '???';
}

const definitions: CatalogFunctions = {
  format_type: formatType,
  pg_get_viewdef: viewDefinitionOf,
  pg_get_indexdef: indexDefinitionOf,
  pg_get_constraintdef: constraintDefinitionOf,
  pg_get_expr: (_view, [expression]) => expression ?? null,
  pg_get_partkeydef: nothing,
  pg_get_partition_constraintdef: nothing,
  pg_get_ruledef: nothing,
  pg_get_triggerdef: nothing,
  pg_get_statisticsobjdef: nothing,
  pg_get_statisticsobjdef_columns: nothing,
  pg_get_serial_sequence: nothing,
  pg_get_function_sqlbody: nothing,
  pg_get_functiondef: (view, args) => {
    const fn = functionList(view.database.functions).byOid.get(oidArgument(args));
    if (fn === undefined) return null;
    const made = view.database.functions.byId(oidArgument(args));
    if (made !== null) return createText(made.definition);
    return `CREATE OR REPLACE FUNCTION pg_catalog.${fn.name}(${argumentsText(fn)})\n RETURNS ${resultText(fn)}\n LANGUAGE internal\n`;
  },
  pg_get_function_result: (view, args) => {
    const fn = functionList(view.database.functions).byOid.get(oidArgument(args));
    return fn === undefined ? null : resultText(fn);
  },
  pg_get_function_arguments: functionArguments,
  pg_get_function_identity_arguments: (view, args) => {
    const fn = functionList(view.database.functions).byOid.get(oidArgument(args));
    return fn === undefined ? null : argumentsText(fn, false);
  },
};

function functionArguments(view: SystemView, args: readonly Value[]): Value {
  const fn = functionList(view.database.functions).byOid.get(oidArgument(args));
  return fn === undefined ? null : argumentsText(fn);
}

const always: CatalogFunction = () => true;

const visibility: CatalogFunctions = {
  pg_table_is_visible: (view, args) => isVisible(view, oidArgument(args)),
  pg_type_is_visible: (view, args) => {
    const relation = oidArgument(args) - rowTypeOid(0);
    return relation > 0 ? isVisible(view, relation) : true;
  },
  pg_function_is_visible: (view, args) => {
    const made = view.database.functions.byId(oidArgument(args));
    return made === null || view.session.searchPath().includes(made.schema);
  },
  // Everything else lies in pg_catalog, which is always searched.
  pg_operator_is_visible: always,
  pg_opclass_is_visible: always,
  pg_opfamily_is_visible: always,
  pg_collation_is_visible: always,
  pg_conversion_is_visible: always,
  pg_statistics_obj_is_visible: always,
  pg_ts_config_is_visible: always,
  pg_ts_dict_is_visible: always,
  pg_ts_parser_is_visible: always,
  pg_ts_template_is_visible: always,
};

/** A comment on an object of one catalog; functions have their documentation. */
function comment(view: SystemView, args: readonly Value[]): Value {
  const oid = oidArgument(args);
  const { catalog } = view.database;
  switch (args[1] ?? 'pg_class') {
    case 'pg_class':
      return catalog.byId(oid) === null ? null : catalog.comment(oid);
    case 'pg_namespace':
      return catalog.schemas().some((s) => s.id === oid) ? catalog.comment(oid) : null;
    case 'pg_proc':
      if (view.database.functions.byId(oid) !== null) return catalog.comment(oid);
      return functionList(view.database.functions).byOid.get(oid)?.doc ?? null;
    case 'pg_operator':
      return functionList(view.database.functions).operators.find((o) => o.oid === oid)?.fn.doc ?? null;
    default:
      return null;
  }
}

const comments: CatalogFunctions = {
  obj_description: comment,
  col_description: (view, args) => {
    const column = oidArgument(args, 1);
    return column > 0 ? view.database.catalog.comment(oidArgument(args), column) : null;
  },
  shobj_description: (view, [oid, catalog]) =>
    catalog === 'pg_database' && oid === 1 ? view.database.catalog.comment(1) : null,
};

function nameFunctions(kind: NamedKind): CatalogFunctions {
  return {
    [`${kind}in`]: (view, [name]) => {
      const oid = objectOid(view, kind, String(name));
      if (oid === null) throw noSuchObject(kind, String(name));
      return oid;
    },
    [`${kind}out`]: (view, args) => objectName(view, kind, oidArgument(args)) ?? String(args[0]),
    [`to_${kind}`]: (view, [name]) => objectOid(view, kind, String(name)),
  };
}

/** pg_get_keywords: code and description of a category. */
const categories: { readonly [K in Keyword['category']]: readonly [code: string, description: string] } = {
  unreserved: ['U', 'unreserved'],
  colName: ['C', 'unreserved (cannot be function or type name)'],
  typeFuncName: ['T', 'reserved (can be function or type name)'],
  reserved: ['R', 'reserved'],
};

function keywordRows(): SqlArray {
  return new SqlArray(
    [...keywords.values()].map(({ word, category, bareLabel }) => {
      const [code, description] = categories[category];
      return [word, code, bareLabel, description, bareLabel ? 'can be bare label' : 'requires AS'];
    }),
  );
}

export const lookUps: CatalogFunctions = {
  ...definitions,
  ...visibility,
  ...comments,
  ...nameFunctions('regclass'),
  ...nameFunctions('regtype'),
  ...nameFunctions('regproc'),
  ...nameFunctions('regnamespace'),
  pg_get_keywords: keywordRows,
};
