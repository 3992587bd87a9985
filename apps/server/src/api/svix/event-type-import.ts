import { type Static, Type } from 'typebox';
import { isJsonObject, type JsonObject } from '../../core/json-schema/json.ts';
import { invalidFields } from '../../errors.ts';
import { allEventTypes } from '../../store/event-type.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { fromOpenApi } from '../event-types/openapi.ts';
import { planOf, type Step, type Wanted } from '../event-types/plan.ts';
import { storedEventTypes } from '../event-types/stored-event-types.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { Nullable, Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { presentRest } from './event-type-body.ts';
import { Switch } from './schema.ts';

const ImportIn = Strict({
  dryRun: Switch,
  replaceAll: Switch,
  spec: Type.Optional(Nullable(Type.Unsafe<JsonObject>({ type: 'object' }))),
  specRaw: Type.Optional(Nullable(Type.String())),
});

/** Event types out of an OpenAPI document, as `/v1` takes it. */
export function eventTypeImport(app: ApiServer, deps: ApiDependencies): void {
  const { tenant } = deps;
  const types = storedEventTypes(deps);

  app.post(
    '/event-type/import/openapi',
    { config: { access: 'write' }, schema: { hide: true, body: ImportIn } },
    async (request, reply) => {
      const { caller, body } = request;
      const { environmentId } = caller;
      const call = keyedCall(request, null);
      const wanted = fromOpenApi(documentIn(body));
      if (body.replaceAll) wanted.push(...(await others(wanted)));
      if (body.dryRun) {
        const plan = await planOf(tenant(environmentId), environmentId, wanted);
        const toModify = plan.filter(({ outcome }) => outcome !== 'unchanged').map(presentStep);
        return sendAnswer(reply, await once(deps, caller, call, async () => answerOf([], toModify)));
      }
      const outcome = await types.save(caller, wanted, (write) =>
        once(deps, caller, call, (tx) =>
          write(tx, async ({ created, updated }) => {
            const counts = { created: created.length, updated: updated.length };
            await audit(tx, request, 'event_type.import', 'catalogue', counts);
            return answerOf([...created, ...updated], null);
          }),
        ),
      );
      return sendAnswer(reply, outcome);

      /** What is in the catalogue and not in the document: to be archived. */
      async function others(named: readonly Wanted[]): Promise<Wanted[]> {
        const names = new Set(named.map(({ name }) => name));
        const rows = await allEventTypes(tenant(environmentId), environmentId, false);
        const rest = rows.filter(({ name }) => !names.has(name));
        return rest.map(({ name }) => ({ name, change: { archived: true }, at: '' }));
      }
    },
  );
}

function documentIn({ spec, specRaw }: Static<typeof ImportIn>): JsonObject {
  if (spec) return spec;
  if (specRaw == null) throw invalidFields([{ path: '/spec', message: 'is required' }]);
  const parsed = parse(specRaw);
  if (!isJsonObject(parsed))
    throw invalidFields([{ path: '/specRaw', message: 'must be JSON; YAML is not read here' }]);
  return parsed;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function presentStep({ name, after }: Step) {
  const schemas = after.schema === null ? null : { '1': after.schema };
  return { name, description: after.description, ...presentRest(after.group, schemas) };
}

function answerOf(modified: readonly string[], toModify: readonly object[] | null) {
  // This one field is not in camel case there.
  return { status: 200, body: JSON.stringify({ data: { modified, to_modify: toModify } }) };
}
