import { Type } from 'typebox';
import { CAPABILITIES, type Capability, LINK_SECONDS } from '../../core/portal.ts';
import { Id, Nullable, Strict, Text, Timestamp } from '../schema.ts';

const CapabilitySchema = Type.Unsafe<Capability>({
  type: 'string',
  enum: [...CAPABILITIES],
  description:
    '`view`: read endpoints, messages, deliveries and attempts; `manage_endpoints`: create, change, test, delete; ' +
    '`replay`: send again; `reveal_secret`: see signing secrets',
});

/** Nothing but a web page, and no script in disguise. */
const WebUrl = Type.String({ format: 'text', pattern: '^https?://[^\\s"\'<>\\\\]+$', maxLength: 2048 });

const ThemeSchema = Strict(
  {
    mode: Type.Optional(Type.Union([Type.Literal('light'), Type.Literal('dark'), Type.Literal('auto')])),
    name: Type.Optional(Text({ minLength: 1, maxLength: 128, description: 'Your name, in place of Postrider’s' })),
    logo_url: Type.Optional(WebUrl),
    primary_color: Type.Optional(Type.String({ pattern: '^#[0-9a-fA-F]{6}$', examples: ['#1f6feb'] })),
  },
  { description: 'How the portal is to look' },
);

export const NewPortalLink = Strict({
  expires_in: Type.Optional(
    Type.Integer({
      minimum: LINK_SECONDS.least,
      maximum: LINK_SECONDS.most,
      description: `Seconds that the link can be used; ${LINK_SECONDS.unlessTold} unless told`,
    }),
  ),
  capabilities: Type.Optional(
    Type.Array(CapabilitySchema, { minItems: 1, maxItems: 16, description: 'All of them, unless told; `view` always' }),
  ),
  theme: Type.Optional(ThemeSchema),
  return_url: Type.Optional(WebUrl),
});

export const PortalLink = Type.Object({
  url: Type.String({ description: 'Opens the portal once. Give it to nobody else' }),
  expires_at: Timestamp,
});

export const DashboardAccess = Type.Object({
  url: Type.String(),
  token: Type.String({ description: 'The code in the URL, to be exchanged at `POST /v1/portal/session`' }),
});

export const SessionRequest = Strict({
  code: Type.String({ maxLength: 128, description: 'What is after the # of a link' }),
});

export const OpenedPortalSession = Type.Object({
  token: Type.String({ description: 'Goes as `authorization: Bearer prs_…`. Shown here once' }),
  app_id: Id('app'),
  capabilities: Type.Array(CapabilitySchema),
  theme: Nullable(ThemeSchema),
  return_url: Nullable(Type.String()),
  expires_at: Timestamp,
});
