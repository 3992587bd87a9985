import { publicId } from '../../core/ids.ts';
import { invalidFields, notFound, Problem } from '../../errors.ts';
import { recordChange } from '../../store/change.ts';
import { hasSqlState, UNIQUE_VIOLATION } from '../../store/database.ts';
import {
  type EnvironmentDetail,
  lockEnvironment,
  readEnvironmentDetail,
  updateEnvironment,
} from '../../store/environment.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { ApiServer } from '../server.ts';
import { signatureErrors } from '../signature-setting.ts';
import { presentEnvironment } from './presenter.ts';
import { EnvironmentPatch, EnvironmentSchema } from './schema.ts';

const tags = ['Environment'];

/** The environment that the caller's key belongs to. */
export function environmentRoutes(app: ApiServer, { tenant, directory }: ApiDependencies): void {
  app.get(
    '/v1/environment',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getEnvironment',
        tags,
        summary: 'Read the environment of this API key',
        response: { 200: EnvironmentSchema },
      },
    },
    async ({ caller: { environmentId } }) => {
      const row = await readEnvironmentDetail(tenant(environmentId), environmentId);
      if (!row) throw notFound('environment');
      return presentEnvironment(row);
    },
  );

  app.patch(
    '/v1/environment',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'updateEnvironment',
        tags,
        summary: 'Change the environment of this API key; what is left out stays',
        description:
          'In force on every process within 2 seconds. An endpoint whose secret is a `whsk_` key goes on signing in ' +
          '`ed25519`, whatever `signature` says.',
        body: EnvironmentPatch,
        response: { 200: EnvironmentSchema },
      },
    },
    async (request) => {
      const { body, caller } = request;
      const { environmentId } = caller;
      const errors = body.signature ? signatureErrors(body.signature) : [];
      if (errors.length > 0) throw invalidFields(errors);
      const row = await tenant(environmentId)
        .transaction(async (tx) => {
          const before = await lockEnvironment(tx, environmentId);
          if (!before) throw notFound('environment');
          const fields = Object.keys(body);
          await audit(tx, request, 'environment.update', publicId('env', environmentId), { fields });
          const after = await updateEnvironment(tx, patched(before, body));
          await recordChange(tx, { kind: 'environment', id: environmentId });
          return after;
        })
        .catch((error: unknown) => {
          if (!hasSqlState(error, UNIQUE_VIOLATION)) throw error;
          throw new Problem('already_exists', `another environment of this organization is called ${body.name}`);
        });
      directory.forget({ kind: 'environment', id: environmentId });
      return presentEnvironment(row);
    },
  );
}

function patched(row: EnvironmentDetail, patch: EnvironmentPatch): EnvironmentDetail {
  return {
    ...row,
    name: patch.name ?? row.name,
    strict_event_types: patch.strict_event_types ?? row.strict_event_types,
    payload_validation: patch.payload_validation ?? row.payload_validation,
    body_format: patch.body_format ?? row.body_format,
    signature: patch.signature ?? row.signature,
    retention_days: patch.retention_days === undefined ? row.retention_days : patch.retention_days,
  };
}
