/** How a sink or lookup table reaches its relation in PostgreSQL: options in WITH (...). */
import type { OptionSpec } from '../connector.ts';
import { postgresTlsOptions } from './tls.ts';

/** `user`: what the user does there; `table`: which table it is; `request`: what may take so long, and how long by default. */
export function placeOptions(
  user: string,
  table: string,
  request: { readonly what: string; readonly millis: number },
): readonly OptionSpec[] {
  return [
    { name: 'host', type: 'string', alterable: true, required: true, doc: 'Host of the PostgreSQL server.' },
    { name: 'port', type: 'integer', alterable: true, default: '5432', doc: 'Its port.' },
    { name: 'user', type: 'string', alterable: true, required: true, doc: user },
    {
      name: 'password',
      type: 'string',
      secret: true,
      alterable: true,
      doc: 'Password of the user, where the server asks for one.',
    },
    { name: 'database', type: 'string', required: true, doc: 'Database of the table.' },
    { name: 'schema', type: 'string', default: 'public', doc: 'Schema of the table.' },
    { name: 'table', type: 'string', required: true, doc: table },
    ...postgresTlsOptions(true),
    {
      name: 'connect.timeout.ms',
      type: 'integer',
      alterable: true,
      default: '10000',
      doc: 'How long connecting may take.',
    },
    {
      name: 'request.timeout.ms',
      type: 'integer',
      alterable: true,
      default: String(request.millis),
      doc: `How long ${request.what} may take.`,
    },
  ];
}
