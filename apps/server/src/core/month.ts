/** Calendar months of UTC, as `YYYY-MM`; they sort as text. */
export type Month = string;

export function monthOf(ms: number): Month {
  return new Date(ms).toISOString().slice(0, 7);
}

/** @param months may be negative. */
export function monthAfter(month: Month, months: number): Month {
  return monthOf(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)) - 1 + months));
}

/** Both ends with all in between; none where `to` is before `from`. */
export function monthsFrom(from: Month, to: Month): Month[] {
  const months: Month[] = [];
  for (let month = from; month <= to; month = monthAfter(month, 1)) months.push(month);
  return months;
}

/** When a month has ended. */
export function endOf(month: Month): Date {
  return new Date(`${monthAfter(month, 1)}-01T00:00:00.000Z`);
}
