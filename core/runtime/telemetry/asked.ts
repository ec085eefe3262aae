import { showSeen } from '../seen.ts';

/** What OpenTelemetry sends away. */
export type Signal = 'traces' | 'metrics' | 'logs';

/** Where a signal goes; `none` unless the environment asks for more. */
export type Destination = 'none' | 'otlp' | 'console';

/** How OTLP is spoken. */
export type Protocol = 'grpc' | 'http/json' | 'http/protobuf';

type Environment = Readonly<Record<string, string | undefined>>;

const destinations: readonly Destination[] = ['none', 'otlp', 'console'];
const protocols: readonly Protocol[] = ['grpc', 'http/json', 'http/protobuf'];

/**
 * Where the standard variables send a signal. OpenTelemetry's own default is to export to localhost; here nothing leaves the process
 * unless a variable names an exporter or an endpoint.
 * @throws Error naming the variable, what was seen and what is wanted
 */
export function destinationOf(signal: Signal, env: Environment): Destination {
  if (isSet(env, 'OTEL_SDK_DISABLED') && env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true')
    return 'none';
  const variable = `OTEL_${signal.toUpperCase()}_EXPORTER`;
  if (isSet(env, variable)) {
    // The page is there in any case.
    const wanted: readonly (Destination | 'prometheus')[] =
      signal === 'metrics' ? [...destinations, 'prometheus'] : destinations;
    const chosen = oneOf(env, variable, wanted);
    return chosen === 'prometheus' ? 'none' : chosen;
  }
  const endpoints = ['OTEL_EXPORTER_OTLP_ENDPOINT', `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`];
  return endpoints.some((endpoint) => isSet(env, endpoint)) ? 'otlp' : 'none';
}

/** Which protocol the standard variables choose for a signal. @throws Error naming the variable, what was seen and what is wanted */
export function protocolOf(signal: Signal, env: Environment): Protocol {
  const variables = [`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_PROTOCOL`, 'OTEL_EXPORTER_OTLP_PROTOCOL'];
  const variable = variables.find((name) => isSet(env, name));
  return variable === undefined ? 'http/protobuf' : oneOf(env, variable, protocols);
}

function isSet(env: Environment, variable: string): boolean {
  return (env[variable] ?? '').trim() !== '';
}

function oneOf<T extends string>(env: Environment, variable: string, wanted: readonly T[]): T {
  const seen = (env[variable] ?? '').trim();
  const chosen = wanted.find((each) => each === seen);
  if (chosen === undefined) {
    throw new Error(`${variable}: seen ${showSeen(seen)}, wanted one of ${wanted.join(', ')}`);
  }
  return chosen;
}
