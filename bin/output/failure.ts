/** Failures of the command line in one line: what the user can act on, without a stack. */
import { SqlError } from '../../common/sqlError.ts';

interface SocketError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
}

/** One line for an error that ends a command. */
export function failureText(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return failureText(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const { code, address, port } = error as SocketError;
  const where = `${address ?? ''}:${port ?? ''}`;
  switch (code) {
    case 'EADDRINUSE':
      return `port in use: ${where}`;
    case 'EADDRNOTAVAIL':
      return `not an address of this machine: ${where}`;
    case 'ECONNREFUSED':
      return `no server answers at ${where}`;
    case 'ENOENT':
    case 'EACCES':
    case 'EROFS':
    case 'EISDIR':
      return error.message.replace(/\n.*/s, '');
    default:
      if (error instanceof SqlError && error.state === 'XX001') {
        return [`${error.message}.`, error.detail, error.hint].filter((part) => part !== undefined).join(' ');
      }
      return error.message.replace(/\s*\n\s*/g, ' ');
  }
}
