import { Problem } from '../../errors.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { ApiServer } from '../server.ts';

export function health(app: ApiServer, deps: ApiDependencies): void {
  app.get('/health', { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) => {
    await deps.probe().catch(() => {
      throw new Problem('storage_unavailable', 'the database does not answer');
    });
    return reply.code(204).send(null);
  });
}
