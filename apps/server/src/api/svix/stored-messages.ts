import type { Caller } from '../../auth/authenticate.ts';
import { parseId, type Uuid } from '../../core/ids.ts';
import { notFound } from '../../errors.ts';
import { type MessageRow, readMessage, readMessageByEventId, readPayloads } from '../../store/message.ts';
import { applicationOf } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { isText } from '../validation.ts';
import type { Turn } from './paging.ts';

/** Payloads in one answer: 50 of the largest are 12 MB. */
const MOST_WITH_CONTENT = 50;

type Dependencies = Pick<ApiDependencies, 'tenant' | 'directory'>;

/** Finds the message of a path, by its id or by the producer's own. It throws Problem `not_found`. */
export function messageFinder({ tenant, directory }: Dependencies) {
  return async (caller: Caller, appId: string, name: string): Promise<MessageRow> => {
    const { environmentId } = caller;
    const application = await applicationOf(directory, caller, appId);
    const id = parseId('msg', name);
    const db = tenant(environmentId);
    const row = id
      ? await readMessage(db, environmentId, application.id, id)
      : isText(name)
        ? await readMessageByEventId(db, environmentId, application.id, name)
        : undefined;
    if (!row) throw notFound('message');
    return row;
  };
}

/** Payloads, unless they are not wanted: in answers without a wish they are there. */
export async function contentsOf(
  { tenant }: Dependencies,
  caller: Caller,
  isWanted: boolean | undefined,
  ids: readonly Uuid[],
): Promise<ReadonlyMap<Uuid, string>> {
  if (isWanted === false) return new Map();
  return readPayloads(tenant(caller.environmentId), caller.environmentId, ids);
}

/** Pages are shorter where payloads are in them. */
export function turnWithContent(turn: Turn, isWanted: boolean | undefined): Turn {
  return isWanted === false ? turn : { ...turn, limit: Math.min(turn.limit, MOST_WITH_CONTENT) };
}
