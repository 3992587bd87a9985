import { publicId } from '../../core/ids.ts';
import { DEFAULT_OVERLAP_HOURS } from '../../core/rotation.ts';
import { type Mount, pathOf } from '../application-scope.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import type { ApiServer } from '../server.ts';
import { rotatedRow } from './rotation.ts';
import { EndpointIdParam, RotatedSecret, SecretRotation, SecretSchema } from './schema.ts';
import { presentSecret } from './secret.ts';
import { storedEndpoints } from './stored-endpoints.ts';

const HOUR_MS = 3_600_000;

/** What signs an endpoint's deliveries. */
export function endpointSecretRoutes(app: ApiServer, deps: ApiDependencies, mount: Mount): void {
  const { tenant, directory } = deps;
  const endpoints = storedEndpoints(deps);
  const operation = (name: string) => (mount.isScoped ? `${name}OfApplication` : name);
  const path = `${mount.prefix}/endpoints/:id/secret`;
  const params = pathOf(mount, { id: EndpointIdParam });

  app.get(
    path,
    {
      config: { access: 'admin' },
      schema: {
        operationId: operation('getEndpointSecret'),
        tags: ['Endpoints'],
        summary: 'Show the signing secret',
        params,
        response: { 200: SecretSchema },
      },
    },
    async (request) => {
      const endpoint = await directory.open(await endpoints.find(request.caller, request.params));
      const answer = presentSecret(endpoint);
      // Not shown unless it is noted that it was.
      await tenant(endpoint.environmentId).transaction((tx) =>
        audit(tx, request, 'endpoint.reveal_secret', publicId('ep', endpoint.id)),
      );
      return answer;
    },
  );

  app.post(
    `${path}/rotate`,
    {
      config: { access: 'admin' },
      schema: {
        operationId: operation('rotateEndpointSecret'),
        tags: ['Endpoints'],
        summary: 'Replace the signing secret; for a time, deliveries are signed with the old one too',
        description:
          'Every process signs with the new one within 2 seconds. Signatures stand side by side in the header: with the ' +
          'schemes of Standard Webhooks joined by spaces, with `hmac-hex` by commas, the newest first. Secrets of earlier ' +
          'rotations keep their own end; at most five sign along.',
        params,
        body: SecretRotation,
        response: { 200: RotatedSecret },
      },
      // Nothing in the body need be said.
      preValidation: async (request) => {
        if (request.rawBody === '') request.body = {};
      },
    },
    async (request, reply) => {
      const { caller, body } = request;
      const found = await endpoints.find(caller, request.params);
      const dataKey = await directory.dataKey(caller.environmentId);
      const { environment } = await directory.environment(caller.environmentId);
      const open = await directory.opener(caller.environmentId);
      const hours = body.overlap_hours ?? DEFAULT_OVERLAP_HOURS;
      const outcome = await once(deps, caller, keyedCall(request, found.application_id), async (tx) => {
        const rotation = { secret: body.secret, overlapMs: Math.round(hours * HOUR_MS), now: Date.now() };
        await audit(tx, request, 'endpoint.rotate_secret', publicId('ep', found.id), { overlap_hours: hours });
        const row = await endpoints.change(tx, found, (locked) => rotatedRow(dataKey, environment, locked, rotation));
        const expires = new Date(rotation.now + rotation.overlapMs).toISOString();
        return {
          status: 200,
          body: JSON.stringify({ ...presentSecret(open(row)), previous_secret_expires_at: expires }),
        };
      });
      directory.forget({ kind: 'application', id: found.application_id });
      return sendAnswer(reply, outcome);
    },
  );
}
