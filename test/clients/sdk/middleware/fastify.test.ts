import { fastify, type FastifyRequest } from 'fastify';
import { describe, onTestFinished } from 'vitest';
import { requireAccess } from '../../../../clients/sdk/middleware/fastify.ts';
import { type StartGuarded, testHttpMiddleware } from './http-cases.ts';

type OneDatabase = { Params: { id: string } };

const start: StartGuarded = async (curfew, questionOf) => {
  let runs = 0;
  const app = fastify();
  const preHandler = requireAccess(curfew, (request: FastifyRequest<OneDatabase>) =>
    questionOf(request.params.id),
  );
  app.get<OneDatabase>('/databases/:id', { preHandler }, async () => {
    runs += 1;
    return 'rows';
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => app.close());
  return { port: Number(new URL(url).port), runs: () => runs };
};

describe('Fastify', () => {
  testHttpMiddleware(start);
});
