import { publicId } from '../../core/ids.ts';
import { notFound } from '../../errors.ts';
import {
  listSiblings,
  type OrganizationRow,
  readOrganization,
  renameOrganization,
  type Sibling,
} from '../../store/organization.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { ApiServer } from '../server.ts';
import { OrganizationPatch, OrganizationSchema } from './schema.ts';

const tags = ['Organization'];

/** Whose the environment of the caller's key is. */
export function organizationRoutes(app: ApiServer, { tenant }: ApiDependencies): void {
  app.get(
    '/v1/organization',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getOrganization',
        tags,
        summary: 'Read the organization, and which environments it has',
        description: 'Environments are made on the server, by `npm run postrider -- environments create`.',
        response: { 200: OrganizationSchema },
      },
    },
    async ({ caller: { environmentId } }) => {
      const db = tenant(environmentId);
      const row = await readOrganization(db, environmentId);
      if (!row) throw notFound('organization');
      return present(row, await listSiblings(db, environmentId));
    },
  );

  app.patch(
    '/v1/organization',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'updateOrganization',
        tags,
        summary: 'Rename the organization',
        body: OrganizationPatch,
        response: { 200: OrganizationSchema },
      },
    },
    async (request) => {
      const { body, caller } = request;
      const { environmentId } = caller;
      return tenant(environmentId).transaction(async (tx) => {
        const row =
          body.name === undefined
            ? await readOrganization(tx, environmentId)
            : await renameOrganization(tx, environmentId, body.name);
        if (!row) throw notFound('organization');
        await audit(tx, request, 'organization.update', publicId('org', row.id), { fields: Object.keys(body) });
        return present(row, await listSiblings(tx, environmentId));
      });
    },
  );
}

function present({ id, name, created_at }: OrganizationRow, environments: readonly Sibling[]) {
  return {
    id: publicId('org', id),
    name,
    environments: environments.map((each) => ({ id: publicId('env', each.id), name: each.name, mode: each.mode })),
    created_at: created_at.toISOString(),
  };
}
