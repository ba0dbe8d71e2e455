/**
 * CREATE FUNCTION and CREATE AGGREGATE. An SQL body is bound once to see that it is right and what it needs; a script is
 * compiled.
 */
import type { DataType } from '../../common/dataType.ts';
import { sameType } from '../../common/dataType.ts';
import type { UserRoutine } from '../../common/function.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type {
  CreateAggregate,
  CreateFunction,
  RoutineBody,
  RoutineParameter,
} from '../../parser/ast/routine.ts';
import { withoutModifier } from '../../planner/bind/coerce.ts';
import { dataTypeOf } from '../../planner/bind/typeNames.ts';
import { checkSqlFunction } from '../../planner/bind/userFunctions.ts';
import { bindEnvironment, routinesUsed } from '../planning.ts';
import { aggregateModule, functionModule } from '../udf/module.ts';
import {
  type RoutineDefinition,
  type RoutineFunction,
  type RoutineObject,
  type RoutineReturn,
  signatureOf,
  sqlFunction,
} from '../udf/routine.ts';
import { loadEngine, Script } from '../udf/sandbox.ts';
import { DEFAULT_TIMEOUT_MS, scriptAggregate, scriptFunction } from '../udf/scriptFunctions.ts';
import { shapeOf } from '../udf/values.ts';
import { refuseReplacement } from './dropFunction.ts';
import {
  creationSchema,
  done,
  originOf,
  type StatementContext,
  type StatementHandler,
  type StatementResult,
  splitName,
} from './statement.ts';

type Create = CreateFunction | CreateAggregate;

/** What one kind of routine gives besides its name. */
interface Made {
  readonly fn: RoutineFunction;
  readonly dependsOn: ReadonlySet<number>;
  readonly close: () => void;
}

const languages = new Set(['sql', 'javascript']);
/** Languages that RisingWave and PostgreSQL know. */
const foreign = new Set(['python', 'rust', 'java', 'wasm', 'plpgsql', 'c', 'internal', 'external']);

function languageOf(statement: Create): 'sql' | 'javascript' {
  const position = statement.span.start;
  const { body } = statement;
  if (body?.kind === 'link') throw unsupported('USING LINK (a function on another server)', position);
  const language = (statement.language ?? (body?.kind === 'return' ? 'sql' : '')).toLowerCase();
  if (foreign.has(language)) {
    throw unsupported(`LANGUAGE ${language}`, position, 'Functions may be written in sql or javascript.');
  }
  if (body?.kind === 'base64') throw unsupported('USING BASE64', position);
  if (language === '') throw new SqlError('42P13', 'no language specified', { position });
  if (!languages.has(language)) {
    throw new SqlError('42704', `language "${language}" does not exist`, {
      position,
      hint: 'Functions may be written in sql or javascript.',
    });
  }
  if (statement.runtime !== null && language === 'sql')
    throw unsupported('RUNTIME of an SQL function', position);
  if (statement.runtime !== null && statement.runtime.toLowerCase() !== 'quickjs') {
    throw unsupported(`RUNTIME ${statement.runtime}`, position, 'JavaScript runs in quickjs.');
  }
  return language === 'sql' ? 'sql' : 'javascript';
}

function parametersOf(statement: Create, context: StatementContext): UserRoutine['parameters'] {
  const env = bindEnvironment(context);
  const names = new Set<string>();
  let mustDefault = false;
  return statement.parameters.map((p: RoutineParameter) => {
    const position = p.span.start;
    if (p.mode !== 'in') throw unsupported(`${p.mode.toUpperCase()} parameters`, position);
    const name = p.name?.name ?? null;
    if (name !== null && names.has(name)) {
      throw new SqlError('42P13', `parameter name "${name}" used more than once`, { position });
    }
    if (name !== null) names.add(name);
    const type = withoutModifier(dataTypeOf(p.type, env));
    if (mustDefault && p.default === null) {
      const message = 'input parameters after one with a default value must also have defaults';
      throw new SqlError('42P13', message, { position });
    }
    if (p.default !== null && statement.kind === 'CreateAggregate') {
      throw new SqlError('42P13', 'aggregates cannot have DEFAULT arguments', { position });
    }
    mustDefault = p.default !== null;
    return { name, type, default: p.default === null ? null : context.textOf(p.default) };
  });
}

function returnsOf(statement: Create, context: StatementContext): RoutineReturn {
  const env = bindEnvironment(context);
  const position = statement.span.start;
  if (statement.kind === 'CreateAggregate') {
    return { kind: 'value', type: withoutModifier(dataTypeOf(statement.returns, env)) };
  }
  const { returns } = statement;
  if (returns === null) throw new SqlError('42P13', 'function result type must be specified', { position });
  if (returns.kind === 'table') {
    const columns = returns.columns.map((c) => ({
      name: c.name.name,
      type: withoutModifier(dataTypeOf(c.type, env)),
    }));
    const repeated = columns.find((c, i) => columns.findIndex((o) => o.name === c.name) < i);
    if (repeated !== undefined) {
      throw new SqlError('42P13', `parameter name "${repeated.name}" used more than once`, { position });
    }
    return { kind: 'rows', columns };
  }
  const type = withoutModifier(dataTypeOf(returns.type, env));
  if (type.id === 'void') throw unsupported('a function that returns void', position);
  if (!returns.setOf) return { kind: 'value', type };
  const name = splitName(statement.name, context).name;
  return { kind: 'rows', columns: type.id === 'struct' ? type.fields : [{ name, type }] };
}

function bodyText(body: RoutineBody | null, context: StatementContext, position: number): string {
  if (body === null) throw new SqlError('42P13', 'no function body specified', { position });
  if (body.kind === 'return') return context.textOf(body.expr);
  if (body.kind !== 'text' || body.symbol !== null)
    throw unsupported('a function in an object file', position);
  return body.text;
}

/** A name that built-in functions of another kind have would hide them or never be found. */
function refuseMixedKinds(name: string, kind: RoutineFunction['kind'], context: StatementContext): void {
  const { functions } = context.database;
  const others = [...functions.byName(name), ...functions.userFunctions().filter((f) => f.name === name)];
  const other = others.find((f) => f.kind !== kind);
  if (other === undefined) return;
  const what = other.kind === 'table' ? 'a function that returns rows' : `a ${other.kind} function`;
  throw unsupported(`a function with the name of ${what.replace('a aggregate', 'an aggregate')}, ${name}`);
}

function make(definition: RoutineDefinition, statement: Create, context: StatementContext): Promise<Made> {
  if (definition.user.language === 'sql') return Promise.resolve(makeSql(definition, statement, context));
  return makeScript(definition, statement, context);
}

function makeSql(definition: RoutineDefinition, statement: Create, context: StatementContext): Made {
  if (statement.kind === 'CreateAggregate')
    throw unsupported('CREATE AGGREGATE in sql', statement.span.start);
  const fn = sqlFunction(definition);
  const env = bindEnvironment(context);
  const relations = new Set<number>();
  const { catalog } = env;
  checkSqlFunction(fn, definition.returns, {
    ...env,
    catalog: {
      database: catalog.database,
      hasSchema: (name) => catalog.hasSchema(name),
      relationNames: (schema, path) => catalog.relationNames(schema, path),
      rowType: (schema, name, path) => catalog.rowType(schema, name, path),
      relation(schema, name, path) {
        const entry = catalog.relation(schema, name, path);
        if (entry !== null && entry.kind !== 'system') relations.add(entry.id);
        return entry;
      },
    },
  });
  return { fn, dependsOn: new Set([...relations, ...routinesUsed(context)]), close: () => {} };
}

async function makeScript(
  definition: RoutineDefinition,
  statement: Create,
  context: StatementContext,
): Promise<Made> {
  const { name, user, returns } = definition;
  const isAggregate = statement.kind === 'CreateAggregate';
  const { text, entry } = isAggregate ? aggregateModule(user.source) : functionModule(definition);
  const result: DataType =
    returns.kind === 'value' ? returns.type : { id: 'struct', fields: [...returns.columns] };
  const shape = { parameters: user.parameters.map((p) => shapeOf(p.type)), result: shapeOf(result), entry };
  const { serverClock } = context.database.environment;
  const signature = signatureOf(name, user.parameters);
  const source = { signature, module: text, shape };
  const script = new Script(await loadEngine(), source, () => serverClock.system());
  const exported = new Set(script.functions(DEFAULT_TIMEOUT_MS));
  const close = (): void => script.close();
  const dependsOn = new Set<number>();
  if (isAggregate && returns.kind === 'value') {
    for (const part of ['create_state', 'accumulate']) {
      if (!exported.has(part))
        throw new SqlError('42P13', `aggregate ${signature} has no function ${part}()`);
    }
    return { fn: scriptAggregate({ ...definition, returns }, script, exported), dependsOn, close };
  }
  if (!exported.has(entry) && !exported.has('default')) {
    throw new SqlError('42P13', `the script of function ${signature} exports no function "${name}"`);
  }
  return { fn: scriptFunction(definition, script), dependsOn, close };
}

/** The function in whose place a new one comes; 'taken' when IF NOT EXISTS lets it be. */
function existing(
  statement: Create,
  definition: RoutineDefinition,
  context: StatementContext,
): RoutineObject | 'taken' | null {
  const { name, user } = definition;
  const found = context.database.functions.find(user.schema, name, user.parameters);
  if (found === null) return null;
  const signature = signatureOf(name, user.parameters);
  if (statement.ifNotExists) {
    const message = `function "${name}" already exists with same argument types, skipping`;
    context.notice({ severity: 'NOTICE', state: '42723', message });
    return 'taken';
  }
  if (!statement.orReplace) {
    throw new SqlError('42723', `function "${name}" already exists with same argument types`);
  }
  checkReplacement(found, definition, signature);
  refuseReplacement(context.database, found);
  return found;
}

/** Callers that have been bound rely on the shape of the old one. */
function checkReplacement(found: RoutineObject, definition: RoutineDefinition, signature: string): void {
  const hint = `Use DROP ${found.kind.toUpperCase()} ${signature} first.`;
  const isAggregate = found.fn.kind === 'aggregate';
  const columns = found.fn.kind === 'table' ? found.fn.columns([]) : null;
  const { returns } = definition;
  const result =
    found.fn.kind === 'table' || typeof found.fn.returns !== 'function' ? null : found.fn.returns([]);
  const sameResult =
    returns.kind === 'value'
      ? result !== null && sameType(result, returns.type)
      : columns !== null &&
        columns.length === returns.columns.length &&
        columns.every((c, i) => {
          const other = returns.columns[i];
          return other !== undefined && other.name === c.name && sameType(other.type, c.type);
        });
  if (!sameResult) throw new SqlError('42P13', 'cannot change return type of existing function', { hint });
  const renamed = found.fn.user.parameters.find(
    (p, i) => p.name !== null && p.name !== definition.user.parameters[i]?.name,
  );
  if (renamed !== undefined && !isAggregate) {
    throw new SqlError('42P13', `cannot change name of input parameter "${renamed.name}"`, { hint });
  }
}

/** Options of RisingWave's WITH clause that ask for nothing that is not so already. */
const acceptedOptions = ['async', 'batch', 'always_retry_on_network_error'];

function checkOptions(statement: Create): void {
  if (statement.kind !== 'CreateFunction') return;
  for (const option of statement.options) {
    if (!acceptedOptions.includes(option.name)) {
      const message = `unrecognized function option "${option.name}"`;
      throw new SqlError('22023', message, { position: option.span.start });
    }
    throw unsupported(`WITH (${option.name})`, option.span.start);
  }
}

async function create(statement: Create, context: StatementContext): Promise<StatementResult> {
  const kind = statement.kind === 'CreateFunction' ? 'function' : 'aggregate';
  const tag = `CREATE ${kind.toUpperCase()}`;
  context.requireNoTransactionBlock(tag);
  if (statement.kind === 'CreateFunction' && statement.temporary) {
    throw unsupported('CREATE TEMPORARY FUNCTION', statement.span.start);
  }
  checkOptions(statement);
  const language = languageOf(statement);
  const { database } = context;
  return database.exclusive(async () => {
    const target = splitName(statement.name, context);
    const schema = creationSchema(target, context);
    const origin = originOf(context);
    const source = bodyText(statement.body, context, statement.span.start);
    const query = statement.body?.kind === 'return' ? `SELECT ${source}` : source;
    const parameters = parametersOf(statement, context);
    const draft = { name: target.name, user: { schema, parameters } };
    const returns = returnsOf(statement, context);
    const definitionFor = (id: number): RoutineDefinition => ({
      ...draft,
      user: {
        id,
        schema,
        language,
        owner: context.user,
        source,
        parameters,
        inline: language === 'sql' ? { query, searchPath: origin.searchPath } : null,
      },
      returns,
      volatility: (statement.kind === 'CreateFunction' ? statement.volatility : 'immutable') ?? 'volatile',
      strict: statement.kind === 'CreateFunction' && statement.strict,
    });
    const old = existing(statement, definitionFor(0), context);
    if (old === 'taken') return done(tag);
    const functionKind = kind === 'aggregate' ? 'aggregate' : returns.kind === 'rows' ? 'table' : 'scalar';
    if (old === null) refuseMixedKinds(target.name, functionKind, context);
    const id = old?.id ?? database.catalog.allocateId();
    const made = await make(definitionFor(id), statement, context);
    if (made.dependsOn.has(id)) throw unsupported(`recursion in the SQL function ${target.name}()`);
    database.functions.add({
      kind,
      id,
      schema,
      name: target.name,
      owner: context.user,
      ...origin,
      ...made,
    });
    database.journalDdl(origin, id);
    return done(tag);
  });
}

export const createFunction: StatementHandler<CreateFunction> = { run: create };
export const createAggregate: StatementHandler<CreateAggregate> = { run: create };

/** `integer`, `SETOF integer`, `TABLE(a integer, b text)`. */
export function returnText(fn: RoutineFunction): string {
  if (fn.kind !== 'table')
    return formatType(typeof fn.returns === 'function' ? fn.returns([]) : { id: 'text' });
  return `TABLE(${fn
    .columns([])
    .map((c) => `${c.name} ${formatType(c.type)}`)
    .join(', ')})`;
}

/** `a integer, b text DEFAULT 'x'`. */
export function parametersText(fn: RoutineFunction, withDefaults: boolean): string {
  return fn.user.parameters
    .map((p) => {
      const name = p.name === null ? '' : `${p.name} `;
      const value = withDefaults && p.default !== null ? ` DEFAULT ${p.default}` : '';
      return `${name}${formatType(p.type)}${value}`;
    })
    .join(', ');
}
