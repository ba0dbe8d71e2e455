/** Who may post: a bearer token, or the HMAC of the body. Compared in constant time; never a secret in an answer. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

type Options = ReadonlyMap<string, string>;

/** Equal, in a time that does not tell how much of it is. */
function same(given: string, expected: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name.toLowerCase()];
  return typeof value === 'string' ? value : (value?.[0] ?? null);
}

/** Why a request is refused for its token, before its body is read; null: it is not. */
export function tokenRefusal(options: Options, headers: IncomingHttpHeaders): string | null {
  const token = options.get('token');
  if (token === undefined) return null;
  const given = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (given === undefined) return 'the header Authorization: Bearer is missing';
  return same(given, token) ? null : 'the token is wrong';
}

/** Why a request is refused for its signature; null: it is not. `nowSeconds`: the wall clock. */
export function signatureRefusal(
  options: Options,
  headers: IncomingHttpHeaders,
  body: Uint8Array,
  nowSeconds: number,
): string | null {
  const secret = options.get('hmac.secret');
  if (secret === undefined) return null;
  const name = options.get('hmac.header') ?? '';
  const given = headerOf(headers, name);
  if (given === null) return `the header ${name} is missing`;
  const algorithm = options.get('hmac.algorithm') ?? 'sha256';
  const encoding = options.get('hmac.encoding') === 'base64' ? 'base64' : 'hex';
  const signed = (...parts: readonly (string | Uint8Array)[]): string => {
    const hmac = createHmac(algorithm, secret);
    for (const part of parts) hmac.update(part);
    return hmac.digest(encoding);
  };
  if (options.get('hmac.scheme') === 'stripe') {
    return stripeRefusal(given, Number(options.get('hmac.tolerance.sec')), nowSeconds, (time) =>
      signed(`${time}.`, body),
    );
  }
  const bare = given.startsWith(`${algorithm}=`) ? given.slice(algorithm.length + 1) : given;
  const shown = encoding === 'hex' ? bare.toLowerCase() : bare;
  return same(shown, signed(body)) ? null : `the signature in ${name} is wrong`;
}

/** `t=<seconds>,v1=<hmac>[,v1=<hmac>]`. */
function stripeRefusal(
  header: string,
  tolerance: number,
  nowSeconds: number,
  expected: (time: string) => string,
): string | null {
  const parts = header.split(',').map((part) => part.trim().split('=', 2));
  const time = parts.find(([key]) => key === 't')?.[1] ?? '';
  if (!/^\d{1,12}$/.test(time)) return 'the signature has no time';
  if (Math.abs(Number(time) - nowSeconds) > tolerance) return 'the signature is too old';
  const right = expected(time);
  const found = parts.filter(([key]) => key === 'v1').map(([, value]) => same(value ?? '', right));
  return found.includes(true) ? null : 'the signature is wrong';
}
