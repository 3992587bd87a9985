import { publicId } from '../../core/ids.ts';
import type { SourceRow, SourceSettings } from '../../store/source.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import type { ApiServer } from '../server.ts';
import { SourcePath, SourceSchema } from './schema.ts';
import { presenterOf, storedSources } from './stored-sources.ts';

type State = Pick<SourceSettings, 'status' | 'paused_reason'>;

/** What can be done to a source by one word; each is a POST with that word and answers the source. */
const SWITCHES: Readonly<Record<string, { readonly summary: string; readonly to: (row: SourceRow) => State }>> = {
  pause: {
    summary: 'Receive nothing until it is resumed; messages wait with the broker',
    to: ({ status, paused_reason }) => ({
      status: 'paused',
      paused_reason: status === 'paused' ? paused_reason : 'by_request',
    }),
  },
  resume: {
    summary: 'Receive again, at once',
    to: () => ({ status: 'active', paused_reason: null }),
  },
};

export function sourceStateRoutes(app: ApiServer, deps: ApiDependencies): void {
  const sources = storedSources(deps);
  for (const [word, { summary, to }] of Object.entries(SWITCHES)) {
    app.post(
      `/v1/sources/:id/${word}`,
      {
        config: { access: 'write' },
        schema: {
          operationId: `${word}Source`,
          tags: ['Sources'],
          summary,
          params: SourcePath,
          response: { 200: SourceSchema },
        },
      },
      async (request, reply) => {
        const found = await sources.find(request.caller, request.params);
        const present = presenterOf(await deps.directory.dataKey(request.caller.environmentId));
        const outcome = await once(deps, request.caller, keyedCall(request, found.application_id), async (tx) => {
          await audit(tx, request, `source.${word}`, publicId('src', found.id));
          const row = await sources.change(tx, found, (row) => ({ ...row, ...to(row) }));
          return { status: 200, body: JSON.stringify(present(row)) };
        });
        deps.wakeSources();
        return sendAnswer(reply, outcome);
      },
    );
  }
}
