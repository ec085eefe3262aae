import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { describe, onTestFinished } from 'vitest';
import { requireAccess } from '../../../../clients/sdk/middleware/hono.ts';
import { type StartGuarded, testHttpMiddleware } from './http-cases.ts';

const start: StartGuarded = async (curfew, questionOf) => {
  let runs = 0;
  const app = new Hono();
  const guard = requireAccess(curfew, (context: Context) => questionOf(context.req.param('id') ?? ''));
  app.get('/databases/:id', guard, (context) => {
    runs += 1;
    return context.text('rows');
  });
  app.onError((error) => {
    const status = 'status' in error && error.status === 401 ? 401 : 500;
    return new Response('', { status });
  });
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  if (!server.listening) await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, runs: () => runs }; // it listens on TCP
};

describe('Hono', () => {
  testHttpMiddleware(start);
});
