/** Certificates for servers and clients of tests, made with openssl: authorities, and what they sign. Everything is PEM (keys: PKCS#8). */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface IssuedCertificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface CertificateOptions {
  /** Names and addresses as openssl writes them; default: localhost and 127.0.0.1. */
  readonly names?: string;
  readonly expired?: boolean;
  /** Encrypts the key. */
  readonly keyPassword?: string;
}

export interface Authority {
  readonly caFile: string;
  issue(name: string, options?: CertificateOptions): IssuedCertificate;
}

const LOCAL_NAMES = 'DNS:localhost,IP:127.0.0.1';
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

function openssl(args: readonly string[]): void {
  const done = spawnSync('openssl', args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`openssl ${args[0]} failed: ${done.stderr}`);
}

/** An authority of its own; `name` names its files in the directory and itself. */
export function makeAuthority(directory: string, name: string): Authority {
  const [caFile, caKey] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)];
  openssl([
    ...['req', '-x509', ...KEY, '-nodes', '-days', '3650', '-keyout', caKey, '-out', caFile],
    ...['-subj', `/CN=${name}`, '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ]);
  return {
    caFile,
    issue(subject, { names = LOCAL_NAMES, expired = false, keyPassword } = {}) {
      const file = (ending: string): string => join(directory, `${name}-${subject}.${ending}`);
      const [certificateFile, keyFile, request] = [file('pem'), file('key'), file('csr')];
      const password = keyPassword === undefined ? ['-nodes'] : ['-passout', `pass:${keyPassword}`];
      openssl(['req', ...KEY, ...password, '-keyout', keyFile, '-out', request, '-subj', `/CN=${subject}`]);
      writeFileSync(file('ext'), `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`);
      openssl([
        ...['x509', '-req', '-in', request, '-CA', caFile, '-CAkey', caKey, '-CAcreateserial'],
        ...['-days', expired ? '-1' : '3650', '-extfile', file('ext'), '-out', certificateFile],
      ]);
      return { certificateFile, keyFile };
    },
  };
}

/** Text of a file. */
export const pemText = (file: string): string => readFileSync(file, 'utf8');
