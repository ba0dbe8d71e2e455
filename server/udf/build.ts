/**
 * From the definition of a function to its entry in the catalog: an SQL body is bound once to see that it is right and what
 * it needs; a script is compiled.
 */
import { type DataType, sameType } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { checkSqlFunction } from '../../planner/bind/userFunctions.ts';
import { bindEnvironment, routinesUsed } from '../planning.ts';
import type { StatementContext } from '../statements/statement.ts';
import { defaultLimits, ownLimits } from './limits.ts';
import { aggregateModule, functionModule } from './module.ts';
import { type RoutineDefinition, type RoutineFunction, signatureOf, sqlFunction } from './routine.ts';
import { loadEngine, Script } from './sandbox.ts';
import { scriptAggregate, scriptFunction } from './scriptFunctions.ts';
import { shapeOf } from './values.ts';

/** What one kind of routine gives besides its name. */
export interface Made {
  readonly fn: RoutineFunction;
  readonly dependsOn: ReadonlySet<number>;
  readonly close: () => void;
}

export function build(definition: RoutineDefinition, context: StatementContext): Promise<Made> {
  if (definition.user.language === 'sql') return Promise.resolve(buildSql(definition, context));
  return buildScript(definition, context);
}

function buildSql(definition: RoutineDefinition, context: StatementContext): Made {
  if (definition.kind === 'aggregate') throw unsupported('CREATE AGGREGATE in sql');
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

async function buildScript(definition: RoutineDefinition, context: StatementContext): Promise<Made> {
  const { name, user, returns, kind } = definition;
  const { text, entry } = kind === 'aggregate' ? aggregateModule(user.source) : functionModule(definition);
  const result: DataType =
    returns.kind === 'value' ? returns.type : { id: 'struct', fields: [...returns.columns] };
  const { serverClock } = context.database.environment;
  const signature = signatureOf(name, user.parameters);
  const shape = { parameters: user.parameters.map((p) => shapeOf(p.type)), result: shapeOf(result), entry };
  const source = { signature, module: text, shape };
  const script = new Script(await loadEngine(), source, () => serverClock.system());
  const exported = new Set(script.functions({ ...defaultLimits, memoryBytes: ownLimits(user).memoryBytes }));
  const dependsOn = new Set<number>();
  if (kind === 'aggregate' && returns.kind === 'value') {
    for (const part of ['create_state', 'accumulate']) {
      if (exported.has(part)) continue;
      throw new SqlError('42P13', `aggregate ${signature} has no function ${part}()`);
    }
    const fn = scriptAggregate({ ...definition, returns }, script, exported);
    return { fn, dependsOn, close: () => script.close() };
  }
  if (!exported.has(entry) && !exported.has('default')) {
    throw new SqlError('42P13', `the script of function ${signature} exports no function "${name}"`);
  }
  return { fn: scriptFunction(definition, script), dependsOn, close: () => script.close() };
}

/** True when two definitions give the same type, or rows of the same columns. */
export function sameReturn(a: RoutineDefinition, b: RoutineDefinition): boolean {
  if (a.returns.kind === 'value' || b.returns.kind === 'value') {
    return (
      a.returns.kind === 'value' && b.returns.kind === 'value' && sameType(a.returns.type, b.returns.type)
    );
  }
  const others = b.returns.columns;
  return (
    a.returns.columns.length === others.length &&
    a.returns.columns.every((c, i) => {
      const other = others[i];
      return other !== undefined && other.name === c.name && sameType(other.type, c.type);
    })
  );
}
