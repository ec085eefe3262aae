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
describe('a service', { timeout: 120_000 }, () => {
  it('connects to its database alone when no OTEL_ variable asks for more, at its end too', async () => {
    await using processes = await startProcesses({ NODE_OPTIONS: `--import ${SOCKETS}` });
    await work(processes);
    const database = new URL(processes.database.ownerUrl).port;
    expect(await stopBoth(processes)).toEqual([0, 0]);
    for (const service of [processes.grant, processes.decision])
      expect(portsTried(service)).toEqual([database]);
  });

  it('does its work and ends when one collector hangs and another is away', async () => {
    await using hanging = await startOtlpReceiver({ answers: false });
    await using processes = await startProcesses({
      ...hanging.env,
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://127.0.0.1:${await closedPort()}/v1/metrics`,
    });
    await work(processes);
    expect(hanging.connections()).toBeGreaterThan(0);
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
