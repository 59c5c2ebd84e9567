/** Who may ask: this machine's names, and the token for what changes or reveals (A1, A2). */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { ShrikeError } from '../core/errors.ts';

export const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

const LOOPBACK = new Set(['localhost', '127.0.0.1', '::1']);

/** `[::1]:80`, `example.org:80`, `10.0.0.1` -> the name alone, lower case; '' for none. */
function hostName(header: string | undefined): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header ?? '');
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase();
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '';
}

/**
 * DNS rebinding: a page of the attacker's site makes its own name point to this machine; the Host
 * header then still holds that name. So names count, and an address is safe: bound to every
 * address, any literal one is answered (a probe names the pod's).
 */
export function hostCheck(bound: string, names: readonly string[]): (header?: string) => void {
  const allowed = new Set([...LOOPBACK, ...[bound, ...names].map((name) => name.toLowerCase())]);
  return (header) => {
    const name = hostName(header);
    if ((name !== '' && allowed.has(name)) || (isWildcard(bound) && isIP(name) !== 0)) return;
    throw new ShrikeError(
      'API_HOST_REFUSED',
      `the Host header ${JSON.stringify(header ?? '')} does not name this machine`,
    );
  };
}

/** Compares digests, so that neither time nor length tells anything about the token. */
export function tokenCheck(token: string): (authorization?: string) => void {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(token);
  return (authorization) => {
    const given = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), wanted)) return;
    throw new ShrikeError(
      'API_TOKEN_WRONG',
      given === undefined ? 'this path needs a bearer token' : 'the bearer token is not right',
    );
  };
}
