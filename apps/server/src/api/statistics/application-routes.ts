import { Type } from 'typebox';
import { endOf, type Month, monthAfter, monthOf, monthsFrom } from '../../core/month.ts';
import { invalidFields } from '../../errors.ts';
import { readUsage } from '../../store/usage.ts';
import { AppIdParam, applicationOf } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { ApiServer } from '../server.ts';
import { ApplicationStatistics, ApplicationStatisticsQuery } from './application-schema.ts';

const DEFAULT_MONTHS = 12;
const MOST_MONTHS = 36;

export function applicationStatisticsRoutes(app: ApiServer, { tenant, directory, now }: ApiDependencies): void {
  app.get(
    '/v1/app/:app_id/statistics',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getApplicationStatistics',
        tags: ['Statistics'],
        summary: 'What an application used in each month, and what it may use in this one',
        description:
          'The last 12 months unless told, at most 36. Of an application with a limit, `messages` is exact; of others, and ' +
          'of deliveries, it is up to two seconds behind, and a process that is killed loses a second of it.',
        params: Type.Object({ app_id: AppIdParam }),
        querystring: ApplicationStatisticsQuery,
        response: { 200: ApplicationStatistics },
      },
    },
    async ({ caller, params, query }) => {
      const application = await applicationOf(directory, caller, params.app_id);
      const current = monthOf(now());
      const months = monthsOf(query, current);
      const { environmentId } = caller;
      const rows = await readUsage(tenant(environmentId), environmentId, application.id, [...months, current]);
      const used = new Map(rows.map((row) => [row.month, row]));
      return {
        months: months.map((month) => ({ ...NOTHING, month, ...used.get(month) })),
        limit: application.quota,
        used: used.get(current)?.messages ?? 0,
        reset_at: endOf(current).toISOString(),
      };
    },
  );
}

const NOTHING = { messages: 0, deliveries_sent: 0, deliveries_failed: 0 };

/** @throws Problem `validation_failed` */
function monthsOf({ from, to }: { from?: Month; to?: Month }, current: Month): Month[] {
  const last = to ?? current;
  const first = from ?? monthAfter(last, 1 - DEFAULT_MONTHS);
  if (first > last) throw invalidFields([{ path: 'from', message: `must not be after ${last}` }]);
  if (monthAfter(first, MOST_MONTHS) <= last) {
    throw invalidFields([{ path: 'from', message: `must be less than ${MOST_MONTHS} months before ${last}` }]);
  }
  return monthsFrom(first, last);
}
