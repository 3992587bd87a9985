/**
 * The published example of the specification; also in the conformance files of the SDKs. What follows it is ours: the same
 * message under the key pair that belongs to its secret, and as `hmac-hex`. Both were computed by Python too, by hand from
 * HMAC and by the package `cryptography`.
 */
export const vector = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1614265330,
  body: '{"test": 2432232314}',
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  publicKey: 'whpk_iC/sXNiCg77zj7CxDQXivtta9fBivtJgj5GvT/vl5Xw=',
  ed25519: 'v1a,sTgKuF2jLCRjHVe0Zke/fmmqxYyMBrIuBklUzIiRPzhUPGFwhXwuPZFhhDQvc5e7GJxiRi/IeKJTwG82UPmKAg==',
  hmacHex: '2e37df5d4a028c51a7f3133d64ae1e300d2c2c900f1b1d49d4369ad2530f8964',
} as const;

export const vectorHeaders = {
  'webhook-id': vector.id,
  'webhook-timestamp': String(vector.timestamp),
  'webhook-signature': vector.signature,
} as const;
