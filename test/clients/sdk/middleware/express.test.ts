import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type NextFunction, type Request, type Response } from 'express';
import { describe, onTestFinished } from 'vitest';
import { requireAccess } from '../../../../clients/sdk/middleware/express.ts';
import { type StartGuarded, testHttpMiddleware } from './http-cases.ts';

const start: StartGuarded = async (curfew, questionOf) => {
  let runs = 0;
  const app = express();
  const guard = requireAccess(curfew, (request: Request<{ id: string }>) => questionOf(request.params.id));
  app.get('/databases/:id', guard, (_request, response) => {
    runs += 1;
    response.send('rows');
  });
  app.use(
    (error: Error & { status?: number }, _request: Request, response: Response, _next: NextFunction) => {
      response.status(error.status ?? 500).end();
    },
  );
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, runs: () => runs }; // it listens on TCP
};

describe('Express', () => {
  testHttpMiddleware(start);
});
