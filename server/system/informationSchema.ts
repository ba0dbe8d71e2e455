/**
 * information_schema. Materialized views, which the standard does not know, are among the tables, with a table_type of
 * their own; sources are foreign tables.
 */
import type { DataType } from '../../common/dataType.ts';
import type { SqlFunction } from '../../common/function.ts';
import { oidOf, typeName, typeOfOid, typeTable } from '../../common/typeTable.ts';
import type { Fields, RowSources } from './definition.ts';
import { functionList } from './functionList.ts';
import { patternOid, resultOid, viewDefinition } from './objectText.ts';
import { keyColumns } from './pgRelations.ts';
import type { ColumnView, RelationKindCode, RelationView, SystemView } from './systemView.ts';

const yesNo = (value: boolean): string => (value ? 'YES' : 'NO');

const tableTypes: { readonly [K in RelationKindCode]: string } = {
  r: 'BASE TABLE',
  v: 'VIEW',
  m: 'MATERIALIZED VIEW',
  f: 'FOREIGN',
};

function tableColumns(view: SystemView, r: RelationView): Fields {
  return { table_catalog: view.databaseName, table_schema: r.schema, table_name: r.name };
}

function* tables(view: SystemView): Generator<Fields> {
  for (const r of view.relations()) {
    yield {
      ...tableColumns(view, r),
      table_type: tableTypes[r.kind],
      is_insertable_into: yesNo(r.kind === 'r' && r.object !== null),
      is_typed: 'NO',
    };
  }
}

/** pg_type.typname. */
function udtName(type: DataType): string {
  if (type.id === 'struct') return 'record';
  if (type.id !== 'array') return typeTable[type.id].name;
  const element = type.element.id === 'array' ? type.element : null;
  return element === null ? `_${udtName(type.element)}` : udtName(element);
}

function dataType(type: DataType): string {
  if (type.id === 'array') return 'ARRAY';
  return type.id === 'struct' ? 'USER-DEFINED' : typeName(type);
}

const binaryPrecision: Readonly<Partial<Record<DataType['id'], number>>> = {
  int2: 16,
  int4: 32,
  int8: 64,
  float4: 24,
  float8: 53,
};

const timePrecision: Readonly<Partial<Record<DataType['id'], number>>> = {
  date: 0,
  time: 6,
  timetz: 6,
  timestamp: 6,
  timestamptz: 6,
  interval: 6,
};

/** Length, precision and scale. */
function typeFacts(type: DataType): Fields {
  if (type.id === 'numeric') {
    return {
      numeric_precision: type.precision ?? null,
      numeric_precision_radix: 10,
      numeric_scale: type.precision === undefined ? null : (type.scale ?? 0),
    };
  }
  if (type.id === 'varchar' || type.id === 'bpchar') {
    const length = type.length ?? null;
    return {
      character_maximum_length: length,
      character_octet_length: length === null ? 1_073_741_824 : length * 4,
    };
  }
  if (type.id === 'text') return { character_octet_length: 1_073_741_824 };
  const precision = binaryPrecision[type.id];
  if (precision !== undefined) {
    const scale = type.id === 'float4' || type.id === 'float8' ? null : 0;
    return { numeric_precision: precision, numeric_precision_radix: 2, numeric_scale: scale };
  }
  const declared = 'precision' in type ? type.precision : undefined;
  return { datetime_precision: declared ?? timePrecision[type.id] ?? null };
}

function columnRow(view: SystemView, r: RelationView, c: ColumnView): Fields {
  const { type, name, nullable } = c.column;
  return {
    ...tableColumns(view, r),
    column_name: name,
    ordinal_position: c.number,
    column_default: c.generated ? null : c.expression,
    is_nullable: yesNo(nullable || (r.kind !== 'r' && r.kind !== 'f')),
    data_type: dataType(type),
    ...typeFacts(type),
    udt_catalog: view.databaseName,
    udt_schema: 'pg_catalog',
    udt_name: udtName(type),
    dtd_identifier: String(c.number),
    is_self_referencing: 'NO',
    is_identity: 'NO',
    identity_cycle: 'NO',
    is_generated: c.generated ? 'ALWAYS' : 'NEVER',
    generation_expression: c.generated ? c.expression : null,
    is_updatable: yesNo(r.kind === 'r' && r.object !== null),
  };
}

function* columns(view: SystemView): Generator<Fields> {
  for (const r of view.relations()) for (const c of r.columns) yield columnRow(view, r, c);
}

function* views(view: SystemView): Generator<Fields> {
  for (const r of view.relations()) {
    if (r.kind !== 'v') continue;
    yield {
      ...tableColumns(view, r),
      view_definition: viewDefinition(r),
      check_option: 'NONE',
      is_updatable: 'NO',
      is_insertable_into: 'NO',
      is_trigger_updatable: 'NO',
      is_trigger_deletable: 'NO',
      is_trigger_insertable_into: 'NO',
    };
  }
}

function* schemata(view: SystemView): Generator<Fields> {
  for (const { name, owner } of view.database.catalog.schemas()) {
    yield { catalog_name: view.databaseName, schema_name: name, schema_owner: owner };
  }
}

function constraintColumns(view: SystemView, schema: string, name: string): Fields {
  return { constraint_catalog: view.databaseName, constraint_schema: schema, constraint_name: name };
}

function* tableConstraints(view: SystemView): Generator<Fields> {
  const deferral = { is_deferrable: 'NO', initially_deferred: 'NO', enforced: 'YES' };
  for (const i of view.indexes()) {
    if (!i.primary) continue;
    yield {
      ...constraintColumns(view, i.relation.schema, i.name),
      ...tableColumns(view, i.relation),
      constraint_type: 'PRIMARY KEY',
      ...deferral,
    };
  }
  // As in PostgreSQL, NOT NULL is a check constraint with a name made of numbers.
  for (const r of view.userRelations()) {
    for (const c of r.columns) {
      if (c.column.nullable || r.kind !== 'r') continue;
      yield {
        ...constraintColumns(view, r.schema, `${view.schemaOid(r.schema)}_${r.oid}_${c.number}_not_null`),
        ...tableColumns(view, r),
        constraint_type: 'CHECK',
        ...deferral,
      };
    }
  }
}

function* keyColumnUsage(view: SystemView): Generator<Fields> {
  for (const i of view.indexes()) {
    if (!i.primary) continue;
    for (const [n, name] of keyColumns(i).entries()) {
      yield {
        ...constraintColumns(view, i.relation.schema, i.name),
        ...tableColumns(view, i.relation),
        column_name: name,
        ordinal_position: n + 1,
      };
    }
  }
}

function* constraintColumnUsage(view: SystemView): Generator<Fields> {
  for (const i of view.indexes()) {
    if (!i.primary) continue;
    for (const name of keyColumns(i)) {
      yield {
        ...tableColumns(view, i.relation),
        column_name: name,
        ...constraintColumns(view, i.relation.schema, i.name),
      };
    }
  }
}

function* constraintTableUsage(view: SystemView): Generator<Fields> {
  for (const i of view.indexes()) {
    if (i.primary) {
      yield { ...tableColumns(view, i.relation), ...constraintColumns(view, i.relation.schema, i.name) };
    }
  }
}

/** The schema that a function lies in. */
function schemaOf(fn: SqlFunction): string {
  return 'user' in fn && fn.user !== undefined ? fn.user.schema : 'pg_catalog';
}

function routineName(view: SystemView, oid: number, fn: SqlFunction): Fields {
  const { name } = fn;
  return {
    specific_catalog: view.databaseName,
    specific_schema: schemaOf(fn),
    specific_name: `${name}_${oid}`,
  };
}

function udtColumns(view: SystemView, oid: number): Fields {
  const type = typeOfOid(oid);
  return type === null
    ? {}
    : {
        data_type: dataType(type),
        type_udt_catalog: view.databaseName,
        type_udt_schema: 'pg_catalog',
        type_udt_name: udtName(type),
      };
}

function* routines(view: SystemView): Generator<Fields> {
  for (const { oid, fn } of functionList(view.database.functions).functions) {
    if (fn.kind === 'aggregate' || fn.kind === 'window') continue;
    yield {
      ...routineName(view, oid, fn),
      routine_catalog: view.databaseName,
      routine_schema: schemaOf(fn),
      routine_name: fn.name,
      routine_type: 'FUNCTION',
      ...udtColumns(view, resultOid(fn)),
      routine_body: 'EXTERNAL',
      routine_definition: fn.user?.source ?? fn.name,
      external_language: fn.user?.language.toUpperCase() ?? 'INTERNAL',
      parameter_style: 'GENERAL',
      is_deterministic: yesNo(fn.volatility === 'immutable'),
      sql_data_access: 'MODIFIES',
      is_null_call: yesNo(fn.nulls === 'strict'),
      schema_level_routine: 'YES',
      max_dynamic_result_sets: 0,
      security_type: 'INVOKER',
      as_locator: 'NO',
      is_udt_dependent: 'NO',
    };
  }
}

function* parameters(view: SystemView): Generator<Fields> {
  for (const { oid, fn } of functionList(view.database.functions).functions) {
    if (fn.kind === 'aggregate' || fn.kind === 'window') continue;
    for (const [i, pattern] of fn.args.entries()) {
      const type = typeOfOid(patternOid(pattern));
      yield {
        ...routineName(view, oid, fn),
        ordinal_position: i + 1,
        parameter_mode: 'IN',
        is_result: 'NO',
        as_locator: 'NO',
        data_type: type === null ? pattern : dataType(type),
        udt_catalog: view.databaseName,
        udt_schema: 'pg_catalog',
        udt_name: type === null ? pattern : udtName(type),
      };
    }
  }
}

const privilegeTypes = ['INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE'] as const;

function* tablePrivileges(view: SystemView): Generator<Fields> {
  for (const r of view.userRelations()) {
    for (const privilege of r.kind === 'r' ? privilegeTypes : (['SELECT'] as const)) {
      yield {
        grantor: r.owner,
        grantee: r.owner,
        ...tableColumns(view, r),
        privilege_type: privilege,
        is_grantable: 'YES',
        with_hierarchy: yesNo(privilege === 'SELECT'),
      };
    }
  }
}

function* viewTableUsage(view: SystemView): Generator<Fields> {
  for (const r of view.userRelations()) {
    if (r.kind !== 'v' || r.object === null) continue;
    for (const id of r.object.dependsOn) {
      const table = view.relation(id);
      if (table === null) continue;
      yield {
        view_catalog: view.databaseName,
        view_schema: r.schema,
        view_name: r.name,
        ...tableColumns(view, table),
      };
    }
  }
}

function characterSets(view: SystemView): readonly Fields[] {
  return [
    {
      character_set_name: 'UTF8',
      character_repertoire: 'UCS',
      form_of_use: 'UTF8',
      default_collate_catalog: view.databaseName,
      default_collate_schema: 'pg_catalog',
      default_collate_name: 'ucs_basic',
    },
  ];
}

function collations(view: SystemView): readonly Fields[] {
  return ['default', 'C', 'POSIX', 'ucs_basic'].map((name) => ({
    collation_catalog: view.databaseName,
    collation_schema: 'pg_catalog',
    collation_name: name,
    pad_attribute: 'NO PAD',
  }));
}

/** Element types of array columns. */
function* elementTypes(view: SystemView): Generator<Fields> {
  for (const r of view.relations()) {
    for (const { column, number } of r.columns) {
      if (column.type.id !== 'array') continue;
      const element = typeOfOid(oidOf(column.type.element)) ?? column.type.element;
      yield {
        object_catalog: view.databaseName,
        object_schema: r.schema,
        object_name: r.name,
        object_type: 'TABLE',
        collection_type_identifier: String(number),
        data_type: dataType(element),
        udt_catalog: view.databaseName,
        udt_schema: 'pg_catalog',
        udt_name: udtName(element),
      };
    }
  }
}

export const informationSchema: RowSources = {
  tables,
  columns,
  views,
  schemata,
  table_constraints: tableConstraints,
  key_column_usage: keyColumnUsage,
  constraint_column_usage: constraintColumnUsage,
  constraint_table_usage: constraintTableUsage,
  routines,
  parameters,
  table_privileges: tablePrivileges,
  role_table_grants: tablePrivileges,
  view_table_usage: viewTableUsage,
  character_sets: characterSets,
  collations,
  element_types: elementTypes,
  information_schema_catalog_name: (view) => [{ catalog_name: view.databaseName }],
  enabled_roles: (view) => view.roles().map((role_name) => ({ role_name })),
};
