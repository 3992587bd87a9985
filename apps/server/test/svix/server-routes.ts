import type { ApiDependencies } from '../../src/api/dependencies.ts';
import { registerRoutes } from '../../src/api/routes.ts';
import { type ApiServerOptions, createApiServer } from '../../src/api/server.ts';
import { SVIX_MOUNT } from '../../src/api/svix/mount.ts';

/** The surface as the server has it, since it is in no document: `GET /app/:app_id`, sorted. */
export async function svixRoutesOfServer(): Promise<string[]> {
  const routes: string[] = [];
  // Nothing is called: routes are only made.
  const app = createApiServer({} as ApiServerOptions);
  app.addHook('onRoute', ({ method, url }) => {
    if (url.startsWith(SVIX_MOUNT) && method !== 'HEAD') routes.push(`${method} ${url.slice(SVIX_MOUNT.length)}`);
  });
  registerRoutes(app, {} as ApiDependencies);
  await app.ready();
  await app.close();
  return routes.sort();
}
