import { publicId } from '../../core/ids.ts';
import { Problem } from '../../errors.ts';
import type { EndpointRow } from '../../store/endpoint.ts';
import { type Mount, pathOf } from '../application-scope.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import type { ApiServer } from '../server.ts';
import { enabled } from './change.ts';
import { presentEndpoint } from './presenter.ts';
import { EndpointIdParam, EndpointSchema } from './schema.ts';
import { storedEndpoints } from './stored-endpoints.ts';

/** What can be done to an endpoint by one word; each is a POST with that word and answers the endpoint. */
const SWITCHES = {
  enable: { summary: 'Enable a disabled endpoint', apply: enabled },
  pause: {
    summary: 'Hold deliveries to this endpoint until it is resumed; it goes on matching',
    apply: (row: EndpointRow) => whileNotDisabled(row, 'paused'),
  },
  resume: {
    summary: 'Let held deliveries go, slowly at first',
    apply: (row: EndpointRow) => whileNotDisabled(row, 'active'),
  },
} as const;

export function endpointStateRoutes(app: ApiServer, deps: ApiDependencies, mount: Mount): void {
  const { directory } = deps;
  const endpoints = storedEndpoints(deps);
  for (const [word, { summary, apply }] of Object.entries(SWITCHES)) {
    app.post(
      `${mount.prefix}/endpoints/:id/${word}`,
      {
        config: { access: 'write' },
        schema: {
          operationId: `${word}Endpoint${mount.isScoped ? 'OfApplication' : ''}`,
          tags: ['Endpoints'],
          summary,
          params: pathOf(mount, { id: EndpointIdParam }),
          response: { 200: EndpointSchema },
        },
      },
      async (request, reply) => {
        const found = await endpoints.find(request.caller, request.params);
        const open = await directory.opener(request.caller.environmentId);
        const outcome = await once(deps, request.caller, keyedCall(request, found.application_id), async (tx) => {
          await audit(tx, request, `endpoint.${word}`, publicId('ep', found.id));
          const row = await endpoints.change(tx, found, apply);
          return { status: 200, body: JSON.stringify(presentEndpoint(open(row))) };
        });
        directory.forget({ kind: 'application', id: found.application_id });
        deps.wakeWorker();
        return sendAnswer(reply, outcome);
      },
    );
  }
}

function whileNotDisabled(row: EndpointRow, status: 'active' | 'paused'): EndpointRow {
  if (row.status !== 'disabled') return { ...row, status };
  throw new Problem('endpoint_not_active', 'the endpoint is disabled; enable it');
}
