import { type Static, Type } from 'typebox';
import type { Caller } from '../auth/authenticate.ts';
import { parseId } from '../core/ids.ts';
import type { ApplicationEntry } from '../directory/application-entry.ts';
import type { Directory } from '../directory/directory.ts';
import { notFound } from '../errors.ts';
import type { ApplicationRef } from '../store/application.ts';

/**
 * Messages, deliveries and endpoints exist twice: of an environment (its default application where one is needed) and
 * under `/v1/app/{app_id}`. The routes are written once and mounted at both.
 */
export const MOUNTS = [
  { prefix: '/v1', isScoped: false },
  { prefix: '/v1/app/:app_id', isScoped: true },
] as const;

export type Mount = (typeof MOUNTS)[number];

export const APP_ID_PATTERN = '^[A-Za-z0-9._:-]{1,128}$';

export const AppIdParam = Type.String({
  maxLength: 256,
  description: 'An `app_` id, your own id for the application, or `default`',
});

/** Path parameters of a route at this mount. The schema has app_id only where the path has it. */
export function pathOf<P extends Record<string, ReturnType<typeof Type.String>>>(mount: Mount, parameters: P) {
  return Type.Object({ ...(mount.isScoped && { app_id: AppIdParam }), ...parameters }) as ReturnType<
    typeof Type.Object<P & { app_id: ReturnType<typeof Type.Optional<typeof AppIdParam>> }>
  >;
}

export type ScopedPath = Static<ReturnType<typeof pathOf<Record<never, never>>>>;

/** How a path or query names an application; null where no application can have that name. */
export function applicationRef(text: string): ApplicationRef | null {
  if (text === 'default') return { by: 'default' };
  if (text.startsWith('app_')) {
    const id = parseId('app', text);
    return id && { by: 'id', id };
  }
  return new RegExp(APP_ID_PATTERN).test(text) ? { by: 'uid', uid: text } : null;
}

/** The application of a path, or the environment's default one. @throws Problem `not_found`. */
export async function applicationOf(
  directory: Directory,
  caller: Caller,
  appId: string | undefined,
): Promise<ApplicationEntry> {
  const ref = applicationRef(appId ?? 'default');
  const entry = ref && (await directory.application(caller.environmentId, ref));
  if (!entry) throw notFound('application');
  return entry;
}

/** The application that a list or read is limited to, or null for the whole environment. @throws Problem `not_found`. */
export async function applicationFilter(directory: Directory, caller: Caller, appId: string | undefined) {
  return appId === undefined ? null : (await applicationOf(directory, caller, appId)).id;
}
