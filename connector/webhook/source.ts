/**
 * The `webhook` connector: a table that takes rows by HTTP. Nothing is read here: requests come to the server's HTTP side
 * (server/webhook), which writes their rows when they come. So its reader never has anything.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { OptionSpec, SourceConnector, SourceReader } from '../connector.ts';

const options: readonly OptionSpec[] = [
  {
    name: 'auth',
    type: 'string',
    choices: ['none'],
    doc: "'none': whoever can reach the HTTP port may write. Needed when there is neither `token` nor `hmac.secret` nor VALIDATE.",
  },
  {
    name: 'token',
    type: 'string',
    secret: true,
    doc: 'Requests must have the header `Authorization: Bearer <token>`.',
  },
  {
    name: 'hmac.secret',
    type: 'string',
    secret: true,
    doc: 'Requests must have a header with the HMAC of their body under this secret.',
  },
  {
    name: 'hmac.header',
    type: 'string',
    default: 'X-Hub-Signature-256',
    doc: 'The header that holds the HMAC; a prefix such as `sha256=` is passed over.',
  },
  {
    name: 'hmac.algorithm',
    type: 'string',
    default: 'sha256',
    choices: ['sha1', 'sha256', 'sha512'],
    doc: 'Hash function of the HMAC.',
  },
  {
    name: 'hmac.encoding',
    type: 'string',
    default: 'hex',
    choices: ['hex', 'base64'],
    doc: 'How the header writes the HMAC.',
  },
  {
    name: 'hmac.scheme',
    type: 'string',
    default: 'body',
    choices: ['body', 'stripe'],
    doc: 'What is signed: the body, or as Stripe does its time, a point and the body (the header is then `t=<seconds>,v1=<hmac>`).',
  },
  {
    name: 'hmac.tolerance.sec',
    type: 'integer',
    default: '300',
    doc: "How far the time of a signature of scheme 'stripe' may be from the server's.",
  },
  {
    name: 'max.body.bytes',
    type: 'integer',
    default: '16777216',
    doc: 'Larger bodies, also when unpacked, are answered with 413.',
  },
  {
    name: 'idempotency.retention.sec',
    type: 'integer',
    default: '86400',
    doc: 'How long an Idempotency-Key is remembered.',
  },
];

const NEVER: SourceReader = { poll: () => null, nextPollMicros: () => null, close: () => {} };

/** Who may write must be said. `validated`: by the statement, too. */
function checkAccess(options: ReadonlyMap<string, string>, validated: boolean): void {
  const guarded = validated || options.has('token') || options.has('hmac.secret');
  if (guarded && options.has('auth')) {
    const what = validated ? 'VALIDATE' : 'a token or secret';
    throw new SqlError('22023', `option "auth" is 'none' although ${what} is given`);
  }
  for (const name of ['token', 'hmac.secret']) {
    if (options.get(name) === '') throw new SqlError('22023', `option "${name}" is empty`);
  }
  if (guarded || options.has('auth')) return;
  throw new SqlError(
    '22023',
    'connector webhook needs VALIDATE, or the option "token", "hmac.secret" or "auth"',
    {
      hint: "auth = 'none' lets everybody write who can reach the HTTP port.",
    },
  );
}

export const webhook: SourceConnector = {
  name: 'webhook',
  doc: 'A table that takes rows by HTTP POST to /webhook/<database>/<schema>/<table>.',
  options,
  formats: ['NATIVE', 'PLAIN JSON'],
  appendOnly: true,
  tablesOnly: true,
  fixedColumns: () => null,
  open(config) {
    checkAccess(config.options, config.validated === true);
    return NEVER;
  },
  currentEnd: () => null,
};
