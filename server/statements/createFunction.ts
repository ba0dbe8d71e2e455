/** CREATE FUNCTION and CREATE AGGREGATE. */
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { CreateAggregate, CreateFunction, RoutineBody } from '../../parser/ast/routine.ts';
import { bindEnvironment } from '../planning.ts';
import { build, sameReturn } from '../udf/build.ts';
import { checkSetting } from '../udf/limits.ts';
import { declaredOf, inputsOf, returnedOf } from '../udf/parameters.ts';
import {
  type RoutineDefinition,
  type RoutineFunction,
  type RoutineObject,
  signatureOf,
} from '../udf/routine.ts';
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

function bodyText(body: RoutineBody | null, context: StatementContext, position: number): string {
  if (body === null) throw new SqlError('42P13', 'no function body specified', { position });
  if (body.kind === 'return') return context.textOf(body.expr);
  if (body.kind !== 'text' || body.symbol !== null)
    throw unsupported('a function in an object file', position);
  return body.text;
}

/** A name that built-in functions of another kind have would hide them or never be found. */
export function refuseMixedKinds(
  name: string,
  kind: RoutineFunction['kind'],
  context: StatementContext,
): void {
  const { functions } = context.database;
  const others = [...functions.byName(name), ...functions.userFunctions().filter((f) => f.name === name)];
  const other = others.find((f) => f.kind !== kind);
  if (other === undefined) return;
  const what = other.kind === 'table' ? 'a function that returns rows' : `a ${other.kind} function`;
  throw unsupported(`a function with the name of ${what.replace('a aggregate', 'an aggregate')}, ${name}`);
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
  const fail = (message: string): SqlError => new SqlError('42P13', message, { hint });
  if (!sameReturn(found.definition, definition)) throw fail('cannot change return type of existing function');
  const before = found.fn.user.parameters;
  const after = definition.user.parameters;
  const renamed = before.find((p, i) => p.name !== null && p.name !== after[i]?.name);
  if (renamed !== undefined && found.kind !== 'aggregate') {
    throw fail(`cannot change name of input parameter "${renamed.name}"`);
  }
  if (before.some((p, i) => p.default !== null && after[i]?.default === null)) {
    throw fail('cannot remove parameter defaults from existing function');
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
    const env = bindEnvironment(context);
    const declared = declaredOf(statement, env, (node) => context.textOf(node));
    const { returns, text: resultText } = returnedOf(statement, target.name, declared, env);
    const settings = new Map(
      statement.settings.map((s) => checkSetting(s.name, s.value, language, statement.span.start)),
    );
    const definitionFor = (id: number): RoutineDefinition => ({
      kind,
      name: target.name,
      user: {
        id,
        schema,
        language,
        owner: context.user,
        source,
        ...inputsOf(declared),
        resultText,
        settings,
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
    const definition = definitionFor(id);
    const made = await build(definition, context);
    if (made.dependsOn.has(id)) throw unsupported(`recursion in the SQL function ${target.name}()`);
    database.functions.add({
      kind,
      id,
      schema,
      name: target.name,
      owner: context.user,
      ...origin,
      definition,
      ...made,
    });
    database.journalDdl(origin, id);
    return done(tag);
  });
}

export const createFunction: StatementHandler<CreateFunction> = { run: create };
export const createAggregate: StatementHandler<CreateAggregate> = { run: create };
