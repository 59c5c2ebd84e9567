/** SASL with PLAIN (RFC 4616) and SCRAM (RFC 5802) over Kafka's SaslAuthenticate. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { ShrikeError } from '../../../core/errors.ts';
import type { Api } from './api.ts';
import { brokerError } from './broker-errors.ts';
import type { SaslSettings } from './settings.ts';

/** Sends one request on the connection that is being authenticated. */
export type Call = <Q, A>(api: Api<Q, A>, request: Q) => Promise<A>;

const HANDSHAKE: Api<string, { readonly error: number; readonly offered: readonly string[] }> = {
  name: 'SaslHandshake',
  key: 17,
  version: 1,
  flexible: false,
  encode: (to, mechanism) => to.shortString(mechanism),
  decode: (from) => {
    const error = from.i16();
    return { error, offered: Array.from({ length: from.i32() }, () => from.shortString()) };
  },
};

interface Authenticated {
  readonly error: number;
  readonly message: string | null;
  readonly bytes: Buffer;
  /** After so long the broker wants to see the credentials again. 0: never. */
  readonly lifetimeMs: number;
}

const AUTHENTICATE: Api<Uint8Array, Authenticated> = {
  name: 'SaslAuthenticate',
  key: 36,
  version: 2,
  encode: (to, bytes) => to.bytesField(bytes).tags(),
  decode: (from) => ({
    error: from.i16(),
    message: from.nullableString(),
    bytes: from.bytesField(),
    lifetimeMs: from.i64(),
  }),
};

/** @returns for how long; 0: for ever. @throws KAFKA_AUTH_FAILED */
export async function authenticate(call: Call, sasl: SaslSettings): Promise<number> {
  const { error, offered } = await call(HANDSHAKE, sasl.mechanism);
  if (error !== 0) {
    throw failure(sasl, `the broker offers ${offered.join(', ') || 'no mechanism'}`);
  }
  const send = async (text: string): Promise<Authenticated> => {
    const answer = await call(AUTHENTICATE, Buffer.from(text, 'utf8'));
    if (answer.error === 0) return answer;
    throw failure(sasl, answer.message ?? brokerError(answer.error));
  };
  if (sasl.mechanism === 'PLAIN') {
    return (await send(`\0${sasl.username}\0${sasl.password}`)).lifetimeMs;
  }
  return scram(send, sasl);
}

async function scram(
  send: (text: string) => Promise<Authenticated>,
  sasl: SaslSettings,
): Promise<number> {
  const hash = sasl.mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512';
  const hmac = (key: Uint8Array, text: string) => createHmac(hash, key).update(text).digest();
  const nonce = randomBytes(24).toString('base64url');
  const user = sasl.username.replaceAll('=', '=3D').replaceAll(',', '=2C');
  const clientFirst = `n=${user},r=${nonce}`;
  const serverFirst = (await send(`n,,${clientFirst}`)).bytes.toString('utf8');
  const said = attributes(serverFirst);
  const [serverNonce, salt, iterations] = [said.get('r'), said.get('s'), Number(said.get('i'))];
  // Fewer than 4,096 rounds would make the password cheap to guess for whoever poses as the broker.
  if (!serverNonce?.startsWith(nonce) || salt === undefined || !(iterations >= 4096)) {
    throw failure(sasl, 'the answer of the broker is no SCRAM challenge');
  }
  const length = hash === 'sha256' ? 32 : 64;
  const salted = await promisify(pbkdf2)(
    sasl.password.normalize('NFKC'),
    Buffer.from(salt, 'base64'),
    iterations,
    length,
    hash,
  );
  const clientKey = hmac(salted, 'Client Key');
  const storedKey = createHash(hash).update(clientKey).digest();
  const withoutProof = `c=biws,r=${serverNonce}`;
  const transcript = `${clientFirst},${serverFirst},${withoutProof}`;
  const signature = hmac(storedKey, transcript);
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] as number)));
  const final = await send(`${withoutProof},p=${proof.toString('base64')}`);
  const verifier = attributes(final.bytes.toString('utf8')).get('v') ?? '';
  const expected = hmac(hmac(salted, 'Server Key'), transcript);
  const shown = Buffer.from(verifier, 'base64');
  if (shown.byteLength !== expected.byteLength || !timingSafeEqual(shown, expected)) {
    throw failure(sasl, 'the broker does not know the password: is it the right one?');
  }
  return final.lifetimeMs;
}

function attributes(text: string): ReadonlyMap<string, string> {
  return new Map(text.split(',').map((part) => [part.slice(0, 1), part.slice(2)] as const));
}

function failure({ mechanism, username }: SaslSettings, reason: string): ShrikeError {
  const message = `authentication of ${username} by ${mechanism} failed: ${reason}`;
  return new ShrikeError('KAFKA_AUTH_FAILED', message);
}
