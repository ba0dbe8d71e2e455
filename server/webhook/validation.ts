/**
 * VALIDATE [SECRET name] AS expression: a table says of each request whether it is to be taken. The expression is over one row: the
 * headers as jsonb, with their names in lower case; the body as it came (bytea), under the name `payload` and that of the table's only
 * column; and the secret under its own name. It is computed when the body is there and before anything of it is looked at.
 *
 * Invariant: only what is true passes. The secret's value is asked for at each request, so that ALTER SECRET takes effect at once, and
 * nothing of it gets into an answer: of an expression that fails only its SQLSTATE is told.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Column, Schema } from '../../common/dataType.ts';
import { types } from '../../common/dataType.ts';
import { Jsonb } from '../../common/jsonb.ts';
import { jsonObject } from '../../common/jsonText.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import { compileScalar } from '../../executor/codegen/evaluate.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { Validation } from '../../parser/ast/statement.ts';
import { bindOverRow } from '../../planner/bind/bind.ts';
import { coerceBoolean } from '../../planner/bind/coerce.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { hasSubquery, volatilityOf } from '../../planner/plan/scalars.ts';
import { fixedSession, maintainedEvalContext } from '../evalContext.ts';
import { bindEnvironment } from '../planning.ts';
import { secretsFor } from '../secrets/optionValues.ts';
import type { SecretObject } from '../secrets/secrets.ts';
import type { StatementContext } from '../statements/statement.ts';

export interface WebhookRequest {
  readonly headers: IncomingHttpHeaders;
  /** As it came: still packed. */
  readonly body: Uint8Array;
}

export interface RequestValidation {
  /** Why the request is refused; null: it is not. */
  refusal(request: WebhookRequest): string | null;
}

const CLAUSE = 'VALIDATE';
const HEADERS = 'headers';
const PAYLOAD = 'payload';

interface Names {
  readonly schema: Schema;
  readonly secret: SecretObject | null;
  /** How many columns are the body. */
  readonly bodies: number;
}

/** What the expression can name. */
function namesOf({ secret }: Validation, columns: readonly Column[], context: StatementContext): Names {
  const [only, ...others] = columns;
  const own = only === undefined || others.length > 0 ? [] : [only.name];
  const bodies = [PAYLOAD, ...own.filter((name) => name !== HEADERS && name !== PAYLOAD)];
  const found = secret?.value.kind === 'secret' ? secretsFor(context).secret(secret.value.name) : null;
  const column = (name: string, type: Column['type']): Column => ({ name, type, nullable: true });
  const schema = [
    column(HEADERS, types.jsonb),
    ...bodies.map((name) => column(name, types.bytea)),
    ...(found === null ? [] : [column(found.name, types.text)]),
  ];
  return { schema, secret: found, bodies: bodies.length };
}

function withNames(error: unknown, { schema }: Names): unknown {
  if (!(error instanceof SqlError) || error.state !== '42703' || error.hint !== undefined) return error;
  const { state, message, position, detail } = error;
  const names = schema.map((c) => c.name).join(', ');
  const hint = `${CLAUSE} is over ${names}.`;
  return new SqlError(state, message, {
    hint,
    ...(position === undefined ? {} : { position }),
    ...(detail === undefined ? {} : { detail }),
  });
}

function bound(expr: Expr, names: Names, context: StatementContext): Scalar {
  const position = expr.span.start;
  const used = new Set<number>();
  const env = { ...bindEnvironment(context), used };
  let scalar: Scalar;
  try {
    scalar = coerceBoolean(bindOverRow(expr, '', names.schema, env, CLAUSE), CLAUSE, env);
  } catch (error) {
    throw withNames(error, names);
  }
  if (hasSubquery(scalar)) throw new SqlError('0A000', `cannot use subquery in ${CLAUSE}`, { position });
  if (used.size > 0) throw unsupported(`a user-defined function in ${CLAUSE}`, position);
  if (volatilityOf(scalar) === 'volatile') throw unsupported(`a volatile function in ${CLAUSE}`, position);
  return scalar;
}

/** Names in lower case; several of one name are one, as HTTP has it. */
function headersAsJson(headers: IncomingHttpHeaders): Jsonb {
  const fields = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, typeof value === 'string' ? value : value.join(', ')]],
  );
  return new Jsonb(jsonObject(fields));
}

/** The clause of a table with these columns, those of generated values left out. Throws SqlError where it makes no sense. */
export function bindValidation(
  validation: Validation,
  columns: readonly Column[],
  context: StatementContext,
): RequestValidation {
  const { database } = context;
  const names = namesOf(validation, columns, context);
  const compute = compileScalar(bound(validation.expr, names, context));
  const clock = (): bigint => database.environment.serverClock.system();
  const session = fixedSession(database.catalog.database);
  const evaluation = maintainedEvalContext(
    database.environment,
    context.settings.value('timezone'),
    clock,
    session,
  );
  return {
    refusal({ headers, body }) {
      const bodies = Array.from({ length: names.bodies }, () => body);
      const secret = names.secret === null ? [] : [names.secret.value];
      const row: Row = [headersAsJson(headers), ...bodies, ...secret];
      try {
        const passes = compute(evaluation, row);
        if (passes === true) return null;
        return `${CLAUSE} refuses the request: it is ${passes === null ? 'NULL' : 'false'}`;
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        return `${CLAUSE} refuses the request: it fails with SQLSTATE ${error.state}`;
      }
    },
  };
}
