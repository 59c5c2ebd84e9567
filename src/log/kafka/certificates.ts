/** When the certificates end that the way to the brokers needs. */
import { X509Certificate } from 'node:crypto';
import type { CertificateEnd } from '../../core/log.ts';
import type { TlsSettings } from './wire/settings.ts';

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Of our own files. A chain ends with its first certificate, trust with its last authority. */
export function ownCertificateEnds(tls: TlsSettings | undefined): readonly CertificateEnd[] {
  const client = endsOf(tls?.cert);
  const authorities = endsOf(tls?.ca);
  return [
    ...(client.length > 0 ? [{ which: 'client', endsAtMs: Math.min(...client) } as const] : []),
    ...(authorities.length > 0
      ? [{ which: 'authority', endsAtMs: Math.max(...authorities) } as const]
      : []),
  ];
}

function endsOf(pem: string | undefined): readonly number[] {
  const certificates = pem?.match(PEM) ?? [];
  return certificates.map((text) => Date.parse(new X509Certificate(text).validTo));
}
