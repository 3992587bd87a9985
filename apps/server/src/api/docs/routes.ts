import { readFileSync } from 'node:fs';
import swaggerUi from '@fastify/swagger-ui';
import type { ApiServer } from '../server.ts';

/**
 * The OpenAPI document for reading, at /docs. Swagger UI, because it is the one that runs under a policy without any
 * 'unsafe-': Scalar is prettier but needs 'unsafe-inline' for styles, and asks its own hosts for fonts. Everything is
 * served from here, so it works without a network; a key that is typed in stays in the page's memory.
 */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const asset = (name: string) => ({ filename: name, content: readFileSync(new URL(name, import.meta.url), 'utf8') });

export function docsRoutes(app: ApiServer): void {
  app.register(async (docs) => {
    // The library's routes say nothing of who may call them.
    docs.decorate('defaultAccess', 'public');
    docs.addHook('onRequest', async (_request, reply) => {
      reply.headers({
        'content-security-policy': POLICY,
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'same-origin',
      });
    });
    await docs.register(swaggerUi, {
      routePrefix: '/docs',
      theme: { title: 'Postrider API', css: [asset('page.css')], js: [asset('page.js')] },
      uiConfig: {
        // No bar on top, which is only there to load documents from elsewhere.
        layout: 'BaseLayout',
        docExpansion: 'list',
        filter: true,
        deepLinking: true,
        displayRequestDuration: true,
        persistAuthorization: false,
        defaultModelsExpandDepth: -1,
      },
    });
  });
}
