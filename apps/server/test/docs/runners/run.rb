# Reads requests from its input, has each verified by the code in the docs, and prints what that said.
require 'json'
require File.expand_path(ARGV[0])

verdicts = JSON.parse($stdin.read).map do |request|
  body = request['body'].unpack1('m')
  headers, secrets = request.values_at('headers', 'secrets')
  case request['scheme']
  when 'standard' then PostriderWebhook.verify_standard(body, headers, secrets)
  when 'ed25519' then PostriderWebhook.verify_ed25519(body, headers, secrets)
  else PostriderWebhook.verify_hmac_hex(body, headers, secrets, request['brand'])
  end
  'ok'
rescue StandardError => e
  e.message
end
print JSON.generate(verdicts)
