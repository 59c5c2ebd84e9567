/** How to reach the brokers: plain values, so that they can be given to a thread. */
export interface KafkaSettings {
  readonly bootstrap: readonly HostPort[];
  readonly clientId: string;
  /** PEM texts; undefined: no TLS. */
  readonly tls: TlsSettings | undefined;
  readonly sasl: SaslSettings | undefined;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface TlsSettings {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface SaslSettings {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly username: string;
  readonly password: string;
}
