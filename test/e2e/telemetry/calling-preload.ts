// What an application does that has OpenTelemetry: nothing of it is Curfew's.
import { register } from 'node:module';

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
const { NodeSDK } = await import('@opentelemetry/sdk-node');
const { GrpcInstrumentation } = await import('@opentelemetry/instrumentation-grpc');
const sdk = new NodeSDK({
  serviceName: 'application',
  autoDetectResources: false,
  instrumentations: [new GrpcInstrumentation()],
  metricReaders: [],
  logRecordProcessors: [],
});
sdk.start();
process.once('beforeExit', () => {
  void sdk.shutdown(); // what is left to be sent keeps the process until it is sent
});
