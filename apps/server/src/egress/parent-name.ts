/**
 * Second labels that registries of countries sell names under, as in `example.co.uk`. Without them one silent name there
 * would make everybody's of that country wait. Not all that there are: where one is missing its names share two places,
 * and where somebody owns one they get a few more.
 */
const UNDER_COUNTRIES = new Set('ac co com edu go gob gov gouv gv ltd me mil ne net nhs nom or org plc sch'.split(' '));

/**
 * What a name is counted by when places are shared out: near enough what somebody had to register, so that names which cost
 * nothing (`*.example.com`) count as one. That is the last two labels, three under `co.uk` and its like. The full list of
 * public suffixes would tell `*.vercel.app` apart too, but has no need to: a host of such a parent is silent only where its
 * owner can name a server of their own for it, which platforms that host do not let them do.
 */
export function parentOf(name: string): string {
  const labels = name.toLowerCase().replace(/\.$/, '').split('.');
  const [second = '', top = ''] = labels.slice(-2);
  return labels.slice(top.length === 2 && UNDER_COUNTRIES.has(second) ? -3 : -2).join('.');
}
