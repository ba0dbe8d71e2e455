/**
 * The sandbox's side of a user's script: turns JSON texts into arguments, calls the script's functions, and turns what they
 * give into JSON texts again. It is the source of one JavaScript function, evaluated inside the sandbox.
 *
 * State kept: the running state of a `fold`, between `begin` and `end`.
 */

/** How a value travels, by its SQL type. */
export type Shape =
  | 'bool'
  | 'number'
  | 'float'
  | 'bigint'
  | 'text'
  | 'bytes'
  | 'json'
  | { readonly array: Shape }
  | { readonly row: readonly (readonly [name: string, shape: Shape])[] };

/** What `prelude` is told of a script. */
export interface ScriptShape {
  readonly parameters: readonly Shape[];
  /** Of the value; for a table function of its columns. */
  readonly result: Shape;
  /** The exported function that is called; unused for an aggregate. */
  readonly entry: string;
}

export const prelude = String.raw`(exported, text) => {
  const { parameters, result, entry } = JSON.parse(text);
  const { parse, stringify } = JSON;
  const { isArray } = Array;
  const hexByte = (n) => (n < 16 ? '0' : '') + n.toString(16);
  const toHex = (bytes) => { let s = '\\x'; for (const n of bytes) s += hexByte(n); return s; };
  const fromHex = (hex) => {
    const bytes = new Uint8Array(hex.length / 2 - 1);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.substr(2 * i + 2, 2), 16);
    return bytes;
  };
  const plain = (key, value) => {
    if (typeof value !== 'bigint') return value;
    const n = Number(value);
    return Number.isSafeInteger(n) ? n : String(value);
  };

  const decoder = (shape) => {
    if (shape === 'bigint') return BigInt;
    if (shape === 'float') return Number;
    if (shape === 'bytes') return fromHex;
    if (typeof shape === 'string') return null;
    if (shape.array !== undefined) {
      const element = decoder(shape.array);
      if (element === null) return null;
      const decode = (list) => list.map((x) =>
        x === null ? null : isArray(x) && shape.array.row === undefined ? decode(x) : element(x));
      return decode;
    }
    const fields = shape.row.map(([name, s]) => [name, decoder(s)]);
    return (list) => {
      const row = {};
      fields.forEach(([name, f], i) => { row[name] = list[i] === null || f === null ? list[i] : f(list[i]); });
      return row;
    };
  };

  const encoder = (shape) => {
    if (shape === 'bool') return (v) => (typeof v === 'boolean' ? v : String(v));
    if (shape === 'json') return (v) => stringify(v, plain) ?? null;
    if (shape === 'bytes') {
      return (v) => {
        if (v instanceof ArrayBuffer) return toHex(new Uint8Array(v));
        return ArrayBuffer.isView(v) ? toHex(new Uint8Array(v.buffer, v.byteOffset, v.byteLength)) : String(v);
      };
    }
    if (typeof shape === 'string') {
      return (v) => {
        if (typeof v === 'string') return v;
        if (v instanceof Date) return v.toISOString();
        if (v instanceof Promise) throw new TypeError('the function returned a promise: it must not be async');
        return typeof v === 'object' ? stringify(v, plain) : String(v);
      };
    }
    if (shape.array !== undefined) {
      const element = encoder(shape.array);
      const encode = (v) => {
        const list = ArrayBuffer.isView(v) ? Array.from(v) : v;
        if (!isArray(list)) throw new TypeError('an array was expected, not ' + describe(v));
        return list.map((x) =>
          x === null || x === undefined ? null : isArray(x) && shape.array.row === undefined ? encode(x) : element(x));
      };
      return encode;
    }
    const fields = shape.row.map(([name, s]) => [name, encoder(s)]);
    return (v) => {
      if (typeof v !== 'object') throw new TypeError('an object was expected, not ' + describe(v));
      return fields.map(([name, f], i) => {
        const x = isArray(v) ? v[i] : v[name];
        return x === null || x === undefined ? null : f(x);
      });
    };
  };

  const describe = (v) => typeof v + ' ' + (typeof v === 'object' ? stringify(v, plain) : String(v));
  const decoders = parameters.map(decoder);
  const identity = decoders.every((d) => d === null);
  const convert = (list) => {
    if (identity) return list;
    for (let i = 0; i < list.length; i++) {
      const d = decoders[i];
      if (d !== null && list[i] !== null) list[i] = d(list[i]);
    }
    return list;
  };
  const encodeResult = encoder(result);
  const give = (v) => (v === null || v === undefined ? 'null' : stringify(encodeResult(v)));

  // A row of one column may be its value alone.
  const single = typeof result === 'object' && result.row !== undefined && result.row.length === 1;
  const toRow = (v) => {
    if (!single) return v === null || v === undefined ? result.row.map(() => null) : encodeResult(v);
    const [name, shape] = result.row[0];
    const isRow = typeof v === 'object' && v !== null && !isArray(v) && Object.hasOwn(v, name);
    const value = isRow ? v[name] : v;
    return [value === null || value === undefined ? null : encoder(shape)(value)];
  };
  const rows = (given) => {
    const found = [];
    if (given === null || given === undefined) return found;
    if (typeof given[Symbol.iterator] !== 'function' || typeof given === 'string') {
      throw new TypeError('a function that returns rows must be a generator or return an array, not ' + describe(given));
    }
    const iterator = given[Symbol.iterator]();
    for (;;) {
      const { done, value } = iterator.next();
      if (!done) found.push(toRow(value));
      else {
        if (value !== null && value !== undefined) for (const row of rows(value)) found.push(row);
        return found;
      }
    }
  };

  // States of aggregates between calls: JSON with tags for what JSON does not have.
  const tag = function (key, value) {
    const raw = this[key];
    if (typeof raw === 'bigint') return { $: 'n', v: String(raw) };
    if (typeof raw === 'number' && !Number.isFinite(raw)) return { $: 'f', v: String(raw) };
    if (raw instanceof Date) return { $: 'd', v: +raw };
    if (raw instanceof Map) return { $: 'm', v: [...raw] };
    if (raw instanceof Set) return { $: 's', v: [...raw] };
    if (raw instanceof Uint8Array) return { $: 'b', v: toHex(raw) };
    if (raw === undefined && !isArray(this)) return undefined;
    return value;
  };
  const untag = (key, value) => {
    if (typeof value !== 'object' || value === null) return value;
    switch (value.$) {
      case 'n': return BigInt(value.v);
      case 'f': return Number(value.v);
      case 'd': return new Date(value.v);
      case 'm': return new Map(value.v);
      case 's': return new Set(value.v);
      case 'b': return fromHex(value.v);
      default: return value;
    }
  };
  const pack = (state) => stringify({ s: state }, tag);
  const unpack = (packed) => parse(packed, untag).s;
  const next = (f, state, args) => {
    const changed = f(state, ...args);
    return changed === undefined ? state : changed;
  };
  const finished = (state) => give(exported.finish === undefined ? state : exported.finish(state));
  const main = exported[entry] ?? exported.default;
  let folded;
  return {
    functions: stringify(Object.keys(exported).filter((k) => typeof exported[k] === 'function')),
    call: (args) => give(main(...convert(parse(args)))),
    rows: (args) => stringify(rows(main(...convert(parse(args))))),
    create: () => pack(exported.create_state()),
    change: (packed, args, times) => {
      let state = unpack(packed);
      const f = times > 0 ? exported.accumulate : exported.retract;
      for (let n = Math.abs(times); n > 0; n--) state = next(f, state, convert(parse(args)));
      return pack(state);
    },
    finish: (packed) => finished(unpack(packed)),
    begin: () => { folded = exported.create_state(); },
    fold: (list) => { for (const args of parse(list)) folded = next(exported.accumulate, folded, convert(args)); },
    end: () => { const state = folded; folded = undefined; return finished(state); },
  };
}`;
