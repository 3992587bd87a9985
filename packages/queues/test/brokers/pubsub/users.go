package main

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Service accounts, each with its public key and what it may do; read for each call.
type users struct{ file string }

type user struct {
	Email       string   `json:"email"`
	PublicKey   string   `json:"publicKey"`
	Permissions []string `json:"permissions"`
}

// The permissions that Google asks for.
var permissions = map[string][]string{
	"CreateTopic":        {"pubsub.topics.create"},
	"Publish":            {"pubsub.topics.publish"},
	"CreateSubscription": {"pubsub.subscriptions.create", "pubsub.topics.attachSubscription"},
	"GetSubscription":    {"pubsub.subscriptions.get"},
	"Pull":               {"pubsub.subscriptions.consume"},
	"Acknowledge":        {"pubsub.subscriptions.consume"},
	"ModifyAckDeadline":  {"pubsub.subscriptions.consume"},
}

func (u users) check(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	caller, err := u.caller(ctx)
	if err != nil {
		return nil, status.Errorf(codes.Unauthenticated, "Request had invalid authentication credentials: %v", err)
	}
	method := info.FullMethod[strings.LastIndex(info.FullMethod, "/")+1:]
	needed, isKnown := permissions[method]
	isMissing := func(each string) bool { return !slices.Contains(caller.Permissions, each) }
	if !isKnown || slices.ContainsFunc(needed, isMissing) {
		return nil, status.Error(codes.PermissionDenied, "User not authorized to perform this action.")
	}
	return handle(ctx, request)
}

// Whose token it is: one that a service account signed for itself.
func (u users) caller(ctx context.Context) (*user, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	values := headers.Get("authorization")
	if len(values) != 1 {
		return nil, errors.New("no token")
	}
	parts := strings.Split(strings.TrimPrefix(values[0], "Bearer "), ".")
	if len(parts) != 3 {
		return nil, errors.New("not a JWT")
	}
	var claims struct {
		Issuer  string `json:"iss"`
		Expires int64  `json:"exp"`
		Scope   string `json:"scope"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, err
	}
	if claims.Expires < time.Now().Unix() || !strings.Contains(claims.Scope, "/auth/pubsub") {
		return nil, errors.New("not for now, or not for Pub/Sub")
	}
	known, err := u.find(claims.Issuer)
	if err != nil {
		return nil, err
	}
	return known, known.verify(parts[0]+"."+parts[1], parts[2])
}

func (u users) find(email string) (*user, error) {
	text, err := os.ReadFile(u.file)
	if err != nil {
		return nil, err
	}
	var all []user
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	for _, each := range all {
		if each.Email == email {
			return &each, nil
		}
	}
	return nil, errors.New("no such account")
}

func (u *user) verify(signed string, signature string) error {
	block, _ := pem.Decode([]byte(u.PublicKey))
	if block == nil {
		return errors.New("no public key")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	public, isRsa := key.(*rsa.PublicKey)
	if !isRsa {
		return errors.New("not an RSA key")
	}
	bytes, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(signed))
	return rsa.VerifyPKCS1v15(public, crypto.SHA256, hash[:], bytes)
}
