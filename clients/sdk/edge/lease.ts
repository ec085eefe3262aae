import type { Duration } from '@bufbuild/protobuf/wkt';
import type { Heartbeat } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { earlier, type Instant, later } from './instant.ts';

/** How far the stream may lag, or the clocks of both sides may run apart, before it is begun anew. */
const mostApartMs = 1_000;

/** When a heartbeat came, and when the stream that it came by was asked for. */
export interface Received {
  readonly heartbeat: Heartbeat;
  readonly askedAt: Instant;
  readonly receivedAt: Instant;
}

/**
 * Until when what is kept may be used. The poll that the heartbeat tells of was sent, by this machine's clocks, `poll_age` before the
 * heartbeat was; that was sent `elapsed` after the service had the request, so not before `askedAt` and `elapsed`, however long it was
 * under way. Whatever was revoked before the poll has been named, so nothing is used for longer than the bound after a revocation that
 * could not be told of.
 */
export function leaseEnd({ heartbeat, askedAt, receivedAt }: Received): Instant {
  const sentAt = earlier(later(askedAt, msOf(heartbeat.elapsed)), receivedAt);
  return later(sentAt, Math.max(0, msOf(heartbeat.stalenessBound) - msOf(heartbeat.pollAge)));
}

/** Whether the stream lags, a clock stepped or a machine was suspended, so that leases end too soon or could not be trusted. */
export function isOutOfStep({ heartbeat, askedAt, receivedAt }: Received): boolean {
  const sentAt = later(askedAt, msOf(heartbeat.elapsed));
  return (
    Math.abs(receivedAt.monotonicMs - sentAt.monotonicMs) > mostApartMs ||
    Math.abs(receivedAt.wallMs - sentAt.wallMs) > mostApartMs
  );
}

/** What is absent or none at all is worth nothing. */
export function msOf(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) * 1_000 + duration.nanos / 1_000_000;
}
