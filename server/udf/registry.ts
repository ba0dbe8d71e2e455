/**
 * The functions of one database: the built-in ones, and those that users have made, by schema and name. One name may stand
 * for several functions with different parameters.
 */
import { sameType } from '../../common/dataType.ts';
import type { FunctionCatalog, ScalarFunction, SqlFunction, UserRoutine } from '../../common/function.ts';
import type { RoutineObject } from './routine.ts';

export class Routines implements FunctionCatalog {
  readonly builtIn: FunctionCatalog;
  readonly #byId = new Map<number, RoutineObject>();
  #functions: readonly SqlFunction[] = [];

  constructor(builtIn: FunctionCatalog) {
    this.builtIn = builtIn;
  }

  byName(name: string): readonly SqlFunction[] {
    return this.builtIn.byName(name);
  }

  operators(operator: string): readonly ScalarFunction[] {
    return this.builtIn.operators(operator);
  }

  all(): readonly SqlFunction[] {
    return this.builtIn.all();
  }

  user(schema: string | null, name: string, searchPath: readonly string[]): readonly SqlFunction[] {
    if (this.#byId.size === 0) return [];
    return this.named(schema, name, searchPath).map((r) => r.fn);
  }

  userFunctions(): readonly SqlFunction[] {
    return this.#functions;
  }

  /** Users' functions of a name. Of those with equal parameters the first on the search path hides the others. */
  named(schema: string | null, name: string, searchPath: readonly string[]): readonly RoutineObject[] {
    const found: RoutineObject[] = [];
    for (const s of schema === null ? searchPath : [schema]) {
      const here = this.list().filter((r) => r.name === name && r.schema === s);
      // Those that need the fewest defaults are the nearest.
      here.sort((a, b) => a.fn.args.length - b.fn.args.length);
      found.push(...here.filter((r) => !found.some((f) => sameParameters(f.fn.user, r.fn.user))));
    }
    return found;
  }

  /** The function with exactly these parameters. */
  find(schema: string, name: string, parameters: UserRoutine['parameters']): RoutineObject | null {
    return this.named(schema, name, []).find((r) => sameParameters(r.fn.user, { parameters })) ?? null;
  }

  byId(id: number): RoutineObject | null {
    return this.#byId.get(id) ?? null;
  }

  /** In the order of creation. */
  list(): readonly RoutineObject[] {
    return [...this.#byId.values()];
  }

  ofSchema(schema: string): readonly RoutineObject[] {
    return this.list().filter((r) => r.schema === schema);
  }

  /** Functions that directly need the object. */
  dependents(id: number): readonly RoutineObject[] {
    return this.list().filter((r) => r.dependsOn.has(id));
  }

  /** Adds a function, in the place of the one with its id. */
  add(routine: RoutineObject): void {
    this.#byId.get(routine.id)?.close();
    this.#byId.set(routine.id, routine);
    this.#functions = this.list().map((r) => r.fn);
  }

  remove(routine: RoutineObject): void {
    routine.close();
    this.#byId.delete(routine.id);
    this.#functions = this.list().map((r) => r.fn);
  }

  close(): void {
    for (const routine of this.list()) routine.close();
  }
}

function sameParameters(a: Pick<UserRoutine, 'parameters'>, b: Pick<UserRoutine, 'parameters'>): boolean {
  return (
    a.parameters.length === b.parameters.length &&
    a.parameters.every((p, i) => {
      const other = b.parameters[i];
      return other !== undefined && sameType(p.type, other.type);
    })
  );
}
