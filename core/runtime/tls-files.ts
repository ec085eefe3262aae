/** PEM files of a server. */
export interface TlsFiles {
  /** The certificate chain, the server's own first. */
  readonly certPath: string;
  readonly keyPath: string;
  /** The authority whose client certificates name services; without it none is asked for. */
  readonly clientCaPath?: string;
}
