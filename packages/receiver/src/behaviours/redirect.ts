import { type Behaviour, misuse } from './behaviour.ts';

const REDIRECTS = new Set(['301', '302', '303', '307', '308']);

/** `/redirect?to=http://169.254.169.254/&status=307`: sends the client there (302 unless told). */
export const redirect: Behaviour = ({ query }) => {
  const to = query.get('to');
  const status = query.get('status') ?? '302';
  if (!to || !/^[\x21-\x7e]+$/.test(to)) return misuse('say /redirect?to=<URL, percent-encoded once for the query>');
  if (!REDIRECTS.has(status)) return misuse('status is one of 301, 302, 303, 307, 308');
  return { status: Number(status), headers: { location: to } };
};
