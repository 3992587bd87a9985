import { Type } from 'typebox';
import type { Caller } from '../../auth/authenticate.ts';
import { EVENT_TYPE_MAX, EVENT_TYPE_PATTERN } from '../../core/event-type.ts';
import type { Uuid } from '../../core/ids.ts';
import { invalidFields, notFound, Problem } from '../../errors.ts';
import type { Queryable } from '../../store/database.ts';
import { type EventTypeRow, findEventType, pageEventTypes, schemaVersions } from '../../store/event-type.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { Wanted } from '../event-types/plan.ts';
import { NEW_EVENT_TYPE_PATTERN } from '../event-types/schema.ts';
import { storedEventTypes } from '../event-types/stored-event-types.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import {
  EventTypeIn,
  EventTypePatch,
  EventTypePut,
  presentEventTypeOut,
  wantedEventType,
  wholeEventType,
} from './event-type-body.ts';
import { listText, OrderedPageQuery, sendText, turnFrom } from './paging.ts';
import { Switch } from './schema.ts';

const NamePath = Type.Object({ event_type_name: Type.String({ maxLength: 256 }) });
const ListQuery = Strict({ ...OrderedPageQuery, include_archived: Switch, with_content: Switch });

const NAME = new RegExp(EVENT_TYPE_PATTERN);
const NEW_NAME = new RegExp(NEW_EVENT_TYPE_PATTERN);

export function eventTypes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant } = deps;
  const types = storedEventTypes(deps);
  const item = '/event-type/:event_type_name';

  app.get(
    '/event-type',
    { config: { access: 'read' }, schema: { hide: true, querystring: ListQuery } },
    async ({ caller: { environmentId }, query }, reply) => {
      const turn = turnFrom(query, 'ascending');
      if (turn.from !== null && !NAME.test(turn.from)) {
        throw invalidFields([{ path: 'iterator', message: 'is not an iterator of this list' }]);
      }
      const db = tenant(environmentId);
      const rows = await pageEventTypes(db, environmentId, {
        isArchivedIncluded: query.include_archived ?? false,
        ...{ from: turn.from, isAscending: turn.isAscending, limit: turn.limit + 1 },
      });
      const versions = query.with_content === true ? await versionsOf(db, environmentId, rows) : null;
      const present = (row: EventTypeRow) => presentEventTypeOut(row, versions && (versions.get(row.id) ?? []));
      return sendText(
        reply,
        listText(turn, rows, ({ name }) => name, present),
      );
    },
  );

  app.post(
    '/event-type',
    { config: { access: 'write' }, schema: { hide: true, body: EventTypeIn } },
    async (request, reply) => {
      const { caller, body } = request;
      const { name, ...rest } = body;
      const row = await findEventType(tenant(caller.environmentId), caller.environmentId, name);
      if (row && !row.archived_at) throw new Problem('already_exists', `${name} is in the catalogue already`);
      // One that was archived is in use again, under the same name and with what is said of it now.
      const wanted = { ...wholeEventType(name, rest, row), isNew: row === undefined };
      const outcome = await types.save(caller, [wanted], (write) =>
        once(deps, caller, keyedCall(request, null), (tx) =>
          write(tx, async () => {
            await audit(tx, request, row ? 'event_type.update' : 'event_type.create', name);
            return { status: 201, body: await textOf(tx, caller.environmentId, name) };
          }),
        ),
      );
      return sendAnswer(reply, outcome);
    },
  );

  app.get(
    item,
    { config: { access: 'read' }, schema: { hide: true, params: NamePath } },
    async ({ caller, params }, reply) => {
      const { name } = await types.find(caller, params.event_type_name);
      return sendText(reply, await textOf(tenant(caller.environmentId), caller.environmentId, name));
    },
  );

  app.put(
    item,
    { config: { access: 'write' }, schema: { hide: true, params: NamePath, body: EventTypePut } },
    async (request, reply) => {
      const { caller, body } = request;
      const name = request.params.event_type_name;
      if (name.length > EVENT_TYPE_MAX || !NEW_NAME.test(name)) throw notFound('event type');
      const row = await findEventType(tenant(caller.environmentId), caller.environmentId, name);
      const text = await save(request, wholeEventType(name, body, row), row ? 'update' : 'create', Object.keys(body));
      return sendText(reply.code(row ? 200 : 201), text);
    },
  );

  app.patch(
    item,
    { config: { access: 'write' }, schema: { hide: true, params: NamePath, body: EventTypePatch } },
    async (request, reply) => {
      const { caller, body } = request;
      const row = await types.find(caller, request.params.event_type_name);
      return sendText(reply, await save(request, wantedEventType(row.name, body, row), 'update', Object.keys(body)));
    },
  );

  app.delete(
    item,
    {
      config: { access: 'write' },
      schema: { hide: true, params: NamePath, querystring: Strict({ expunge: Switch }) },
    },
    async (request, reply) => {
      const row = await types.find(request.caller, request.params.event_type_name);
      if (request.query.expunge) await types.expunge(request, row);
      else await save(request, { name: row.name, change: { archived: true }, at: '' }, 'archive', []);
      return reply.code(204).send(null);
    },
  );

  /** @returns the event type as it is then. */
  async function save(
    request: Parameters<typeof audit>[1] & { caller: Caller },
    wanted: Wanted,
    act: 'create' | 'update' | 'archive',
    fields: readonly string[],
  ): Promise<string> {
    const { environmentId } = request.caller;
    return types.save(request.caller, [wanted], (write) =>
      tenant(environmentId).transaction((tx) =>
        write(tx, async ({ unchanged }) => {
          const isIdle = act === 'archive' && unchanged.length > 0;
          const details = fields.length > 0 ? { fields } : {};
          if (!isIdle) await audit(tx, request, `event_type.${act}`, wanted.name, details);
          return textOf(tx, environmentId, wanted.name);
        }),
      ),
    );
  }
}

async function textOf(db: Queryable, environmentId: Uuid, name: string): Promise<string> {
  const row = await findEventType(db, environmentId, name);
  if (!row) throw notFound('event type');
  return JSON.stringify(presentEventTypeOut(row, await schemaVersions(db, environmentId, [row.id])));
}

async function versionsOf(db: Queryable, environmentId: Uuid, rows: readonly EventTypeRow[]) {
  const ids = rows.map(({ id }) => id);
  return Map.groupBy(await schemaVersions(db, environmentId, ids), (each) => each.event_type_id);
}
