/** The config of a broker, as JSON Schema says what it can be at all; core/broker/ knows its fields. */
export const BROKER_CONFIG = {
  type: 'object',
  additionalProperties: { type: ['string', 'number', 'boolean'] },
};

/** The same as a caller sends it. */
export const BROKER_CONFIG_INPUT = {
  type: 'object',
  maxProperties: 30,
  propertyNames: { maxLength: 64 },
  additionalProperties: {
    anyOf: [{ type: 'string', format: 'text', maxLength: 16_384 }, { type: 'boolean' }, { type: 'null' }],
  },
};
