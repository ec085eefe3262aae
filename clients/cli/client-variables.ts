/** A variable that this command line reads. */
export interface ClientVariable {
  readonly variable: string;
  readonly meaning: string;
  readonly fallback?: string;
  readonly isSecret?: boolean;
}

/** What the command line reads from its environment, in the order of its help. */
export const clientVariables: readonly ClientVariable[] = [
  { variable: 'CURFEW_TOKEN', meaning: 'the bearer token of whoever is calling', isSecret: true },
  { variable: 'CURFEW_TOKEN_FILE', meaning: 'the file that holds it' },
  {
    variable: 'CURFEW_ADDRESS',
    meaning: 'the host of both services, ports 2200 and 2201',
    fallback: '127.0.0.1',
  },
  {
    variable: 'CURFEW_DECISION_ADDRESS',
    meaning: 'host:port of the decision service, where it is elsewhere',
  },
  { variable: 'CURFEW_GRANT_ADDRESS', meaning: 'host:port of the grant service, where it is elsewhere' },
  { variable: 'CURFEW_CA', meaning: 'a PEM file of the authority to trust' },
  { variable: 'CURFEW_TLS', meaning: 'on or off; by default off for this machine and on for every other' },
  { variable: 'CURFEW_POLICIES', meaning: 'the folder of policies to check and test', fallback: 'policies' },
];
