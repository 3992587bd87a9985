import { Type } from 'typebox';
import { EVENT_TYPE_PATTERN } from '../../core/event-type.ts';
import { publicId } from '../../core/ids.ts';
import { decideSubscription, type Subscription } from '../../core/subscription.ts';
import type { ApplicationEntry } from '../../directory/application-entry.ts';
import { invalidFields, notFound } from '../../errors.ts';
import { lockApplication, updateApplication } from '../../store/application.ts';
import { recordChange } from '../../store/change.ts';
import type { Queryable } from '../../store/database.ts';
import { listOffers, offeredTypes, readSubscriptions, saveSubscriptions } from '../../store/subscription.ts';
import { AppIdParam, applicationOf } from '../application-scope.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { ListOf } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { type Outcome, presentOffer, presentOutcome } from './presenter.ts';
import { OfferSchema, Outcomes, SubscriptionQuery, type Wish, Wishes } from './schema.ts';

const tags = ['Subscriptions'];
const path = '/v1/app/:app_id/event-subscriptions';
const params = Type.Object({ app_id: AppIdParam });
const EVENT_TYPE = new RegExp(EVENT_TYPE_PATTERN);

/** Which event types an application wants. */
export function subscriptionRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;

  app.get(
    path,
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listSubscriptions',
        tags,
        summary: 'List the event types there are, and which of them the application wants',
        description:
          'The catalogue, in the order of names, and what the application has said to event types that are not (or no ' +
          'longer) in it.',
        params,
        querystring: SubscriptionQuery,
        response: { 200: ListOf(OfferSchema) },
      },
    },
    async ({ caller, params: { app_id }, query: { limit = 20, offset, cursor } }) => {
      const { id, environmentId } = await applicationOf(directory, caller, app_id);
      // One more than asked for tells whether there is a next page.
      const page = { after: cursor === undefined ? '' : nameIn(cursor), limit: limit + 1, offset: offset ?? 0 };
      const rows = await listOffers(tenant(environmentId), environmentId, id, page);
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      return {
        data: shown.map(presentOffer),
        next_cursor: rows.length > limit && last ? cursorAt(last.name) : null,
        limit,
        ...(offset !== undefined && { offset }),
      };
    },
  );

  app.patch(
    path,
    {
      config: { access: 'write' },
      schema: {
        operationId: 'updateSubscriptions',
        tags,
        summary: 'Say which event types the application wants',
        description:
          'Each item stands alone: one that is refused does not stop the others. The first that is done makes the ' +
          'application `explicit`: from then on its endpoints get what it has subscribed to and nothing else. ' +
          '`subscriptions: "all"` in a PATCH of the application ends that. Where the catalogue has event types, or the ' +
          'environment is strict about them, only those can be subscribed to.',
        params,
        body: Wishes,
        response: { 207: Outcomes },
      },
    },
    async (request, reply) => {
      const { body: wishes, caller } = request;
      refuseDoubles(wishes);
      const application = await applicationOf(directory, caller, request.params.app_id);
      const outcomes = await tenant(caller.environmentId).transaction(async (tx) => {
        // The lock of this one row puts all calls for the application in order, on whatever process.
        const row = await lockApplication(tx, caller.environmentId, application.id);
        if (!row) throw notFound('application');
        const outcomes = await decide(tx, application, wishes);
        const done = outcomes.filter(({ verdict }) => verdict.kind === 'done');
        if (done.length === 0) return outcomes;
        const said = done.flatMap(({ wish, now }): [string, Subscription][] => (now ? [[wish.event_type, now]] : []));
        await saveSubscriptions(tx, caller.environmentId, application.id, new Map(said));
        if (row.subscriptions !== 'explicit') await updateApplication(tx, { ...row, subscriptions: 'explicit' });
        const items = done.map(({ wish, now }) => ({
          event_type: wish.event_type,
          action: wish.action,
          version: now?.version,
        }));
        await audit(tx, request, 'subscription.update', publicId('app', application.id), { items });
        await recordChange(tx, { kind: 'application', id: application.id });
        return outcomes;
      });
      directory.forget({ kind: 'application', id: application.id });
      return reply.code(207).send(outcomes.map(presentOutcome));
    },
  );
}

/** What becomes of each wish, under the application's lock. */
async function decide(
  tx: Queryable,
  { id, environment }: ApplicationEntry,
  wishes: readonly Wish[],
): Promise<Outcome[]> {
  const { id: environmentId, strictEventTypes } = environment.environment;
  const types = wishes.map(({ event_type }) => event_type);
  const said = await readSubscriptions(tx, environmentId, id, types);
  const catalogue = await offeredTypes(tx, environmentId, types);
  const isOpen = catalogue.isEmpty && !strictEventTypes;
  return wishes.map((wish) => {
    const before = said.get(wish.event_type) ?? null;
    const version = wish.metadata?.version === '' ? null : wish.metadata?.version;
    const isOffered = isOpen || catalogue.offered.has(wish.event_type);
    const verdict = decideSubscription(before, { action: wish.action, version }, isOffered);
    return { wish, verdict, now: verdict.kind === 'done' ? verdict.subscription : before };
  });
}

/** @throws Problem `validation_failed`: of two wishes for one event type nobody could say which counts. */
function refuseDoubles(wishes: readonly Wish[]): void {
  const seen = new Set<string>();
  wishes.forEach(({ event_type }, n) => {
    if (seen.has(event_type)) throw invalidFields([{ path: `/${n}/event_type`, message: 'is in this list twice' }]);
    seen.add(event_type);
  });
}

function cursorAt(name: string): string {
  return Buffer.from(name).toString('base64url');
}

/** @throws Problem `validation_failed` where the cursor is not one of ours. */
function nameIn(cursor: string): string {
  const name = Buffer.from(cursor, 'base64url').toString();
  if (EVENT_TYPE.test(name) && cursorAt(name) === cursor) return name;
  throw invalidFields([{ path: 'cursor', message: 'is not a next_cursor of this list' }]);
}
