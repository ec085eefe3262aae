import { trace } from '@opentelemetry/api';
import { createCurfew } from '../../../clients/sdk/index.ts';

/** An application that asks for access and for a decision in one trace, and says which trace, and what came of both. */
const [decisionAddress = '', grantAddress = '', token = ''] = process.argv.slice(2);
const curfew = createCurfew({ decisionAddress, grantAddress, token, authorizeTimeoutMs: 10_000 });
await trace.getTracer('application').startActiveSpan('work', async (span) => {
  const wish = {
    items: [{ resource: { type: 'Database', id: 'scratch' }, actions: ['read'] }],
    durationMs: 60_000,
    reason: 'to see',
  };
  const requested = await curfew.requestAccess(wish).then(
    () => 'granted',
    () => 'failed',
  );
  const decision = await curfew.authorize({
    principal: { type: 'User', id: 'ada' },
    action: 'ping',
    resource: { type: 'Database', id: 'scratch' },
  });
  span.end();
  process.stdout.write(`${span.spanContext().traceId} ${requested} ${decision.effect}\n`);
});
curfew.close();
