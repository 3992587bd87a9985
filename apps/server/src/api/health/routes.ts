import { Type } from 'typebox';
import { Problem } from '../../errors.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { ApiServer } from '../server.ts';

const Status = Type.Object({ status: Type.Literal('ok') });

/** For whoever watches the process: is it alive, and can it do its work. */
export function healthRoutes(app: ApiServer, deps: ApiDependencies): void {
  app.get(
    '/health',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'health',
        tags: ['Operations'],
        summary: 'Is the process alive',
        response: { 200: Status },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/ready',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'ready',
        tags: ['Operations'],
        summary: 'Can it take messages',
        response: { 200: Status },
      },
    },
    async () => {
      await deps.probe().catch(() => {
        throw new Problem('storage_unavailable', 'the database does not answer');
      });
      return { status: 'ok' as const };
    },
  );

  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(app.swagger())),
  );
}
