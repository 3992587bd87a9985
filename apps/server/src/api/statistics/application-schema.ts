import { Type } from 'typebox';
import { Nullable, Strict, Timestamp } from '../schema.ts';

const MonthSchema = Type.String({
  pattern: '^2\\d{3}-(0[1-9]|1[0-2])$',
  description: 'A calendar month of UTC, `YYYY-MM`',
  examples: ['2026-11'],
});

export const ApplicationStatisticsQuery = Strict({
  from: Type.Optional(MonthSchema),
  to: Type.Optional(MonthSchema),
});

export const ApplicationStatistics = Type.Object({
  months: Type.Array(
    Type.Object({
      month: MonthSchema,
      messages: Type.Integer({ description: 'Accepted, also those that matched no endpoint; without test events' }),
      deliveries_sent: Type.Integer({ description: 'Ended SENT in this month' }),
      deliveries_failed: Type.Integer({ description: 'Ended FAILED; one that is retried by hand ends once more' }),
    }),
    { description: 'Every month of the range, oldest first' },
  ),
  limit: Nullable(Type.Integer({ description: 'Messages it may have in a month; null: no limit' })),
  used: Type.Integer({ description: 'Messages of the month that is under way' }),
  reset_at: Timestamp,
});
