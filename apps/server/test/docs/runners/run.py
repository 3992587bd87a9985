# Reads requests from its input, has each verified by the code in the docs, and prints what that said.
import base64
import importlib.util
import json
import sys

sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("verify", sys.argv[1])
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)


def verdict(request):
    body = base64.b64decode(request["body"])
    headers, secrets = request["headers"], request["secrets"]
    try:
        if request["scheme"] == "standard":
            verify.verify_standard(body, headers, secrets)
        else:
            verify.verify_hmac_hex(body, headers, secrets, request["brand"])
        return "ok"
    except ValueError as error:
        return str(error)


print(json.dumps([verdict(each) for each in json.load(sys.stdin)]))
