import { keepAliveClose, keepAliveReset, neverAnswers, resetBeforeHeaders, resetMidBody } from './cuts.ts';
import { bodyDrip, endlessContinue, endlessHints, headerDrip } from './drips.ts';
import { gzipBomb, hugeBody, hugeHeader, manyHeaders } from './floods.ts';
import type { Hostility } from './hostility.ts';
import { closeMidBody, garbage, twoLengths } from './lies.ts';

/** What is done once a request has been read; the name is the first path segment. */
export const HOSTILITIES = {
  'never-answers': neverAnswers,
  'header-drip': headerDrip,
  'endless-continue': endlessContinue,
  'endless-hints': endlessHints,
  'body-drip': bodyDrip,
  'huge-body': hugeBody,
  'gzip-bomb': gzipBomb,
  'huge-header': hugeHeader,
  'many-headers': manyHeaders,
  'two-lengths': twoLengths,
  'reset-before-headers': resetBeforeHeaders,
  'reset-mid-body': resetMidBody,
  'close-mid-body': closeMidBody,
  garbage,
  'keep-alive-close': keepAliveClose,
  'keep-alive-reset': keepAliveReset,
} as const satisfies Record<string, Hostility>;

/** Those that act before any request is read have a port of their own. */
export type HostileName = keyof typeof HOSTILITIES | 'accept-close' | 'silent';
