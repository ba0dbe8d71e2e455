/**
 * A user's script in QuickJS, compiled to WebAssembly: no files, no network, no clock but Date, bounded memory and stack,
 * and a limit on the time of each call. Every script has a runtime of its own, made when it is first called and again
 * after a call that broke a limit, whose traces it must not show.
 */
import variant from '@jitl/quickjs-singlefile-mjs-release-sync';
import {
  newQuickJSWASMModuleFromVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
  type QuickJSWASMModule,
} from 'quickjs-emscripten-core';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { prelude, type ScriptShape } from './prelude.ts';

/** The engine's own frames lie on the host's stack, which is several times this. */
const STACK_LIMIT = 128 * 1024;

let engine: Promise<QuickJSWASMModule> | null = null;

/** The engine, made once. */
export function loadEngine(): Promise<QuickJSWASMModule> {
  engine ??= newQuickJSWASMModuleFromVariant(variant);
  return engine;
}

export interface ScriptSource {
  /** For messages: `f(integer)`. */
  readonly signature: string;
  /** An ECMAScript module; its line `firstLine` is the first of the text that the user wrote. */
  readonly module: string;
  readonly shape: ScriptShape;
}

export type ScriptMethod = 'call' | 'rows' | 'create' | 'change' | 'finish' | 'begin' | 'fold' | 'end';

interface Instance {
  readonly runtime: QuickJSRuntime;
  readonly context: QuickJSContext;
  readonly host: QuickJSHandle;
  readonly methods: Map<string, QuickJSHandle>;
}

const FILE = 'function';

export class Script {
  readonly #engine: QuickJSWASMModule;
  readonly #source: ScriptSource;
  /** Microseconds of a clock that only goes forward. */
  readonly #clock: () => bigint;
  #instance: Instance | null = null;
  #deadline: bigint | null = null;
  #timedOut = false;
  #overMemory = false;
  /** When the memory in use was last measured, and how long that took; microseconds. */
  #measuredAt = 0n;
  #measureCost = 0n;
  /** Bytes that the runtime may take, as the present call has it. */
  #memory = defaultLimits.memoryBytes;

  constructor(engine: QuickJSWASMModule, source: ScriptSource, clock: () => bigint) {
    this.#engine = engine;
    this.#source = source;
    this.#clock = clock;
  }

  /** Names of the functions that the script exports; throws what is wrong with its text. */
  functions(limits: Limits): readonly string[] {
    return this.#limited(limits, () => {
      const { context, host } = this.#open();
      const names = context.getProp(host, 'functions').consume((h) => context.getString(h));
      return JSON.parse(names) as readonly string[];
    });
  }

  /** Runs one function of the prelude on texts and numbers; gives its text. */
  run(method: ScriptMethod, args: readonly (string | number)[], limits: Limits): string {
    // Making the sandbox is not the call's time.
    if (this.#instance === null)
      this.#limited({ ...defaultLimits, memoryBytes: limits.memoryBytes }, () => this.#open());
    return this.#limited(limits, () => {
      const { context, host, methods } = this.#open();
      let f = methods.get(method);
      if (f === undefined) {
        f = context.getProp(host, method);
        methods.set(method, f);
      }
      const handles = args.map((a) => (typeof a === 'string' ? context.newString(a) : context.newNumber(a)));
      const result = context.callFunction(f, context.undefined, ...handles);
      for (const handle of handles) handle.dispose();
      if (result.error) throw this.#failure(context, result.error);
      return result.value.consume((h) => (context.typeof(h) === 'string' ? context.getString(h) : ''));
    });
  }

  /** Frees the sandbox; the next call makes another. */
  close(): void {
    const instance = this.#instance;
    this.#instance = null;
    if (instance === null) return;
    for (const handle of instance.methods.values()) handle.dispose();
    instance.host.dispose();
    instance.context.dispose();
    instance.runtime.dispose();
  }

  #limited<T>({ timeoutMs, memoryBytes }: Limits, step: () => T): T {
    this.#timedOut = false;
    this.#overMemory = false;
    if (memoryBytes !== this.#memory) {
      this.#memory = memoryBytes;
      this.#instance?.runtime.setMemoryLimit(memoryBytes);
    }
    this.#deadline = timeoutMs > 0 ? this.#clock() + BigInt(Math.ceil(timeoutMs * 1000)) : null;
    try {
      return step();
    } catch (error) {
      if (error instanceof SqlError) throw error;
      // The engine ended in the middle of its work: what it has left cannot be used, nor freed.
      this.#instance = null;
      const { signature } = this.#source;
      throw new SqlError('54001', `function ${signature} needs a deeper stack than it may have`, {
        hint: 'It may call itself without an end, or give a value that is nested too deeply.',
      });
    } finally {
      this.#deadline = null;
    }
  }

  #isLate(): boolean {
    if (this.#deadline === null || this.#clock() < this.#deadline) return false;
    this.#timedOut = true;
    return true;
  }

  /**
   * The engine itself limits single allocations only, as it does not know the sizes of those it has made: it is asked what
   * all its objects take, so seldom that this costs a small part of the call.
   */
  #isOverMemory(runtime: QuickJSRuntime, context: QuickJSContext): boolean {
    const now = this.#clock();
    const pause = this.#measureCost * 8n;
    if (now - this.#measuredAt < (pause < 1000n ? 1000n : pause)) return false;
    const used = runtime
      .computeMemoryUsage()
      .consume((usage) =>
        context.getProp(usage, 'memory_used_size').consume((size) => context.getNumber(size)),
      );
    this.#measuredAt = this.#clock();
    this.#measureCost = this.#measuredAt - now;
    this.#overMemory = used > this.#memory;
    return this.#overMemory;
  }

  #open(): Instance {
    if (this.#instance !== null) return this.#instance;
    const runtime = this.#engine.newRuntime();
    runtime.setMemoryLimit(this.#memory);
    runtime.setMaxStackSize(STACK_LIMIT);
    const context = runtime.newContext();
    runtime.context = context;
    this.#measuredAt = 0n;
    this.#measureCost = 0n;
    runtime.setInterruptHandler(() => this.#isLate() || this.#isOverMemory(runtime, context));
    const held: QuickJSHandle[] = [];
    let made = false;
    try {
      held.push(this.#evaluate(context, this.#source.module, FILE, 'module'));
      held.push(this.#evaluate(context, prelude, 'prelude', 'global'));
      held.push(context.newString(JSON.stringify(this.#source.shape)));
      const [exported, make, shape] = held;
      const result = context.callFunction(must(make), context.undefined, must(exported), must(shape));
      if (result.error) throw this.#failure(context, result.error);
      made = true;
      const instance = { runtime, context, host: result.value, methods: new Map() };
      this.#instance = instance;
      return instance;
    } finally {
      for (const handle of held) handle.dispose();
      if (!made) {
        context.dispose();
        runtime.dispose();
      }
    }
  }

  #evaluate(context: QuickJSContext, text: string, file: string, type: 'module' | 'global'): QuickJSHandle {
    const result = context.evalCode(text, file, { type, strict: true });
    if (result.error) throw this.#failure(context, result.error);
    return result.value;
  }

  /** The script's exception as an error of the statement. */
  #failure(context: QuickJSContext, handle: QuickJSHandle): SqlError {
    const { signature } = this.#source;
    const { name, message, line } = describe(context, handle);
    if (this.#timedOut) {
      this.#restart();
      return new SqlError('57014', `canceling statement due to the time limit of function ${signature}`, {
        hint: 'The setting millrace.udf_timeout says how long a call may run: of the session, or of the function (ALTER FUNCTION ... SET).',
      });
    }
    const where = `JavaScript function ${signature}${line === null ? '' : ` line ${line}`}`;
    if (this.#overMemory || (name === 'InternalError' && message === 'out of memory')) {
      this.#restart();
      return new SqlError('53200', `function ${signature} needs more than ${shownBytes(this.#memory)}`, {
        where,
        hint: 'The setting millrace.udf_memory says how much memory a function may take.',
      });
    }
    if (name === 'SyntaxError' && this.#instance === null) {
      return new SqlError('42601', `JavaScript syntax error: ${message}`, { where });
    }
    const shown = line === null ? '' : `, line ${line}`;
    return new SqlError(
      '38000',
      `${name === '' ? '' : `${name}: `}${message} (function ${signature}${shown})`,
      {
        where,
      },
    );
  }

  /** A call that broke a limit may have left anything in the sandbox: the next one gets another. */
  #restart(): void {
    this.close();
  }
}

const shownBytes = (n: number): string => (n >= 1 << 20 ? `${n >> 20} MB` : `${n >> 10} kB`);

interface Exception {
  readonly name: string;
  readonly message: string;
  readonly line: number | null;
}

function describe(context: QuickJSContext, handle: QuickJSHandle): Exception {
  const thrown: unknown = handle.consume((h) => context.dump(h));
  if (typeof thrown !== 'object' || thrown === null) {
    return { name: '', message: String(thrown), line: null };
  }
  const field = (key: string): string => {
    const value: unknown = (thrown as Record<string, unknown>)[key];
    return typeof value === 'string' ? value : '';
  };
  const stack = field('stack');
  const place = new RegExp(`\\b${FILE}:(\\d+)`).exec(stack);
  const message = field('message');
  return {
    name: field('name'),
    message: message === '' ? JSON.stringify(thrown) : message,
    line: place === null ? null : Number(must(place[1])),
  };
}
