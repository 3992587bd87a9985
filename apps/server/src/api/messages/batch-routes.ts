import type { FastifyRequest } from 'fastify';
import { elementSources, memberSource } from '../../core/raw-json.ts';
import type { ApplicationEntry } from '../../directory/application-entry.ts';
import { checkByCatalogue } from '../../directory/catalogue-check.ts';
import type { Directory } from '../../directory/directory.ts';
import type { EnvironmentEntry } from '../../directory/environment-entry.ts';
import { Problem } from '../../errors.ts';
import type { Accepted, Draft } from '../../ingest/acceptor.ts';
import { applicationOf, type Mount, pathOf, type ScopedPath } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { type Answer, earlierAnswer, type KeyedCall, keyedCall, keyInUse, sendAnswer } from '../idempotency.ts';
import { Pauses } from '../pauses.ts';
import { isOurFault, problemOf } from '../problems.ts';
import type { ApiServer } from '../server.ts';
import { bodyReader, validatorCompiler } from '../validation.ts';
import { payloadOf } from './payload.ts';
import { publication } from './publishing.ts';
import { Batch, BatchAccepted, BatchEnvelope, NewMessage } from './schema.ts';
import { draftOf } from './sending.ts';

/** The whole request. */
const BODY_LIMIT = 8 * 1024 * 1024;

const readMessage = bodyReader(NewMessage);

/** A message of a batch: ready to be accepted, or refused. */
type Item = { readonly draft: Omit<Draft, 'keyed'>; readonly answer: (accepted: Accepted) => object } | Problem;

/**
 * Many messages in one call, each of them right or wrong on its own: what is said of one is what it would have been
 * answered alone. With an idempotency key those that are right are accepted together, or the call is refused whole.
 */
export function batchRoutes(app: ApiServer, deps: ApiDependencies, mount: Mount): void {
  app.post(
    `${mount.prefix}/messages/batch`,
    {
      config: { access: 'write' },
      bodyLimit: BODY_LIMIT,
      validatorCompiler: (part) =>
        validatorCompiler(part.httpPart === 'body' ? { ...part, schema: BatchEnvelope } : part),
      schema: {
        operationId: mount.isScoped ? 'publishBatchOfApplication' : 'publishBatch',
        tags: ['Messages'],
        summary: 'Publish up to 500 events, with a result for each',
        description: 'A message that is refused does not stop the others. The whole request may have 8 MiB.',
        params: pathOf(mount, {}),
        body: Batch,
        response: { 202: BatchAccepted },
      },
    },
    async (request, reply) => {
      const application = await applicationOf(deps.directory, request.caller, (request.params as ScopedPath).app_id);
      const call = keyedCall(request, application.id);
      const drafted = itemsOf(request, application, request.body.messages);
      const { environment } = application;
      const items = environment.catalogue ? await heldAgainst(deps, environment, drafted) : drafted;
      const outcome = call
        ? await acceptKeyed(deps, call, items)
        : { answer: answerOf(await acceptEach(deps, request, items)), isReplay: false };
      return sendAnswer(reply, outcome);
    },
  );
}

/** @param messages as they came, unchecked. */
function itemsOf(request: FastifyRequest, application: ApplicationEntry, messages: readonly unknown[]): Item[] {
  // Of two members of that name both the parser and this take the last.
  const sources = elementSources(memberSource(request.rawBody, 'messages') ?? '[]');
  return messages.map((message, n) => {
    try {
      const body = readMessage(message);
      const sending = publication(application, body, payloadOf(sources[n] ?? ''));
      return { draft: draftOf(request.caller, sending), answer: sending.answer };
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
  });
}

/** The items as their environment's catalogue leaves them. */
async function heldAgainst(
  { directory }: ApiDependencies,
  environment: EnvironmentEntry,
  items: readonly Item[],
): Promise<Item[]> {
  const pauses = new Pauses();
  const held: Item[] = [];
  for (const item of items) {
    held.push(item instanceof Problem ? item : await checked(directory, environment, item));
    await pauses.pause();
  }
  return held;
}

async function checked(
  directory: Directory,
  environment: EnvironmentEntry,
  item: Exclude<Item, Problem>,
): Promise<Item> {
  try {
    const payloadErrors = await checkByCatalogue(directory, environment, item.draft);
    return payloadErrors === null ? item : { ...item, draft: { ...item.draft, payloadErrors } };
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

/** Each on its own; they go in one commit because they come together. */
async function acceptEach(deps: ApiDependencies, request: FastifyRequest, items: readonly Item[]): Promise<object[]> {
  const failures: unknown[] = [];
  let isAnyAccepted = false;
  const results = await Promise.all(
    items.map(async (item) => {
      if (item instanceof Problem) return refusal(item);
      try {
        const acceptance = await deps.acceptor.accept({ ...item.draft, keyed: null });
        if (acceptance.kind !== 'accepted') throw new Error('a message without a key met one');
        isAnyAccepted = true;
        return item.answer(acceptance.accepted);
      } catch (error) {
        failures.push(error);
        return refusal(problemOf(error));
      }
    }),
  );
  // Nothing was done, and not for what was in it: the call may be sent again as it is.
  if (!isAnyAccepted && failures.length > 0) throw failures[0];
  for (const error of failures.filter(isOurFault)) {
    deps.log.error({ err: error, request_id: request.id }, 'a message of a batch cannot be accepted');
  }
  return results;
}

/** All or none, and the answer with them. */
async function acceptKeyed(deps: ApiDependencies, call: KeyedCall, items: readonly Item[]) {
  const bodyOf = (accepted: readonly Accepted[]) => answerOf(resultsOf(items, accepted));
  const acceptance = await deps.acceptor.acceptTogether({
    drafts: items.flatMap((item) => (item instanceof Problem ? [] : item.draft)),
    keyed: (accepted) => ({ ...call, ...bodyOf(accepted) }),
  });
  if (acceptance.kind === 'accepted') return { answer: bodyOf(acceptance.accepted), isReplay: false };
  if (acceptance.kind === 'key_in_use') throw keyInUse();
  return { answer: await earlierAnswer(deps, call), isReplay: true };
}

/** @param accepted of the items that are no refusals, in order. */
function resultsOf(items: readonly Item[], accepted: readonly Accepted[]): object[] {
  const next = accepted.values();
  return items.map((item) => {
    if (item instanceof Problem) return refusal(item);
    const { value } = next.next();
    if (!value) throw new Error('fewer messages were accepted than asked');
    return item.answer(value);
  });
}

function refusal({ code, message, errors, reset }: Problem): object {
  return { error: { code, detail: message, errors, reset_at: reset?.at.toISOString() } };
}

function answerOf(results: readonly object[]): Answer {
  return { status: 202, body: JSON.stringify({ results }) };
}
