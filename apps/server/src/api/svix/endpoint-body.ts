import { type Static, Type } from 'typebox';
import { type EndpointPatch, NewEndpoint, WebhookUrl as url } from '../endpoints/schema.ts';
import { Nullable, Strict } from '../schema.ts';

/** What an endpoint is set up with, from Svix's words to ours. */

const { uid, description, metadata, channels, rate_limit, events, headers, secret } = NewEndpoint.properties;

const settings = {
  uid,
  description,
  metadata,
  channels,
  throttleRate: rate_limit,
  disabled: Type.Optional(Type.Boolean()),
  eventTypes: Type.Optional(Nullable(events)),
};

export const EndpointIn = Strict({
  ...settings,
  url,
  headers: Type.Optional(Nullable(headers)),
  secret: Type.Optional(Nullable(secret)),
});
export const EndpointPut = Strict({ ...settings, url });
export const EndpointPatchIn = Strict({ ...settings, url: Type.Optional(url) });
type EndpointPatchIn = Static<typeof EndpointPatchIn>;

export function newEndpoint(body: Static<typeof EndpointIn>): NewEndpoint {
  const { secret: text, headers: fixed } = body;
  return {
    ...endpointPatch(body),
    url: body.url,
    ...(fixed != null && { headers: fixed }),
    ...(text != null && { secret: prefixed(text) }),
  };
}

/** Svix takes a secret without its prefix too. */
export function prefixed(secret: string): string {
  return /^whs(ec|k)_/.test(secret) ? secret : `whsec_${secret}`;
}

/** All that a PUT sets: what it leaves out is as in a new endpoint. Headers and secret are not part of it. */
export function endpointPut(body: Static<typeof EndpointPut>): EndpointPatch {
  const defaults = { uid: null, description: '', metadata: {}, channels: null, throttleRate: null };
  return endpointPatch({ ...defaults, disabled: false, eventTypes: null, ...body });
}

/** What is left out stays. */
export function endpointPatch(body: EndpointPatchIn): EndpointPatch {
  const { throttleRate, disabled, eventTypes, ...same } = body;
  const { uid, description, metadata, channels, url } = same;
  return {
    ...(url !== undefined && { url }),
    ...(uid !== undefined && { uid }),
    ...(description !== undefined && { description }),
    ...(metadata !== undefined && { metadata }),
    ...(channels !== undefined && { channels }),
    ...(throttleRate !== undefined && { rate_limit: throttleRate }),
    ...(disabled !== undefined && { active: !disabled }),
    ...(eventTypes !== undefined && { events: eventTypes ?? ['*'] }),
  };
}
