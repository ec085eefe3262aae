/** PEM files of a server. They may change while it runs: new connections then use the new ones. */
export interface TlsFiles {
  /** The certificate chain, the server's own first. */
  readonly certPath: string;
  readonly keyPath: string;
  /** The authority whose client certificates name services; without it none is asked for. */
  readonly clientCaPath?: string;
  /** How often the files are looked at, in milliseconds; 5,000 unless said. */
  readonly lookMs?: number;
}
