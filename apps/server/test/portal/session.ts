import { answer } from '../kit/answers.ts';
import { Api } from '../kit/api.ts';

export interface Link {
  readonly url: string;
  readonly expires_at: string;
}

export interface Opened {
  readonly token: string;
  readonly app_id: string;
  readonly capabilities: string[];
  readonly theme: object | null;
  readonly return_url: string | null;
  readonly expires_at: string;
}

export function codeIn(url: string): string {
  return new URL(url).hash.slice(1);
}

/** A session that came of a link. */
export async function openPortal(api: Api, url: string, app: string, wanted: object = {}): Promise<Opened> {
  const link = await answer<Link>(api.post(`/v1/app/${app}/portal`, wanted), 201);
  return answer(new Api(url, 'nobody').post('/v1/portal/session', { code: codeIn(link.url) }), 201);
}
