# Verifies webhooks sent by Postrider. Ruby 3.1 or newer, nothing but its standard library.
require 'openssl'

module PostriderWebhook
  class Refused < StandardError; end

  TOLERANCE_SECONDS = 5 * 60
  # What comes before the 32 bytes of an ed25519 public key in DER.
  ED25519_DER = ['302a300506032b6570032100'].pack('H*')

  module_function

  # Scheme `standard`. Raises Refused unless one of the secrets signed this request.
  #
  # body: request.raw_post in Rails. headers: a hash with lower-case names.
  # secrets: 'whsec_…' of the endpoint; two while it is being rotated.
  def verify_standard(body, headers, secrets)
    signed = signed_bytes(body, headers)
    offered = signatures(headers, 'v1,')
    matches = secrets.any? do |secret|
      key = secret.delete_prefix('whsec_').unpack1('m')
      raise Refused, 'the secret is not whole' if key.bytesize < 24

      expected = [OpenSSL::HMAC.digest('SHA256', key, signed)].pack('m0')
      offered.any? { |each| OpenSSL.secure_compare(each, expected) }
    end
    raise Refused, 'no signature matches' unless matches
  end

  # Scheme `ed25519`. public_keys: 'whpk_…' of the endpoint.
  def verify_ed25519(body, headers, public_keys)
    signed = signed_bytes(body, headers)
    offered = signatures(headers, 'v1a,').map { |each| each.unpack1('m') }.select { |each| each.bytesize == 64 }
    matches = public_keys.any? do |text|
      key = OpenSSL::PKey.read(ED25519_DER + text.delete_prefix('whpk_').unpack1('m'))
      offered.any? { |each| key.verify(nil, each, signed) }
    end
    raise Refused, 'no signature matches' unless matches
  end

  # Scheme `hmac-hex`. The key is the secret as it is shown, 'whsec_' and all.
  def verify_hmac_hex(body, headers, secrets, brand = 'Postrider')
    timestamp = timestamp_of(headers, "x-#{brand.downcase}-timestamp")
    offered = header(headers, "x-#{brand.downcase}-signature").split(',')
    matches = secrets.any? do |secret|
      raise Refused, 'the secret is not whole' if secret.bytesize < 24

      expected = OpenSSL::HMAC.hexdigest('SHA256', secret, "#{timestamp}.".b + body.b)
      offered.any? { |each| OpenSSL.secure_compare(each.strip, expected) }
    end
    raise Refused, 'no signature matches' unless matches
  end

  def signed_bytes(body, headers)
    timestamp = timestamp_of(headers, 'webhook-timestamp')
    "#{header(headers, 'webhook-id')}.#{timestamp}.".b + body.b
  end

  # What stands behind this version in the header, which may hold several signatures.
  def signatures(headers, version)
    all = header(headers, 'webhook-signature').split(' ')
    all.select { |each| each.start_with?(version) }.map { |each| each.delete_prefix(version) }
  end

  # The header's own text, once it is known to be near now: an old request may be a replayed one.
  def timestamp_of(headers, name)
    text = header(headers, name)
    raise Refused, 'the timestamp is not in Unix seconds' unless text.match?(/\A[0-9]+\z/)
    raise Refused, 'the timestamp is not near now' if (Time.now.to_i - text.to_i).abs > TOLERANCE_SECONDS

    text
  end

  def header(headers, name)
    headers[name] or raise Refused, "there is no #{name}"
  end
end
