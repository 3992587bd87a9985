import { describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { EVENT_FILTER_PATTERN, EVENT_TYPE_PATTERN, matchFilters } from '../../src/core/event-type.ts';
import { newId, type Uuid } from '../../src/core/ids.ts';
import { matchEndpoint, NO_RULES, type Rules, type Selection } from '../../src/core/matcher.ts';

describe('an event filter', () => {
  test.each([
    [['*'], 'invoice.paid', 'all_events'],
    [['invoice.paid'], 'invoice.paid', 'event_type'],
    [['invoice.*'], 'invoice.paid', 'event_prefix'],
    [['invoice.*'], 'invoice.line.added', 'event_prefix'],
    [['invoice.line.*'], 'invoice.line.added', 'event_prefix'],
    [['user.created', 'invoice.*'], 'invoice.paid', 'event_prefix'],
    [['invoice.*'], 'invoice', null],
    [['invoice.*'], 'invoices.paid', null],
    [['invoice.line.*'], 'invoice.paid', null],
    [['invoice'], 'invoice.paid', null],
    [['invoice.paid'], 'invoice', null],
    [['Invoice.paid'], 'invoice.paid', null],
    [['invoice.paid'], 'invoice.paid.late', null],
    [[], 'invoice.paid', null],
  ] as const)('%j and %s: %s', (filters, eventType, reason) => {
    expect(matchFilters(filters, eventType)).toBe(reason);
  });
});

test.each([
  ['invoice', true, true],
  ['invoice.paid', true, true],
  ['A-1_b.c', true, true],
  ['*', false, true],
  ['invoice.*', false, true],
  ['invoice.line.*', false, true],
  ['', false, false],
  ['.', false, false],
  ['.paid', false, false],
  ['invoice.', false, false],
  ['invoice..paid', false, false],
  ['*.paid', false, false],
  ['invoice.*.paid', false, false],
  ['invoice*', false, false],
  ['in voice', false, false],
  ['invoice.paid\n', false, false],
  ['rechnung.bezähl', false, false],
])('%j is an event type: %s, is a filter: %s', (text, isType, isFilter) => {
  expect(new RegExp(EVENT_TYPE_PATTERN).test(text)).toBe(isType);
  expect(new RegExp(EVENT_FILTER_PATTERN).test(text)).toBe(isFilter);
});

describe('an endpoint', () => {
  const id = newId();
  const other = newId();
  const plain: Selection = { eventType: 'invoice.paid', channels: null, endpointIds: null };
  test.each<[string, Partial<Endpoint>, Partial<Selection>, boolean, string]>([
    ['takes what it listens to', {}, {}, true, 'event_type'],
    ['does not take other events', { events: ['user.*'] }, {}, false, 'event_not_selected'],
    ['takes while it is paused', { status: 'paused' }, {}, true, 'event_type'],
    ['takes nothing while it is disabled', { status: 'disabled' }, {}, false, 'endpoint_disabled'],
    ['takes what is addressed to it', {}, { endpointIds: new Set([id]) }, true, 'event_type'],
    ['leaves what is addressed to others', {}, { endpointIds: new Set([other]) }, false, 'not_addressed'],
    ['leaves what is addressed to nobody', {}, { endpointIds: new Set() }, false, 'not_addressed'],
    [
      'must match even what is addressed to it',
      { events: ['user.*'] },
      { endpointIds: new Set([id]) },
      false,
      'event_not_selected',
    ],
    ['takes any channel where it names none', {}, { channels: ['eu'] }, true, 'event_type'],
    ['takes a channel of its own', { channels: ['us', 'eu'] }, { channels: ['eu', 'x'] }, true, 'event_type'],
    ['leaves other channels', { channels: ['us'] }, { channels: ['eu'] }, false, 'channel_not_selected'],
    ['with channels leaves a message without', { channels: ['us'] }, {}, false, 'channel_not_selected'],
    ['that names no channel at all takes none', { channels: [] }, { channels: ['eu'] }, false, 'channel_not_selected'],
  ])('%s', (_, of, selection, matched, reason) => {
    const endpoint = { id, status: 'active', events: ['invoice.paid'], channels: null, ...of } as Endpoint;
    expect(matchEndpoint(endpoint, { ...plain, ...selection })).toEqual({ endpoint_id: id, matched, reason });
  });

  const routed = (...ids: Uuid[]) => ({ ...NO_RULES, routes: new Map([['invoice.paid', new Set(ids)]]) });
  const wanting = (...types: string[]) => ({ ...NO_RULES, subscribed: new Set(types) });
  test.each<[string, Partial<Endpoint>, Partial<Selection>, Rules, boolean, string]>([
    ['in a route gets what it does not listen to', { events: ['user.*'] }, {}, routed(id), true, 'route'],
    ['in a route is not asked for channels', { channels: ['us'] }, { channels: ['eu'] }, routed(id), true, 'route'],
    ['in a route gets it while paused', { status: 'paused' }, {}, routed(id), true, 'route'],
    ['in a route gets nothing while disabled', { status: 'disabled' }, {}, routed(id), false, 'endpoint_disabled'],
    ['outside a route gets nothing', {}, {}, routed(other), false, 'not_in_route'],
    ['outside a route that has lost its last endpoint gets nothing', {}, {}, routed(), false, 'not_in_route'],
    ['gets other types by its filters', {}, { eventType: 'a' }, routed(id), false, 'event_not_selected'],
    [
      'is not routed to where others are addressed',
      {},
      { endpointIds: new Set([other]) },
      routed(id),
      false,
      'not_addressed',
    ],
    [
      'outside a route gets what is addressed to it',
      {},
      { endpointIds: new Set([id]) },
      routed(other),
      true,
      'event_type',
    ],
    ['gets what its application wants', {}, {}, wanting('invoice.paid', 'a'), true, 'event_type'],
    ['does not get what its application does not want', {}, {}, wanting('a'), false, 'not_subscribed'],
    ['gets nothing where its application wants nothing', {}, {}, wanting(), false, 'not_subscribed'],
    ['that is disabled says so first', { status: 'disabled' }, {}, wanting(), false, 'endpoint_disabled'],
    [
      'must be wanted even where it is addressed',
      {},
      { endpointIds: new Set([id]) },
      wanting(),
      false,
      'not_subscribed',
    ],
    [
      'in a route gets what its application does not want',
      {},
      {},
      { ...routed(id), subscribed: new Set() },
      true,
      'route',
    ],
  ])('%s', (_, of, selection, rules, matched, reason) => {
    const endpoint = { id, status: 'active', events: ['invoice.paid'], channels: null, ...of } as Endpoint;
    expect(matchEndpoint(endpoint, { ...plain, ...selection }, rules)).toEqual({ endpoint_id: id, matched, reason });
  });
});
