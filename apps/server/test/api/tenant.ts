import { newId, publicId } from '../../src/core/ids.ts';
import type { Scope } from '../../src/core/scope.ts';
import {
  type Application,
  answer,
  type Delivery,
  jobEnded,
  type List,
  type Message,
  type NewApiKey,
  type NewEndpoint,
  type ReplayAnswer,
  settled,
} from '../kit/answers.ts';
import { Api } from '../kit/api.ts';
import { startQuietRedis } from '../kit/quiet-redis.ts';
import { createSource, type Rejection, sourceOnce } from '../sources/answers.ts';

/** Of all tenants of a file. */
let redis: ReturnType<typeof startQuietRedis> | undefined;

/** One environment with something of everything in it, and ways to make more. */
export interface Tenant {
  /** Calls with an admin key. */
  readonly api: Api;
  readonly keyId: string;
  /** Calls with a key of this scope. */
  readonly as: Readonly<Record<Scope, Api>>;
  readonly appId: string;
  readonly uid: string;
  /** An active endpoint of the application, whose deliveries fail at once. */
  readonly endpointId: string;
  readonly messageId: string;
  /** FAILED, with one attempt. */
  readonly deliveryId: string;
  /** Done, of nothing. */
  readonly jobId: string;
  /** A source that has refused a message. */
  readonly sourceId: string;
  readonly rejectionId: string;
  /** What a source like it is made of. */
  readonly sourceBody: object;
  /** The name of an event type that no other tenant has. */
  readonly eventType: string;
  /** An endpoint of the default application that listens to nothing. */
  readonly defaultEndpointId: string;
  /** To it; there is one for `eventType`. @returns the event type. */
  newRoute(): Promise<string>;
  newApplication(): Promise<string>;
  newEventType(): Promise<string>;
  newEndpoint(settings?: object): Promise<string>;
  newFailedDelivery(): Promise<string>;
  newSource(): Promise<string>;
  newKey(scope: Scope): Promise<NewApiKey>;
}

/** @param refusing a URL that answers 500. */
export async function settle(url: string, api: Api, refusing: string): Promise<Tenant> {
  const newKey = (scope: Scope) => answer<NewApiKey>(api.post('/v1/api-keys', { name: `a ${scope}`, scope }), 201);
  const uid = `acme-${newId()}`;
  const { id: appId } = await answer<Application>(api.post('/v1/app', { uid, name: 'Acme' }), 201);
  const newEndpoint = async (settings: object = {}) => {
    const body = { url: refusing, retry_policy: [], ...settings };
    return (await answer<NewEndpoint>(api.post(`/v1/app/${appId}/endpoints`, body), 201)).id;
  };
  const endpointId = await newEndpoint({ metadata: { team: 'a' }, channels: ['eu'], headers: { 'x-a': 'b' } });
  const newFailedDelivery = async () => {
    const body = { event_type: 'invoice.paid', payload: { n: 1 }, channels: ['eu'], endpoint_ids: [endpointId] };
    const { id } = await answer<Message>(api.post(`/v1/app/${appId}/messages`, body), 202);
    const { deliveries } = await answer<Message>(api.get(`/v1/messages/${id}`), 200);
    const [delivery] = deliveries;
    if (!delivery) throw new Error('the message matched nothing');
    return settled(api, delivery.id);
  };
  const quiet = { url: refusing, retry_policy: [], events: ['nothing'] };
  const { id: defaultEndpointId } = await answer<NewEndpoint>(api.post('/v1/endpoints', quiet), 201);
  const newRoute = async (type = newEventType()) => {
    await answer(api.put(`/v1/routes/${type}`, { endpoint_ids: [defaultEndpointId] }), 201);
    return type;
  };
  const keys = { read: await newKey('read'), write: await newKey('write'), admin: await newKey('admin') };
  const makeEventType = async () => {
    const name = newEventType();
    await answer(api.post('/v1/event-types', { name, schema: { type: 'object' } }), 201);
    return name;
  };
  const eventType = await newRoute(await makeEventType());
  const failed: Delivery = await newFailedDelivery();
  const nothing = { filter: { until: '2020-01-01T00:00:00Z' } };
  const { job_id } = await answer<ReplayAnswer>(api.post('/v1/deliveries/replay', nothing), 202);
  await jobEnded(api, job_id);
  redis ??= startQuietRedis();
  const sourceBody = {
    ...{ type: 'redis', name: 'Orders', event_type: { field: 'type' } },
    config: { url: (await redis).url, stream: 'orders', username: 'me', password: 'correct-horse-battery' },
  };
  const newSource = async () => (await createSource(api, sourceBody)).id;
  const { id: sourceId } = await createSource(api, { ...sourceBody, config: { ...sourceBody.config, stream: 'bad' } });
  await sourceOnce(api, sourceId, ({ rejected }) => rejected === 1);
  const rejections = await answer<List<Rejection>>(api.get(`/v1/sources/${sourceId}/rejections`), 200);
  return {
    api,
    keyId: keys.admin.id,
    as: {
      read: new Api(url, keys.read.key),
      write: new Api(url, keys.write.key),
      admin: new Api(url, keys.admin.key),
    },
    appId,
    uid,
    endpointId,
    messageId: failed.message_id,
    deliveryId: failed.id,
    jobId: job_id,
    sourceId,
    rejectionId: rejections.data[0]?.id ?? '',
    sourceBody,
    newSource,
    eventType,
    newEventType: makeEventType,
    defaultEndpointId,
    newRoute,
    newApplication: async () =>
      (await answer<Application>(api.post('/v1/app', { uid: `app-${newId()}`, name: 'One more' }), 201)).id,
    newEndpoint,
    newFailedDelivery: async () => (await newFailedDelivery()).id,
    newKey,
  };
}

/** The ids and names of things that nobody ever made. */
export function nonexistent(): Pick<
  Tenant,
  'appId' | 'endpointId' | 'messageId' | 'deliveryId' | 'keyId' | 'jobId' | 'sourceId' | 'rejectionId' | 'eventType'
> {
  return {
    appId: publicId('app', newId()),
    endpointId: publicId('ep', newId()),
    messageId: publicId('msg', newId()),
    deliveryId: publicId('dlv', newId()),
    keyId: publicId('key', newId()),
    jobId: publicId('job', newId()),
    sourceId: publicId('src', newId()),
    rejectionId: publicId('rej', newId()),
    eventType: newEventType(),
  };
}

function newEventType(): string {
  return `invoice.${newId()}`;
}
