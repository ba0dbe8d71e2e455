/** Certificates and keys as options give them: the PEM text itself, or the path of a file. */
import { readFileSync } from 'node:fs';
import { SqlError } from '../../common/sqlError.ts';

/** The PEM text that the option stands for; undefined: not given. 58P01 for a file that cannot be read. */
export function pemOption(options: ReadonlyMap<string, string>, name: string): string | undefined {
  const value = options.get(name);
  if (value === undefined || value.trimStart().startsWith('-----BEGIN')) return value;
  try {
    return readFileSync(value, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new SqlError('58P01', `cannot read the file of option "${name}": ${code}`, {
      hint: 'Give PEM text, or the path of a file that the server can read.',
    });
  }
}
