/** Connection settings out of the configuration; secrets come from files or the environment. */
import { readFileSync } from 'node:fs';
import type { Config } from '../../core/config.ts';
import { ShrikeError } from '../../core/errors.ts';
import type { HostPort, KafkaSettings, SaslSettings, TlsSettings } from './wire/settings.ts';

export interface KafkaSettingsInput {
  readonly kafka: Config['kafka'];
  /** How the brokers' logs and quotas name this program. */
  readonly clientId: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** @throws CONFIG_INVALID */
export function kafkaSettings({ kafka, clientId, env }: KafkaSettingsInput): KafkaSettings {
  const bootstrap = kafka.bootstrap.split(',').map((one) => hostPort(one.trim()));
  return { bootstrap, clientId, tls: tls(kafka.tls), sasl: sasl(kafka.sasl, env) };
}

function hostPort(text: string): HostPort {
  const [, host, port] = /^\[?([^[\]]+?)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (host !== undefined && Number(port) > 0 && Number(port) < 65_536) {
    return { host, port: Number(port) };
  }
  throw new ShrikeError('CONFIG_INVALID', `kafka.bootstrap: "${text}" is no host:port`);
}

function tls({ enabled, caFile, certFile, keyFile }: Config['kafka']['tls']) {
  if (!enabled) return undefined;
  if ((certFile === '') !== (keyFile === '')) {
    const message = 'kafka.tls: certFile and keyFile go together';
    throw new ShrikeError('CONFIG_INVALID', message);
  }
  const settings: TlsSettings = {
    ...(caFile !== '' && { ca: fileText('kafka.tls.caFile', caFile) }),
    ...(certFile !== '' && { cert: fileText('kafka.tls.certFile', certFile) }),
    ...(keyFile !== '' && { key: fileText('kafka.tls.keyFile', keyFile) }),
  };
  return settings;
}

function sasl(
  { mechanism, username, passwordFile }: Config['kafka']['sasl'],
  env: KafkaSettingsInput['env'],
): SaslSettings | undefined {
  if (mechanism === 'none') return undefined;
  const password =
    passwordFile !== ''
      ? fileText('kafka.sasl.passwordFile', passwordFile).replace(/\r?\n$/, '')
      : env.SHRIKE_KAFKA_PASSWORD;
  if (username === '') {
    throw new ShrikeError('CONFIG_INVALID', `kafka.sasl.username is empty; ${mechanism} wants one`);
  }
  if (password === undefined || password === '') {
    throw new ShrikeError(
      'CONFIG_INVALID',
      `no password for ${username}: set SHRIKE_KAFKA_PASSWORD or kafka.sasl.passwordFile`,
    );
  }
  return { mechanism, username, password };
}

function fileText(key: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ShrikeError('CONFIG_INVALID', `${key}: ${path} cannot be read`, { cause: error });
  }
}
