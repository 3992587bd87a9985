// Package postriderwebhook verifies webhooks sent by Postrider, with nothing but the standard library.
package postriderwebhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const tolerance = 5 * time.Minute

var errNoMatch = errors.New("no signature matches")

// VerifyStandard is the scheme "standard": it fails unless one of the secrets signed this request.
//
// body holds the bytes as they came; secrets are "whsec_…" of the endpoint, two while it is being rotated.
func VerifyStandard(body []byte, headers http.Header, secrets ...string) error {
	signed, err := signedBytes(body, headers)
	if err != nil {
		return err
	}
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) < 24 {
			return errors.New("the secret is not whole")
		}
		for _, offered := range signatures(headers, "v1,") {
			if hmac.Equal(offered, sum(key, signed)) {
				return nil
			}
		}
	}
	return errNoMatch
}

// VerifyEd25519 is the scheme "ed25519"; publicKeys are "whpk_…" of the endpoint.
func VerifyEd25519(body []byte, headers http.Header, publicKeys ...string) error {
	signed, err := signedBytes(body, headers)
	if err != nil {
		return err
	}
	for _, publicKey := range publicKeys {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(publicKey, "whpk_"))
		if err != nil || len(key) != ed25519.PublicKeySize {
			return errors.New("the public key is not whole")
		}
		for _, offered := range signatures(headers, "v1a,") {
			if ed25519.Verify(key, signed, offered) {
				return nil
			}
		}
	}
	return errNoMatch
}

// VerifyHmacHex is the scheme "hmac-hex". The key is the secret as it is shown, "whsec_" and all.
func VerifyHmacHex(body []byte, headers http.Header, brand string, secrets ...string) error {
	timestamp, err := timestampOf(headers, "X-"+brand+"-Timestamp")
	if err != nil {
		return err
	}
	for _, secret := range secrets {
		if len(secret) < 24 {
			return errors.New("the secret is not whole")
		}
		expected := sum([]byte(secret), append([]byte(timestamp+"."), body...))
		for _, each := range strings.Split(headers.Get("X-"+brand+"-Signature"), ",") {
			if offered, err := hex.DecodeString(strings.TrimSpace(each)); err == nil && hmac.Equal(offered, expected) {
				return nil
			}
		}
	}
	return errNoMatch
}

func signedBytes(body []byte, headers http.Header) ([]byte, error) {
	timestamp, err := timestampOf(headers, "Webhook-Timestamp")
	if err != nil {
		return nil, err
	}
	return append([]byte(headers.Get("Webhook-Id")+"."+timestamp+"."), body...), nil
}

// signatures are what stands behind this version in the header, which may hold several.
func signatures(headers http.Header, version string) [][]byte {
	var found [][]byte
	for _, each := range strings.Split(headers.Get("Webhook-Signature"), " ") {
		signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(each, version))
		if strings.HasPrefix(each, version) && err == nil {
			found = append(found, signature)
		}
	}
	return found
}

// timestampOf is the header's own text, once it is known to be near now: an old request may be a replayed one.
func timestampOf(headers http.Header, name string) (string, error) {
	text := headers.Get(name)
	seconds, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return "", errors.New("the timestamp is not in Unix seconds")
	}
	if time.Since(time.Unix(int64(seconds), 0)).Abs() > tolerance {
		return "", errors.New("the timestamp is not near now")
	}
	return text, nil
}

func sum(key, signed []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(signed)
	return mac.Sum(nil)
}
