/** Random queries over two small tables, from a seed: what a query means must not depend on who runs it or when. */

export interface Random {
  /** Uniform integer in [0, n). */
  below(n: number): number;
  pick<T>(items: readonly T[]): T;
  chance(percent: number): boolean;
}

/** A small generator with a seed (mulberry32). */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return {
    below,
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
    chance: (percent) => next() * 100 < percent,
  };
}

export const schema: readonly string[] = [
  'CREATE TABLE r (id int PRIMARY KEY, a int, b int, s text, n numeric)',
  'CREATE TABLE q (id int PRIMARY KEY, a int, b int, s text, n numeric)',
];

function literalInt(g: Random): string {
  return g.chance(15) ? 'NULL' : String(g.below(5) - 1);
}

function row(g: Random, id: number): string {
  const s = g.chance(20) ? 'NULL' : `'${g.pick(['', 'x', 'y', 'xy', 'Z'])}'`;
  const n = g.chance(20) ? 'NULL' : g.pick(['0', '1.5', '-2.25', '1.50', '10', '3']);
  return `(${id}, ${literalInt(g)}, ${literalInt(g)}, ${s}, ${n})`;
}

/** Inserts, updates and deletes that both servers understand alike. */
export function changes(g: Random, step: number): readonly string[] {
  const table = (): string => g.pick(['r', 'q']);
  const insert = (t: string, k: number): string =>
    `INSERT INTO ${t} VALUES ${Array.from({ length: 3 + g.below(5) }, (_, i) => row(g, step * 100 + k * 20 + i)).join(', ')}`;
  const found = [insert('r', 0), insert('q', 1)];
  if (step > 0) {
    found.push(
      `UPDATE ${table()} SET a = b, n = n * 2 WHERE ${g.pick(['a = 1', 'b IS NULL', "s = 'x'", 'id % 3 = 0'])}`,
    );
    found.push(
      `UPDATE ${table()} SET b = COALESCE(a, 0) + 1, s = s || 'x' WHERE ${g.pick(['a = 2', 'id % 4 = 1', 'n > 1'])}`,
    );
    found.push(
      `DELETE FROM ${table()} WHERE ${g.pick(['a = 0', 'id % 5 = 2', 'n IS NULL', "s = ''", 'b > 2'])}`,
    );
  }
  return found;
}

/** Columns that may be named, with the alias in front. */
interface Scope {
  readonly ints: readonly string[];
  readonly texts: readonly string[];
  readonly numbers: readonly string[];
}

function scopeOf(alias: string): Scope {
  return {
    ints: [`${alias}.a`, `${alias}.b`, `${alias}.id`],
    texts: [`${alias}.s`],
    numbers: [`${alias}.n`],
  };
}

function merge(x: Scope, y: Scope): Scope {
  return {
    ints: [...x.ints, ...y.ints],
    texts: [...x.texts, ...y.texts],
    numbers: [...x.numbers, ...y.numbers],
  };
}

function intExpr(g: Random, scope: Scope, depth = 2): string {
  if (depth === 0 || g.chance(45)) return g.chance(75) ? g.pick(scope.ints) : String(g.below(5));
  const sub = (): string => intExpr(g, scope, depth - 1);
  switch (g.below(6)) {
    case 0:
      return `(${sub()} ${g.pick(['+', '-', '*'])} ${sub()})`;
    case 1:
      return `COALESCE(${sub()}, ${sub()})`;
    case 2:
      return `CASE WHEN ${predicate(g, scope, depth - 1)} THEN ${sub()} ELSE ${sub()} END`;
    case 3:
      return `length(${g.pick(scope.texts)})`;
    case 4:
      return `NULLIF(${sub()}, ${sub()})`;
    default:
      return `abs(${sub()})`;
  }
}

function predicate(g: Random, scope: Scope, depth = 2): string {
  const compare = g.pick(['=', '<', '>', '<=', '<>', 'IS DISTINCT FROM']);
  if (depth > 0 && g.chance(35)) {
    const left = predicate(g, scope, depth - 1);
    return g.chance(20)
      ? `NOT (${left})`
      : `(${left} ${g.pick(['AND', 'OR'])} ${predicate(g, scope, depth - 1)})`;
  }
  switch (g.below(7)) {
    case 0:
      return `${g.pick(scope.ints)} IS ${g.chance(50) ? 'NOT ' : ''}NULL`;
    case 1:
      return `${g.pick(scope.texts)} ${g.pick(['=', '<', 'LIKE'])} ${g.pick(["'x'", "'%y'", "''", "'x%'"])}`;
    case 2:
      return `${intExpr(g, scope, 1)} ${g.chance(30) ? 'NOT ' : ''}IN (${g.below(4)}, ${g.below(4)}${g.chance(20) ? ', NULL' : ''})`;
    case 3:
      return `${g.pick(scope.numbers)} ${compare} ${g.pick(['1.5', '0', '3'])}`;
    case 4:
      return `${intExpr(g, scope, 1)} BETWEEN ${g.below(3)} AND ${g.below(5)}`;
    default:
      return `${intExpr(g, scope, 1)} ${compare} ${intExpr(g, scope, 1)}`;
  }
}

/** A condition with a subquery, correlated or not. */
function subqueryPredicate(g: Random, scope: Scope, name: string): string {
  const table = g.pick(['r', 'q']);
  const inner = scopeOf(name);
  const where = g.chance(60)
    ? ` WHERE ${g.chance(60) ? predicate(g, merge(scope, inner), 1) : predicate(g, inner, 1)}`
    : '';
  const correlated = `${g.pick(inner.ints)} = ${g.pick(scope.ints)}`;
  switch (g.below(5)) {
    case 0:
      return `${g.chance(50) ? 'NOT ' : ''}EXISTS (SELECT 1 FROM ${table} ${name} WHERE ${correlated}${where.replace(' WHERE ', ' AND ')})`;
    case 1:
      return `${g.pick(scope.ints)} ${g.chance(50) ? 'NOT ' : ''}IN (SELECT ${g.pick(inner.ints)} FROM ${table} ${name}${where})`;
    case 2:
      return `${g.pick(scope.ints)} ${g.pick(['=', '<', '>='])} (SELECT ${g.pick(['max', 'min', 'count'])}(${g.pick(inner.ints)}) FROM ${table} ${name}${where})`;
    case 3:
      return `${g.pick(scope.ints)} ${g.pick(['= ANY', '> ALL', '<> ALL', '< ANY'])} (SELECT ${g.pick(inner.ints)} FROM ${table} ${name}${where})`;
    default:
      return `(SELECT count(*) FROM ${table} ${name} WHERE ${correlated}) ${g.pick(['=', '>', '<='])} ${g.below(3)}`;
  }
}

interface From {
  readonly text: string;
  readonly scope: Scope;
}

/** Derived tables keep the columns of a base table, so that every alias has the same scope. */
function relation(g: Random, alias: string, depth: number): string {
  const table = g.pick(['r', 'q']);
  if (depth === 0 || g.chance(70)) return `${table} ${alias}`;
  const inner = scopeOf('i');
  switch (g.below(4)) {
    case 0:
      return `(SELECT id, a, b, s, n FROM ${table} i WHERE ${predicate(g, inner, 1)}) ${alias}`;
    case 1:
      return `(SELECT a AS id, a, sum(b)::int AS b, max(s) AS s, sum(n) AS n FROM ${table} GROUP BY a) ${alias}`;
    case 2:
      return `(SELECT id, a, b, s, n FROM r ${g.pick(['UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT', 'EXCEPT ALL'])} SELECT id % 50, b, a, s, n FROM q) ${alias}`;
    default:
      return `(SELECT id, a, b, s, n FROM ${table} i ORDER BY ${g.pick(['a', 'b', 's'])} ${g.pick(['DESC', 'NULLS FIRST'])}, id LIMIT ${1 + g.below(6)}) ${alias}`;
  }
}

function from(g: Random): From {
  let text = relation(g, 'x', 1);
  let scope = scopeOf('x');
  for (const alias of ['y', 'z'].slice(0, g.pick([0, 1, 1, 2]))) {
    const right = scopeOf(alias);
    const both = merge(scope, right);
    const equal = `${g.pick(scope.ints)} = ${g.pick(right.ints)}`;
    const kind = g.pick(['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN', 'CROSS JOIN', 'LATERAL']);
    if (kind === 'CROSS JOIN')
      text += ` CROSS JOIN (SELECT * FROM ${g.pick(['r', 'q'])} WHERE id % 100 < 3) ${alias}`;
    else if (kind === 'LATERAL') {
      const inner = scopeOf('l');
      const limit = g.chance(50) ? ` ORDER BY l.b NULLS LAST, l.id LIMIT ${1 + g.below(2)}` : '';
      text += ` ${g.pick(['JOIN', 'LEFT JOIN'])} LATERAL (SELECT * FROM ${g.pick(['r', 'q'])} l WHERE ${g.pick(inner.ints)} = ${g.pick(scope.ints)}${limit}) ${alias} ON true`;
    } else {
      // PostgreSQL has full joins only where the condition can be hashed or merged.
      const extra =
        kind === 'FULL JOIN'
          ? ` AND ${g.pick(scope.ints)} = ${g.pick(right.ints)}`
          : ` AND ${predicate(g, both, 1)}`;
      text += ` ${kind} ${relation(g, alias, 1)} ON ${equal}${g.chance(40) ? extra : ''}`;
    }
    scope = both;
  }
  return { text, scope };
}

function aggregate(g: Random, scope: Scope): string {
  const filter = g.chance(25) ? ` FILTER (WHERE ${predicate(g, scope, 1)})` : '';
  switch (g.below(8)) {
    case 0:
      return `count(*)${filter}`;
    case 1:
      return `count(DISTINCT ${g.pick([...scope.ints, ...scope.texts])})${filter}`;
    case 2:
      return `${g.pick(['sum', 'avg'])}(${g.chance(50) ? g.pick(scope.numbers) : intExpr(g, scope, 1)})${filter}`;
    case 3: {
      const text = g.pick(scope.texts);
      return `string_agg(${text}, ',' ORDER BY ${text})${filter}`;
    }
    case 4: {
      const int = g.pick(scope.ints);
      return `array_agg(${int} ORDER BY ${int})`;
    }
    case 5:
      return `bool_${g.pick(['and', 'or'])}(${predicate(g, scope, 1)})`;
    default:
      return `${g.pick(['min', 'max'])}(${g.pick([...scope.ints, ...scope.texts, ...scope.numbers])})${filter}`;
  }
}

function windowCall(g: Random, scope: Scope, keys: string): string {
  const partition = g.chance(60) ? `PARTITION BY ${g.pick(scope.ints)} ` : '';
  const order = `ORDER BY ${g.pick(scope.ints)}${g.chance(30) ? ' DESC' : ''}, ${keys}`;
  const over = `OVER (${partition}${order})`;
  switch (g.below(5)) {
    case 0:
      return `row_number() ${over}`;
    case 1:
      return `${g.pick(['lag', 'lead'])}(${g.pick(scope.ints)}) ${over}`;
    case 2:
      return `sum(${g.pick(scope.ints)}) OVER (${partition}${order} ROWS BETWEEN ${g.pick(['UNBOUNDED', '1'])} PRECEDING AND ${g.pick(['CURRENT ROW', '1 FOLLOWING'])})`;
    case 3:
      return `${g.pick(['rank', 'dense_rank'])}() OVER (${partition}ORDER BY ${g.pick(scope.ints)})`;
    default:
      return `${g.pick(['count', 'max', 'min'])}(${g.pick(scope.ints)}) OVER (${partition}ORDER BY ${g.pick(scope.ints)})`;
  }
}

/** A whole query. */
export function query(g: Random): string {
  const { text, scope } = from(g);
  const conditions: string[] = [];
  if (g.chance(50)) conditions.push(predicate(g, scope));
  if (g.chance(35)) conditions.push(subqueryPredicate(g, scope, 'u'));
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(g.chance(80) ? ' AND ' : ' OR ')}`;
  const columns = [...scope.ints, ...scope.texts, ...scope.numbers];
  // Every column in a total order: rows that tie there are the same row.
  const total = columns.map((c) => `${c} NULLS FIRST`).join(', ');
  if (g.chance(40)) {
    const keys = [
      g.pick(scope.ints),
      g.chance(50) ? g.pick(scope.texts) : `${intExpr(g, scope, 1)} + 0`,
    ].slice(0, 1 + g.below(2));
    const having = g.chance(30)
      ? ` HAVING ${g.pick(['count(*) > 1', `max(${g.pick(scope.ints)}) > 1`, `min(${g.pick(scope.texts)}) IS NOT NULL`])}`
      : '';
    const calls = Array.from({ length: 1 + g.below(3) }, () => aggregate(g, scope));
    if (g.chance(20)) return `SELECT ${calls.join(', ')} FROM ${text}${where}`;
    const sets = g.chance(15) && keys.length === 2 ? `ROLLUP (${keys.join(', ')})` : keys.join(', ');
    return `SELECT ${[...keys, ...calls].join(', ')} FROM ${text}${where} GROUP BY ${sets}${having}`;
  }
  const items = Array.from({ length: 1 + g.below(3) }, () =>
    g.chance(60) ? g.pick(columns) : intExpr(g, scope),
  );
  if (g.chance(20))
    items.push(
      `(SELECT ${g.pick(['max', 'min', 'sum', 'count'])}(w.a) FROM ${g.pick(['r', 'q'])} w WHERE w.b = ${g.pick(scope.ints)})`,
    );
  if (g.chance(25))
    return `SELECT ${[...items, windowCall(g, scope, total)].join(', ')} FROM ${text}${where}`;
  const distinct = g.chance(20) ? 'DISTINCT ' : '';
  if (distinct === '' && g.chance(20)) {
    return `SELECT ${items.join(', ')} FROM ${text}${where} ORDER BY ${g.pick(scope.ints)} DESC NULLS LAST, ${total} LIMIT ${1 + g.below(5)}${g.chance(40) ? ` OFFSET ${g.below(3)}` : ''}`;
  }
  const list = `SELECT ${distinct}${items.join(', ')} FROM ${text}${where}`;
  return list;
}
