import { Type } from 'typebox';
import { AppIdParam } from '../application-scope.ts';
import { Text } from '../schema.ts';

/** What Svix has and we do not: only to be left out, or null. Better refused than taken for done. */
export const Unsupported = Type.Optional(Type.Null());
/** The same for a switch of a query: it may be off. */
export const UnsupportedSwitch = Type.Optional(Type.Literal(false));
export const Switch = Type.Optional(Type.Boolean());

export const Name = Text({ minLength: 1, maxLength: 256 });
export const AppPath = Type.Object({ app_id: AppIdParam });
export const EndpointPath = Type.Object({ app_id: AppIdParam, endpoint_id: Type.String({ maxLength: 256 }) });

/** Which channel's messages are listed. */
export const Channel = Type.Optional(Text({ maxLength: 128 }));

/** Several values as the client joins them: `a,b`. */
export const Joined = Type.Optional(Text({ minLength: 1, maxLength: 8_192 }));

export function split(joined: string | undefined): string[] | undefined {
  return joined?.split(',');
}

export function OneOf(numbers: readonly number[]) {
  return Type.Optional(Type.Unsafe<number>({ type: 'integer', enum: numbers }));
}
