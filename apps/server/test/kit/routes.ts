import type { ApiDependencies } from '../../src/api/dependencies.ts';
import { registerRoutes } from '../../src/api/routes.ts';
import { type ApiServerOptions, createApiServer } from '../../src/api/server.ts';

/** A route as the server has it, whether or not it is in the document. */
export interface Route {
  readonly method: string;
  /** `/v1/app/:app_id` */
  readonly url: string;
  readonly body: unknown;
  readonly query: unknown;
}

/** All routes but those that answer HEAD. */
export async function routesOfServer(): Promise<Route[]> {
  const routes: Route[] = [];
  // Nothing is called: routes are only made.
  const app = createApiServer({} as ApiServerOptions);
  app.addHook('onRoute', ({ method, url, schema }) => {
    if (method === 'HEAD') return;
    routes.push({ method: String(method), url, body: schema?.body, query: schema?.querystring });
  });
  registerRoutes(app, {} as ApiDependencies);
  await app.ready();
  await app.close();
  return routes;
}
