// Reads requests from its input, has each verified by the code in the docs, and prints what that said.
package main

import (
	"encoding/json"
	"net/http"
	"os"

	"docs/postriderwebhook"
)

type request struct {
	Scheme  string
	Body    []byte
	Headers map[string]string
	Secrets []string
	Brand   string
}

func main() {
	var requests []request
	if err := json.NewDecoder(os.Stdin).Decode(&requests); err != nil {
		panic(err)
	}
	verdicts := make([]string, len(requests))
	for i, each := range requests {
		verdicts[i] = verdict(each)
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		panic(err)
	}
}

func verdict(each request) string {
	headers := http.Header{}
	for name, value := range each.Headers {
		headers.Set(name, value)
	}
	var err error
	switch each.Scheme {
	case "standard":
		err = postriderwebhook.VerifyStandard(each.Body, headers, each.Secrets...)
	case "ed25519":
		err = postriderwebhook.VerifyEd25519(each.Body, headers, each.Secrets...)
	default:
		err = postriderwebhook.VerifyHmacHex(each.Body, headers, each.Brand, each.Secrets...)
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}
