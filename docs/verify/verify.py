# Verifies webhooks sent by Postrider. Python 3.8 or newer, nothing but its standard library.
import base64
import hashlib
import hmac
import re
import time

TOLERANCE_SECONDS = 5 * 60


def verify_standard(body, headers, secrets):
    """Scheme `standard`. Raises ValueError unless one of the secrets signed this request.

    body: the bytes as they came. headers: as your framework has them, or a dict with lower-case names.
    secrets: 'whsec_…' of the endpoint; two while it is being rotated.
    """
    timestamp = _timestamp(headers, "webhook-timestamp")
    signed = f"{_header(headers, 'webhook-id')}.{timestamp}.".encode() + body
    offered = [
        each[len("v1,"):]
        for each in _header(headers, "webhook-signature").split(" ")
        if each.startswith("v1,")
    ]
    for secret in secrets:
        key = base64.b64decode(secret[len("whsec_"):] if secret.startswith("whsec_") else secret)
        if len(key) < 24:
            raise ValueError("the secret is not whole")
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
        if any(hmac.compare_digest(each.encode(), expected) for each in offered):
            return
    raise ValueError("no signature matches")


def verify_hmac_hex(body, headers, secrets, brand="Postrider"):
    """Scheme `hmac-hex`. The key is the secret as it is shown, 'whsec_' and all."""
    timestamp = _timestamp(headers, f"x-{brand.lower()}-timestamp")
    offered = _header(headers, f"x-{brand.lower()}-signature").split(",")
    for secret in secrets:
        if len(secret) < 24:
            raise ValueError("the secret is not whole")
        signed = f"{timestamp}.".encode() + body
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
        if any(hmac.compare_digest(each.strip().encode(), expected) for each in offered):
            return
    raise ValueError("no signature matches")


def _timestamp(headers, name):
    """The header's own text, once it is known to be near now: an old request may be a replayed one."""
    text = _header(headers, name)
    if not re.fullmatch("[0-9]+", text):
        raise ValueError("the timestamp is not in Unix seconds")
    if abs(time.time() - int(text)) > TOLERANCE_SECONDS:
        raise ValueError("the timestamp is not near now")
    return text


def _header(headers, name):
    value = headers.get(name)
    if value is None:
        raise ValueError(f"there is no {name}")
    return value
