import type { RpcServer } from '../../core/rpc/serve.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { DecisionService } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { DecisionContext } from './authorize.ts';
import { type Readiness, readinessOf } from './readiness.ts';

/** The health name of decisions by grant; the service's own name speaks for anything that is permitted at all. */
export const GRANTS_HEALTH = 'curfew.decision.grants';

const LOOK_MS = 100;
const CANARY_MS = 1_000;

/** What the health service and probes are told. */
export interface HealthWatch {
  /** Whether anything at all can be permitted. */
  readonly isServing: () => boolean;
  close(): void;
}

/** Keeps the server's health as the replica's readiness is, and asks the engine every second whether it still decides right. */
export function watchHealth(context: DecisionContext, server: RpcServer, logger: Logger): HealthWatch {
  const { replica } = context.followed;
  let shown: Readiness | undefined;

  function look(): void {
    const readiness = readinessOf(context);
    if (readiness !== shown) show(readiness);
  }

  function show(readiness: Readiness): void {
    if (shown !== undefined) logger.warn({ from: shown, to: readiness }, 'what can be permitted has changed');
    shown = readiness;
    server.setServing(GRANTS_HEALTH, readiness === 'grants');
    server.setServing(DecisionService.typeName, readiness !== 'nothing');
    server.setServing('', readiness !== 'nothing');
  }

  function checkCanary(): void {
    const { policies } = replica;
    if (policies.kind === 'ready' && !policies.engine.checkCanary()) {
      logger.error(
        { digest: policies.digest },
        'the policy engine decided its canary wrongly and was replaced',
      );
    }
  }

  look();
  const looking = setInterval(look, LOOK_MS);
  const canary = setInterval(checkCanary, CANARY_MS);
  return {
    isServing: () => shown === 'grants' || shown === 'standing',
    close: () => {
      clearInterval(looking);
      clearInterval(canary);
    },
  };
}
