import { LRUCache } from 'lru-cache';
import type { Endpoint } from '../core/endpoint.ts';
import { publicId, type Uuid } from '../core/ids.ts';
import { type Match, matchEndpoint, type Rules, type Selection } from '../core/matcher.ts';
import { eventsPerMonth } from '../core/plan.ts';
import type { ApplicationRow } from '../store/application.ts';
import { DirectEndpoints } from './direct-endpoints.ts';
import type { EnvironmentEntry } from './environment-entry.ts';

/** Which endpoints get a message, and why; `matching` is what is stored with it and shown. */
export interface Matched {
  readonly endpoints: readonly Endpoint[];
  /** JSON array of {endpoint_id, matched, reason}, ids public. */
  readonly matching: string;
}

/** Distinct event types of an application whose matches are remembered. */
const MAX_MATCHES = 500;

/** An application and its endpoints as of one instant. Replaced whole when anything of it changes. */
export class ApplicationEntry {
  /** When it was read or earlier, by performance.now(). */
  readonly readAt: number;
  readonly id: Uuid;
  readonly environmentId: Uuid;
  /** What its environment decides. */
  readonly environment: EnvironmentEntry;
  readonly uid: string | null;
  readonly isDefault: boolean;
  /** Messages that it may have in a calendar month of UTC; null: no limit. */
  readonly quota: number | null;
  /** All but the direct ones. */
  readonly endpoints: readonly Endpoint[];
  readonly #rules: Rules;
  readonly #byId: ReadonlyMap<Uuid, Endpoint>;
  // A message without channels and subset matches as the last one of its type did.
  readonly #plain = new LRUCache<string, Matched>({ max: MAX_MATCHES });

  // Made on first use: most applications have none.
  #direct: DirectEndpoints | undefined;

  constructor(
    readAt: number,
    row: ApplicationRow,
    environment: EnvironmentEntry,
    endpoints: readonly Endpoint[],
    rules: Rules,
  ) {
    this.readAt = readAt;
    this.id = row.id;
    this.environmentId = row.environment_id;
    this.environment = environment;
    this.uid = row.uid;
    this.isDefault = row.is_default;
    this.quota = eventsPerMonth(row, environment.environment.plan);
    this.endpoints = endpoints;
    this.#rules = rules;
    this.#byId = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
  }

  endpoint(id: Uuid): Endpoint | undefined {
    return this.#byId.get(id);
  }

  /** Its direct endpoints, as far as they are remembered. */
  get direct(): DirectEndpoints {
    this.#direct ??= new DirectEndpoints();
    return this.#direct;
  }

  /** Any of its endpoints that is remembered. */
  known(id: Uuid): Endpoint | undefined {
    return this.#byId.get(id) ?? this.#direct?.get(id);
  }

  match(selection: Selection): Matched {
    if (selection.channels || selection.endpointIds) return this.#match(selection);
    let matched = this.#plain.get(selection.eventType);
    if (!matched) {
      matched = this.#match(selection);
      this.#plain.set(selection.eventType, matched);
    }
    return matched;
  }

  #match(selection: Selection): Matched {
    const matches = this.endpoints.map((endpoint) => ({
      endpoint,
      match: matchEndpoint(endpoint, selection, this.#rules),
    }));
    return {
      endpoints: matches.filter(({ match }) => match.matched).map(({ endpoint }) => endpoint),
      matching: matchingJson(matches.map(({ match }) => match)),
    };
  }
}

export function matchingJson(matches: readonly Match[]): string {
  return JSON.stringify(matches.map((match) => ({ ...match, endpoint_id: publicId('ep', match.endpoint_id) })));
}
