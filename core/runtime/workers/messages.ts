/** What a supervisor tells its worker. */
export type ToWorker =
  /** Comes with the socket, unless that was closed on the way. */
  | { readonly kind: 'connection' }
  | { readonly kind: 'stopServing' }
  | { readonly kind: 'page'; readonly id: number };

/** What a worker tells its supervisor. */
export type FromWorker =
  /** Said when it takes connections, and every second from then on. */
  | { readonly kind: 'taking'; readonly isServing: boolean }
  /** It was told to stop, by whomever. */
  | { readonly kind: 'leaving' }
  /** One of the connections is over. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'page'; readonly id: number; readonly text: string };
