/**
 * Functions that look things up in the catalog: definitions, visibility, comments, privileges, sizes, names of objects.
 * They are answered by the session (`catalogFunction`), which is given the function's name and arguments.
 */
import type { ScalarFunction, TypePattern } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import type { Value } from '../../common/value.ts';

/** One function with its overloads. */
function lookUp(
  name: string,
  overloads: readonly (readonly TypePattern[])[],
  returns: TypePattern,
  doc: string,
  nulls: 'strict' | 'called' = 'strict',
): readonly ScalarFunction[] {
  return overloads.map((args) =>
    scalar({
      name,
      args,
      returns,
      nulls,
      volatility: 'stable',
      mayReturnNull: true,
      doc,
      examples: [],
      implement: () => ({
        evaluateWith: (context, ...values: readonly Value[]) => context.session.catalogFunction(name, values),
      }),
    }),
  );
}

const definitions: readonly ScalarFunction[] = [
  ...lookUp('format_type', [['oid', 'int4']], 'text', 'SQL name of a type with its modifier.', 'called'),
  ...lookUp(
    'pg_get_viewdef',
    [['oid'], ['oid', 'bool'], ['oid', 'int4'], ['text'], ['text', 'bool']],
    'text',
    'Query of a view or materialized view.',
  ),
  ...lookUp(
    'pg_get_indexdef',
    [['oid'], ['oid', 'int4', 'bool']],
    'text',
    'Definition of an index, or of one of its columns.',
  ),
  ...lookUp('pg_get_constraintdef', [['oid'], ['oid', 'bool']], 'text', 'Definition of a constraint.'),
  ...lookUp(
    'pg_get_expr',
    [
      ['text', 'oid'],
      ['text', 'oid', 'bool'],
    ],
    'text',
    'Text of a stored expression.',
  ),
  ...lookUp('pg_get_userbyid', [['oid']], 'name', 'Name of a role.'),
  ...lookUp('pg_get_partkeydef', [['oid']], 'text', 'Always NULL: there are no partitioned tables.'),
  ...lookUp('pg_get_partition_constraintdef', [['oid']], 'text', 'Always NULL: there are no partitions.'),
  ...lookUp('pg_get_ruledef', [['oid'], ['oid', 'bool']], 'text', 'Always NULL: there are no rules.'),
  ...lookUp('pg_get_triggerdef', [['oid'], ['oid', 'bool']], 'text', 'Always NULL: there are no triggers.'),
  ...lookUp('pg_get_statisticsobjdef', [['oid']], 'text', 'Always NULL: there are no statistics objects.'),
  ...lookUp(
    'pg_get_statisticsobjdef_columns',
    [['oid']],
    'text',
    'Always NULL: there are no statistics objects.',
  ),
  ...lookUp('pg_get_serial_sequence', [['text', 'text']], 'text', 'Always NULL: there are no sequences.'),
  ...lookUp('pg_get_functiondef', [['oid']], 'text', 'Definition of a function.'),
  ...lookUp('pg_get_function_result', [['oid']], 'text', 'Result type of a function.'),
  ...lookUp('pg_get_function_arguments', [['oid']], 'text', 'Argument types of a function.'),
  ...lookUp('pg_get_function_identity_arguments', [['oid']], 'text', 'Argument types of a function.'),
  ...lookUp('pg_get_function_sqlbody', [['oid']], 'text', 'Always NULL: functions are built in.'),
];

const visibility: readonly ScalarFunction[] = [
  'table',
  'type',
  'function',
  'operator',
  'opclass',
  'opfamily',
  'collation',
  'conversion',
  'statistics_obj',
  'ts_config',
  'ts_dict',
  'ts_parser',
  'ts_template',
].flatMap((kind) =>
  lookUp(
    `pg_${kind}_is_visible`,
    [['oid']],
    'bool',
    'Whether the name alone, without a schema, finds the object.',
  ),
);

const comments: readonly ScalarFunction[] = [
  ...lookUp('obj_description', [['oid', 'name'], ['oid']], 'text', 'Comment on an object.'),
  ...lookUp('col_description', [['oid', 'int4']], 'text', 'Comment on a column.'),
  ...lookUp('shobj_description', [['oid', 'name']], 'text', 'Comment on a database or role.'),
];

/** (object, privilege) and (user, object, privilege), each by name and by oid. */
const privilegeForms: readonly (readonly TypePattern[])[] = [
  ['text', 'text'],
  ['oid', 'text'],
  ['name', 'text', 'text'],
  ['name', 'oid', 'text'],
  ['oid', 'oid', 'text'],
];

const columnForms: readonly (readonly TypePattern[])[] = [
  ['text', 'text', 'text'],
  ['text', 'int2', 'text'],
  ['oid', 'text', 'text'],
  ['oid', 'int2', 'text'],
];

const privileges: readonly ScalarFunction[] = [
  ...[
    'table',
    'any_column',
    'schema',
    'database',
    'function',
    'sequence',
    'type',
    'language',
    'tablespace',
    'server',
    'foreign_data_wrapper',
  ].flatMap((kind) =>
    lookUp(
      `has_${kind}_privilege`,
      privilegeForms,
      'bool',
      'Whether the user may: every user may do everything.',
    ),
  ),
  ...lookUp(
    'has_column_privilege',
    columnForms,
    'bool',
    'Whether the user may: every user may do everything.',
  ),
  ...lookUp(
    'pg_has_role',
    [
      ['name', 'text'],
      ['oid', 'text'],
      ['name', 'name', 'text'],
      ['name', 'oid', 'text'],
    ],
    'bool',
    'Whether the user has the privileges of a role.',
  ),
  ...lookUp('row_security_active', [['oid'], ['text']], 'bool', 'Always false.'),
];

const sizes: readonly ScalarFunction[] = [
  ...lookUp(
    'pg_relation_size',
    [['regclass'], ['regclass', 'text']],
    'int8',
    'Bytes of the rows of a relation.',
  ),
  ...['pg_table_size', 'pg_total_relation_size', 'pg_indexes_size'].flatMap((name) =>
    lookUp(name, [['regclass']], 'int8', 'Bytes of state of a relation.'),
  ),
  ...lookUp('pg_database_size', [['name'], ['oid']], 'int8', 'Bytes of state of all relations.'),
  ...lookUp('pg_tablespace_size', [['name'], ['oid']], 'int8', 'Bytes of state of all relations.'),
  ...lookUp('pg_relation_filenode', [['regclass']], 'oid', 'Always NULL: relations are no files.'),
  ...lookUp('pg_stat_get_numscans', [['oid']], 'int8', 'Always 0: scans are not counted.'),
  ...lookUp('pg_relation_is_publishable', [['regclass']], 'bool', 'Always false: there are no publications.'),
];

const names: readonly ScalarFunction[] = [
  ...(['regclass', 'regtype', 'regproc', 'regnamespace'] as const).flatMap((type) => [
    ...lookUp(`${type}in`, [['text']], type, 'The object of a name.'),
    ...lookUp(`${type}out`, [[type]], 'text', 'The name of an object.'),
    ...lookUp(`to_${type}`, [['text']], type, 'The object of a name, NULL when there is none.'),
  ]),
  ...lookUp('pg_encoding_to_char', [['int4']], 'name', 'Name of an encoding.'),
  ...lookUp('pg_char_to_encoding', [['name']], 'int4', 'Number of an encoding.'),
];

const others: readonly ScalarFunction[] = [
  ...lookUp('pg_tablespace_location', [['oid']], 'text', 'Always empty: there is one tablespace.'),
  ...lookUp('pg_is_other_temp_schema', [['oid']], 'bool', 'Always false.'),
  ...lookUp(
    'pg_index_column_has_property',
    [['regclass', 'int4', 'text']],
    'bool',
    'Whether an index column has a property.',
  ),
  ...lookUp('pg_index_has_property', [['regclass', 'text']], 'bool', 'Whether an index has a property.'),
  ...lookUp('pg_indexam_has_property', [['oid', 'text']], 'bool', 'Whether an access method has a property.'),
  ...lookUp(
    'pg_blocking_pids',
    [['int4']],
    'int4[]',
    'Always empty: no session waits for a lock of another.',
  ),
];

export const catalogLookUpFunctions: readonly ScalarFunction[] = [
  ...definitions,
  ...visibility,
  ...comments,
  ...privileges,
  ...sizes,
  ...names,
  ...others,
];
