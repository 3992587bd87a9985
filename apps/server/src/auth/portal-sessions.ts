import { newId, type Uuid } from '../core/ids.ts';
import type { PortalSession } from '../core/portal.ts';
import { isPortalToken, newPortalToken, portalDigest } from '../crypto/portal-token.ts';
import { Problem } from '../errors.ts';
import type { Database } from '../store/database.ts';
import { findPortalSession, insertPortalSession, takePortalLink, type UsedLink } from '../store/portal.ts';

/** A session that was just opened: the only time its token is known. */
export interface OpenedSession {
  readonly token: string;
  readonly applicationId: Uuid;
  readonly link: UsedLink;
  readonly expiresAt: Date;
}

/**
 * Who comes into the portal, and is there. A session is looked up at each call, so that one which is ended has ended
 * everywhere at once.
 */
export class PortalSessions {
  readonly #db: Database;

  constructor(options: { db: Database }) {
    this.#db = options.db;
  }

  /** Null where the token is none, or its session has ended. */
  async find(token: string): Promise<PortalSession | null> {
    if (!isPortalToken('session', token)) return null;
    return (await findPortalSession(this.#db, portalDigest(token))) ?? null;
  }

  /** Exchanges a link's code, once. @throws Problem `unauthenticated`. */
  async open(code: string): Promise<OpenedSession> {
    const opened = isPortalToken('link', code)
      ? await this.#db.transaction(async (tx) => {
          const link = await takePortalLink(tx, portalDigest(code));
          if (!link) return null;
          const token = newPortalToken('session');
          const expiresAt = await insertPortalSession(tx, {
            id: newId(),
            environmentId: link.environment_id,
            applicationId: link.application_id,
            digest: portalDigest(token),
            capabilities: link.capabilities,
            label: link.label,
            seconds: link.session_seconds,
          });
          return { token, applicationId: link.application_id, link, expiresAt };
        })
      : null;
    if (!opened)
      throw new Problem('unauthenticated', 'this link was used before, or its time is over; ask for another');
    return opened;
  }
}
