-- Endpoints that are queues of brokers.
alter table endpoint drop constraint endpoint_type_check;
-- Not validated: there has been nothing but webhooks, and a look at every row would keep writers waiting.
alter table endpoint add constraint endpoint_type_check
  check (type in ('webhook', 'sqs', 'nats', 'redis', 'amqp', 'kafka', 'pubsub', 'azure')) not valid;
-- Sealed: JSON object of how to reach it and as whom; null for webhooks.
alter table endpoint add column config bytea;
