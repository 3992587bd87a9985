import { Type } from 'typebox';
import { publicId } from '../../core/ids.ts';
import { DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS } from '../../core/rotation.ts';
import { invalidFields, Problem } from '../../errors.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { rotatedRow } from '../endpoints/rotation.ts';
import { SecretRotation } from '../endpoints/schema.ts';
import { presentSecret } from '../endpoints/secret.ts';
import { storedEndpoints } from '../endpoints/stored-endpoints.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { Nullable, Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { prefixed } from './endpoint-body.ts';
import { EndpointPath } from './schema.ts';

const HOUR = 3_600;

const RotateIn = Strict({
  key: Type.Optional(Nullable(SecretRotation.properties.secret)),
  gracePeriodSeconds: Type.Optional(Nullable(Type.Integer({ minimum: 0, maximum: MAX_OVERLAP_HOURS * HOUR }))),
});

export function endpointSecret(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;
  const stored = storedEndpoints(deps);
  const path = '/app/:app_id/endpoint/:endpoint_id/secret';

  app.get(path, { config: { access: 'admin' }, schema: { hide: true, params: EndpointPath } }, async (request) => {
    const { caller, params } = request;
    const row = await stored.find(caller, { app_id: params.app_id, id: params.endpoint_id });
    const { secret } = presentSecret(await directory.open(row));
    // Not shown unless it is noted that it was.
    await tenant(row.environment_id).transaction((tx) =>
      audit(tx, request, 'endpoint.reveal_secret', publicId('ep', row.id)),
    );
    return { key: secret };
  });

  app.post(
    `${path}/rotate`,
    { config: { access: 'admin' }, schema: { hide: true, params: EndpointPath, body: RotateIn } },
    async (request, reply) => {
      const { caller, params, body } = request;
      const found = await stored.find(caller, { app_id: params.app_id, id: params.endpoint_id });
      const dataKey = await directory.dataKey(caller.environmentId);
      const { environment } = await directory.environment(caller.environmentId);
      const seconds = body.gracePeriodSeconds ?? DEFAULT_OVERLAP_HOURS * HOUR;
      const secret = body.key == null ? undefined : prefixed(body.key);
      const outcome = await once(deps, caller, keyedCall(request, found.application_id), async (tx) => {
        const rotation = { secret, overlapMs: seconds * 1000, now: deps.now() };
        await audit(tx, request, 'endpoint.rotate_secret', publicId('ep', found.id), { overlap_hours: seconds / HOUR });
        await stored.change(tx, found, (locked) => rotatedRow(dataKey, environment, locked, rotation));
        return { status: 204, body: '' };
      }).catch((error: unknown) => {
        throw inTheirWords(error);
      });
      directory.forget({ kind: 'application', id: found.application_id });
      return sendAnswer(reply, outcome);
    },
  );
}

/** What is wrong with a secret is wrong with `key` here. */
function inTheirWords(error: unknown): unknown {
  if (!(error instanceof Problem) || !error.errors) return error;
  return invalidFields(error.errors.map(({ path, message }) => ({ path: path.replace(/^\/secret/, '/key'), message })));
}
