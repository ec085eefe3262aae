import type pg from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';

/**
 * What a database URL says, for pg; what is set beside it must follow it, for the URL must not replace timeouts. Where the URL asks
 * for TLS, certificate and host are verified, whatever else the URL or the environment says of it.
 */
export function clientConfigOf(url: string): pg.ClientConfig {
  const config = parseIntoClientConfig(url);
  const { ssl } = config;
  // Said, because pg asks PGSSLMODE otherwise.
  if (ssl === undefined || ssl === false) return { ...config, ssl: false };
  const { ca, cert, key } = ssl === true ? {} : ssl;
  return {
    ...config,
    ssl: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      // Said, because Node asks NODE_TLS_REJECT_UNAUTHORIZED otherwise.
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
    },
  };
}
