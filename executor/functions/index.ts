/**
 * The registry of functions: every family's list, indexed by name and by operator on first use. Two functions of one
 * kind with one name and signature, or two operators with one spelling and signature, are a mistake and stop the start.
 */
import { AssertionError } from '../../common/assert.ts';
import type { FunctionCatalog, ScalarFunction, SqlFunction } from '../../common/function.ts';
import { aggregateFamilies } from '../aggregates/index.ts';
import { arrayChangeFunctions } from './arrayChange.ts';
import { arrayFactFunctions } from './arrayFacts.ts';
import { authenticationFunctions } from './authentication.ts';
import { byteaFunctions } from './byteaFunctions.ts';
import { formattingFunctions } from './dateTimeFormat.ts';
import { dateTimeMakingFunctions } from './dateTimeMake.ts';
import { nowFunctions } from './dateTimeNow.ts';
import { dateTimePartFunctions } from './dateTimeParts.ts';
import { jsonbBuildFunctions } from './jsonbBuild.ts';
import { jsonbChangeFunctions } from './jsonbChange.ts';
import { jsonbOperators } from './jsonbOperators.ts';
import { jsonbPathFunctions, jsonbPathTableFunctions } from './jsonbPath.ts';
import { floatMath } from './mathFloat.ts';
import { numericMath } from './mathNumeric.ts';
import { miscFunctions } from './misc.ts';
import { comparisonOperators } from './operatorsComparison.ts';
import { dateTimeOperators } from './operatorsDateTime.ts';
import { floatOperators } from './operatorsFloat.ts';
import { integerOperators } from './operatorsInteger.ts';
import { numericOperators } from './operatorsNumeric.ts';
import { patternFunctions } from './operatorsPattern.ts';
import { withParameterNames } from './parameterNames.ts';
import { stringFunctions } from './stringBasic.ts';
import { stringBuildingFunctions } from './stringBuild.ts';
import { encodingFunctions } from './stringEncoding.ts';
import { regexpFunctions } from './stringRegexp.ts';
import { catalogLookUpFunctions } from './systemCatalog.ts';
import { sessionFunctions } from './systemSession.ts';
import { arrayTableFunctions } from './tableArrays.ts';
import { jsonTableFunctions } from './tableJson.ts';
import { seriesTableFunctions } from './tableSeries.ts';

/** A new family is one line here. */
const families: readonly (readonly SqlFunction[])[] = [
  integerOperators,
  floatOperators,
  numericOperators,
  dateTimeOperators,
  comparisonOperators,
  patternFunctions,
  floatMath,
  numericMath,
  stringFunctions,
  stringBuildingFunctions,
  encodingFunctions,
  authenticationFunctions,
  regexpFunctions,
  nowFunctions,
  dateTimePartFunctions,
  dateTimeMakingFunctions,
  formattingFunctions,
  miscFunctions,
  arrayChangeFunctions,
  arrayFactFunctions,
  byteaFunctions,
  jsonbOperators,
  jsonbChangeFunctions,
  jsonbBuildFunctions,
  jsonbPathFunctions,
  jsonbPathTableFunctions,
  seriesTableFunctions,
  arrayTableFunctions,
  jsonTableFunctions,
  sessionFunctions,
  catalogLookUpFunctions,
  ...aggregateFamilies,
];

interface Index {
  readonly all: readonly SqlFunction[];
  readonly byName: ReadonlyMap<string, readonly SqlFunction[]>;
  readonly byOperator: ReadonlyMap<string, readonly ScalarFunction[]>;
}

function append<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else list.push(item);
}

/** Indexes functions; fails on duplicates. */
export function buildIndex(all: readonly SqlFunction[]): Index {
  const byName = new Map<string, SqlFunction[]>();
  const byOperator = new Map<string, ScalarFunction[]>();
  const seen = new Set<string>();
  const note = (signature: string): void => {
    if (seen.has(signature)) throw new AssertionError(`duplicate function ${signature}`);
    seen.add(signature);
  };
  for (const fn of all) {
    const parameters = `(${fn.args.join(', ')}${'variadic' in fn && fn.variadic === true ? ' ...' : ''})`;
    note(`${fn.kind} ${fn.name}${parameters}`);
    append(byName, fn.name, fn);
    if (fn.kind === 'scalar' && fn.operator !== undefined) {
      note(`operator ${fn.operator}${parameters}`);
      append(byOperator, fn.operator, fn);
    }
  }
  return { all, byName, byOperator };
}

let built: Index | null = null;

function index(): Index {
  built ??= buildIndex(families.flat().map(withParameterNames));
  return built;
}

/** Every function of the dialect. */
export const functionCatalog: FunctionCatalog = {
  byName: (name) => index().byName.get(name) ?? [],
  operators: (operator) => index().byOperator.get(operator) ?? [],
  all: () => index().all,
};
