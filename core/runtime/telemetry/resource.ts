import { hash } from 'node:crypto';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources';

/**
 * Who sends: the service's name, which OTEL_SERVICE_NAME replaces, this process, and OTEL_RESOURCE_ATTRIBUTES. Nothing is read from the
 * machine: the usual detectors tell the command line, paths and the user.
 */
export function resourceOf(service: string): Resource {
  return defaultResource()
    .merge(resourceFromAttributes({ 'service.name': service, 'service.instance.id': instanceId() }))
    .merge(detectResources({ detectors: [envDetector] }));
}

/** The same each time it is asked for in one process, so that its traces and metrics come from one instance. */
function instanceId(): string {
  return hash('sha256', `${process.pid} ${performance.timeOrigin}`, 'hex').slice(0, 32);
}
