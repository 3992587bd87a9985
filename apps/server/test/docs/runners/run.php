<?php
// Reads requests from its input, has each verified by the code in the docs, and prints what that said.
require $argv[1];

function verdict(array $request): string
{
    ['scheme' => $scheme, 'headers' => $headers, 'secrets' => $secrets, 'brand' => $brand] = $request;
    $body = base64_decode($request['body']);
    try {
        match ($scheme) {
            'standard' => postrider_verify_standard($body, $headers, $secrets),
            'ed25519' => postrider_verify_ed25519($body, $headers, $secrets),
            'hmac-hex' => postrider_verify_hmac_hex($body, $headers, $secrets, $brand),
        };
        return 'ok';
    } catch (Exception $error) {
        return $error->getMessage();
    }
}

echo json_encode(array_map('verdict', json_decode(stream_get_contents(STDIN), true)));
