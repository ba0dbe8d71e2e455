/** Keyed digests and their comparison, as they are checked of messages: hmac, secure_compare. */
import { createHmac } from 'node:crypto';
import type { ScalarFunction } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';

const algorithms = ['sha1', 'sha256', 'sha512'];

function keyedDigest(
  secret: string | Uint8Array,
  payload: string | Uint8Array,
  algorithm: string,
): Uint8Array {
  const name = algorithm.toLowerCase();
  if (!algorithms.includes(name)) {
    throw new SqlError('22023', `unsupported algorithm: "${algorithm}"`, {
      hint: 'The algorithms are sha1, sha256 and sha512.',
    });
  }
  return new Uint8Array(createHmac(name, secret).update(payload).digest());
}

const digestOfAbc = '\\x9c196e32dc0175f86f4b1cb89289d6619de6bee699e4c378e68309ed97a1a6ab';

export const authenticationFunctions: readonly ScalarFunction[] = [
  scalar({
    name: 'hmac',
    args: ['text', 'bytea', 'text'],
    returns: 'bytea',
    doc: 'Keyed digest of a binary string: secret, payload, algorithm (sha1, sha256 or sha512).',
    examples: [["hmac('key', 'abc'::bytea, 'sha256')", digestOfAbc]],
    evaluate: keyedDigest,
  }),
  scalar({
    name: 'hmac',
    args: ['text', 'text', 'text'],
    returns: 'bytea',
    doc: 'Keyed digest of a text: secret, payload, algorithm (sha1, sha256 or sha512).',
    examples: [["hmac('key', 'abc'::text, 'sha256')", digestOfAbc]],
    evaluate: keyedDigest,
  }),
  scalar({
    name: 'hmac',
    args: ['bytea', 'bytea', 'text'],
    returns: 'bytea',
    doc: 'Keyed digest of a binary string under a binary secret.',
    examples: [["hmac(decode('6b6579', 'hex'), 'abc'::bytea, 'sha256')", digestOfAbc]],
    evaluate: keyedDigest,
  }),
  scalar({
    name: 'secure_compare',
    args: ['text', 'text'],
    returns: 'bool',
    infallible: true,
    doc: 'Equality in a time that does not depend on where the texts differ.',
    examples: [["secure_compare('abc', 'abc')", 't']],
    evaluate: (a, b) => {
      const x = Buffer.from(a);
      const y = Buffer.from(b);
      let difference = x.length ^ y.length;
      for (let i = 0; i < x.length; i++) difference |= (x[i] ?? 0) ^ (y[i] ?? 0);
      return difference === 0;
    },
  }),
];
