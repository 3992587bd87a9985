import type { JsonObject } from '../../core/json-schema/json.ts';
import { invalidFields } from '../../errors.ts';
import { allEventTypes, schemaVersions } from '../../store/event-type.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import type { ApiServer } from '../server.ts';
import { fromDocument, toDocument } from './document.ts';
import { fromOpenApi, toOpenApi } from './openapi.ts';
import { planOf, type Wanted } from './plan.ts';
import { Exported, ExportQuery, ImportDocument, Imported, ImportQuery } from './schema.ts';
import { outcomeOf, storedEventTypes } from './stored-event-types.ts';

const tags = ['Event types'];

/** The whole catalogue in one document, in and out. */
export function eventTypeTransferRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant } = deps;
  const types = storedEventTypes(deps);

  app.get(
    '/v1/event-types/export',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'exportEventTypes',
        tags,
        summary: 'The catalogue in one document',
        querystring: ExportQuery,
        response: { 200: Exported },
      },
    },
    async ({ caller: { environmentId }, query }, reply) => {
      const db = tenant(environmentId);
      const rows = await allEventTypes(db, environmentId, query.include_archived ?? false);
      if (query.format === 'openapi') return sendAnswer(reply, { answer: answerOf(toOpenApi(rows)), isReplay: false });
      // Of most there is only the version that is in their row.
      const ids = rows.filter(({ schema_version }) => (schema_version ?? 0) > 1).map(({ id }) => id);
      const versions = Map.groupBy(await schemaVersions(db, environmentId, ids), (each) => each.event_type_id);
      return sendAnswer(reply, { answer: answerOf(toDocument(rows, versions)), isReplay: false });
    },
  );

  app.post(
    '/v1/event-types/import',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'importEventTypes',
        tags,
        summary: 'Create and change many event types by one document, all or none',
        description:
          'Takes what an export gives, or any OpenAPI 3.1 document with `webhooks`. Event types that the document leaves out stay as they are, and so does what it leaves out of one.',
        querystring: ImportQuery,
        body: ImportDocument,
        response: { 200: Imported },
      },
    },
    async (request, reply) => {
      const { caller, query } = request;
      const wanted = wantedIn(request.body);
      const call = keyedCall(request, null);
      if (query.dry_run) {
        const plan = await planOf(tenant(caller.environmentId), caller.environmentId, wanted);
        return sendAnswer(reply, await once(deps, caller, call, async () => answerOf(outcomeOf(plan))));
      }
      const outcome = await types.save(caller, wanted, (write) =>
        once(deps, caller, call, (tx) =>
          write(tx, async (done) => {
            const counts = { created: done.created.length, updated: done.updated.length };
            await audit(tx, request, 'event_type.import', 'catalogue', counts);
            return answerOf(done);
          }),
        ),
      );
      return sendAnswer(reply, outcome);
    },
  );
}

function answerOf(answer: object) {
  return { status: 200, body: JSON.stringify(answer) };
}

/** @throws Problem `validation_failed` */
function wantedIn(document: JsonObject): Wanted[] {
  const wanted = 'openapi' in document ? fromOpenApi(document) : fromDocument(document);
  const seen = new Set<string>();
  for (const { name, at } of wanted) {
    if (seen.has(name)) throw invalidFields([{ path: `${at}/name`, message: 'is in this document twice' }]);
    seen.add(name);
  }
  return wanted;
}
