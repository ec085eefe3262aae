import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { type Processes, type ServiceProcess, startProcesses } from '../../support/processes.ts';

const SOCKETS = fileURLToPath(new URL('sockets-preload.ts', import.meta.url));

/** Asks for access and decides, through both services. */
async function work(processes: Processes): Promise<void> {
  const ada = await processes.as('ada');
  await ada.requestAccess({
    items: [{ resource: { type: 'Database', id: 'scratch' }, actions: ['read'] }],
    reason: 'to see',
  });
  for (let round = 0; round < 20; round += 1) {
    const { effect } = await ada.authorize({
      principal: { type: 'User', id: 'ada' },
      action: 'ping',
      resource: { type: 'Database', id: 'scratch' },
    });
    expect(effect).toBe('allow');
  }
}

function portsTried({ lines }: ServiceProcess): readonly string[] {
  return [...new Set(lines.flatMap((line) => /^connects to port (\d+)$/.exec(line)?.[1] ?? []))];
}

// Processes on a busy machine, and an end that may wait four seconds.
describe('a service', { timeout: 60_000 }, () => {
  it('connects to its database alone when no OTEL_ variable asks for more, at its end too', async () => {
    await using processes = await startProcesses({ NODE_OPTIONS: `--import ${SOCKETS}` });
    await work(processes);
    const database = new URL(processes.database.ownerUrl).port;
    expect(await stopBoth(processes)).toEqual([0, 0]);
    for (const service of [processes.grant, processes.decision])
      expect(portsTried(service)).toEqual([database]);
  });

  it('sends what is left when it ends', async () => {
    await using receiver = await startOtlpReceiver();
    const never = { OTEL_BSP_SCHEDULE_DELAY: '3600000', OTEL_METRIC_EXPORT_INTERVAL: '3600000' };
    await using processes = await startProcesses({ ...receiver.env, ...never, OTEL_LOGS_EXPORTER: 'none' });
    await work(processes);
    expect(receiver.bodies).toEqual([]);
    expect(await processes.decision.stop()).toBe(0);
    expect(receiver.spans().filter(({ name }) => name === 'decide')).toHaveLength(20);
    const metrics = receiver.bodies.filter((body) => body.startsWith('/v1/metrics')).join();
    for (const [, name] of (await processes.grant.metrics()).matchAll(/^# TYPE curfew_rpc(\w+) /gm))
      expect(metrics).toContain(`"name":"curfew_rpc${name}"`);
  });

  it.each(['hangs', 'is away'])('does its work and ends when the collector %s', async (how) => {
    await using receiver = await startOtlpReceiver({ answers: false });
    const endpoint =
      how === 'hangs' ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await closedPort()}` };
    await using processes = await startProcesses({ ...receiver.env, ...endpoint });
    await work(processes);
    expect(receiver.connections() > 0).toBe(how === 'hangs');
    // 1 would say that something had to be cut off.
    expect(await stopBoth(processes)).toEqual([0, 0]);
  });

  it('does not start on a variable that cannot be meant, and says which', async () => {
    const start = startProcesses({ OTEL_TRACES_EXPORTER: 'jaeger' });
    await expect(start).rejects.toThrow(
      /OTEL_TRACES_EXPORTER: seen \\?"jaeger\\?", wanted one of none, otlp, console/,
    );
  });
});

const stopBoth = ({ grant, decision }: Processes) => Promise.all([grant.stop(), decision.stop()]);

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  return bound !== null && typeof bound === 'object' ? bound.port : 0;
}
