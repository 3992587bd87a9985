<?php
// Verifies webhooks sent by Postrider. PHP 8 or newer; sodium, which comes with it, for ed25519.

const POSTRIDER_TOLERANCE_SECONDS = 5 * 60;

/**
 * Scheme `standard`. Throws unless one of the secrets signed this request.
 *
 * $body: file_get_contents('php://input'). $headers: array_change_key_case(getallheaders()).
 * $secrets: 'whsec_…' of the endpoint; two while it is being rotated.
 */
function postrider_verify_standard(string $body, array $headers, array $secrets): void
{
    $signed = postrider_signed($body, $headers);
    foreach ($secrets as $secret) {
        $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
        if (strlen($key) < 24) {
            throw new Exception('the secret is not whole');
        }
        $expected = base64_encode(hash_hmac('sha256', $signed, $key, true));
        foreach (postrider_signatures($headers, 'v1,') as $offered) {
            if (hash_equals($expected, $offered)) {
                return;
            }
        }
    }
    throw new Exception('no signature matches');
}

/** Scheme `ed25519`. $publicKeys: 'whpk_…' of the endpoint. */
function postrider_verify_ed25519(string $body, array $headers, array $publicKeys): void
{
    $signed = postrider_signed($body, $headers);
    foreach ($publicKeys as $publicKey) {
        $key = base64_decode(preg_replace('/^whpk_/', '', $publicKey));
        foreach (postrider_signatures($headers, 'v1a,') as $offered) {
            $signature = base64_decode($offered);
            if (strlen($signature) === 64 && sodium_crypto_sign_verify_detached($signature, $signed, $key)) {
                return;
            }
        }
    }
    throw new Exception('no signature matches');
}

/** Scheme `hmac-hex`. The key is the secret as it is shown, 'whsec_' and all. */
function postrider_verify_hmac_hex(string $body, array $headers, array $secrets, string $brand = 'Postrider'): void
{
    $prefix = 'x-' . strtolower($brand) . '-';
    $timestamp = postrider_timestamp($headers, $prefix . 'timestamp');
    $offered = explode(',', postrider_header($headers, $prefix . 'signature'));
    foreach ($secrets as $secret) {
        if (strlen($secret) < 24) {
            throw new Exception('the secret is not whole');
        }
        $expected = hash_hmac('sha256', "$timestamp.$body", $secret);
        foreach ($offered as $each) {
            if (hash_equals($expected, trim($each))) {
                return;
            }
        }
    }
    throw new Exception('no signature matches');
}

function postrider_signed(string $body, array $headers): string
{
    $timestamp = postrider_timestamp($headers, 'webhook-timestamp');
    return postrider_header($headers, 'webhook-id') . ".$timestamp.$body";
}

/** What stands behind this version in the header, which may hold several signatures. */
function postrider_signatures(array $headers, string $version): array
{
    $all = explode(' ', postrider_header($headers, 'webhook-signature'));
    $ofVersion = array_filter($all, fn ($each) => str_starts_with($each, $version));
    return array_map(fn ($each) => substr($each, strlen($version)), $ofVersion);
}

/** The header's own text, once it is known to be near now: an old request may be a replayed one. */
function postrider_timestamp(array $headers, string $name): string
{
    $text = postrider_header($headers, $name);
    if (!preg_match('/\A[0-9]+\z/', $text)) {
        throw new Exception('the timestamp is not in Unix seconds');
    }
    if (abs(time() - (int) $text) > POSTRIDER_TOLERANCE_SECONDS) {
        throw new Exception('the timestamp is not near now');
    }
    return $text;
}

function postrider_header(array $headers, string $name): string
{
    return $headers[$name] ?? throw new Exception("there is no $name");
}
