/** Where the Svix-compatible surface begins: a client is told `{server}/svix` and puts `/api/v1` behind it itself. */
export const SVIX_MOUNT = '/svix/api/v1';

/** True for what is to be answered in that surface's own shapes, whatever becomes of it. */
export function isSvixUrl(url: string): boolean {
  return url === '/svix' || url.startsWith('/svix/');
}
