package mem0

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// Probe reads the memories of a user that nobody has, at each server that the
// key could belong to. It lives if one accepts it, and is dead when all refuse.
func (k *own) Probe(ctx context.Context, values providers.Values) (providers.Finding, error) {
	const op = "probing a key at the Mem0 server"
	v, _, err := k.p.read(values)
	if err != nil {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: err.Error()}
	}
	var last providers.Finding
	for _, s := range k.candidates(v) {
		found, err := s.probe(ctx, op, v)
		switch {
		case err != nil || found.Liveness == providers.Alive:
			return found, err
		case last.Answer == "" || found.Liveness == providers.Unclear:
			last = found
		}
	}
	return last, nil
}

// candidates are the servers that may know a value: the one that lists it, or
// all.
func (k *own) candidates(v secret.Value) []*server {
	if found, err := k.one(v, nil); err == nil {
		return []*server{found.at}
	}
	return k.all()
}

// probe asks first with a key that nobody has: a server that accepts it says
// nothing about any other.
func (s *server) probe(ctx context.Context, op string, v secret.Value) (providers.Finding, error) {
	control := s.reads(ctx, op, nobody())
	if control.accepted() {
		return providers.Finding{}, open(op)
	}
	r := control
	if control.refused {
		r = s.reads(ctx, op, v)
	}
	f := providers.Finding{Liveness: providers.Unclear, Answer: strconv.Itoa(r.status)}
	switch {
	case r.status == 0:
		f.Answer = r.reason
	case r.refused:
		f.Liveness = providers.Refused
	case r.reason != "":
		f.Answer += ", " + r.reason
	default:
		f.Liveness = providers.Alive
	}
	return f, nil
}

// refuses holds that the server looks at keys at all.
func (s *server) refuses(ctx context.Context, op string) error {
	switch r := s.reads(ctx, op, nobody()); {
	case r.accepted():
		return open(op)
	case !r.refused:
		return r.failure(op)
	}
	return nil
}

func open(op string) error {
	return fault.New(op, fault.Unsupported, "the server accepts a key that nobody ever made, so its authentication is switched off (AUTH_DISABLED): that an old key is dead could never be proved. Nothing was changed")
}

// nobody is a key of the right form that was never made.
func nobody() secret.Value {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return secret.New(serverMark + base64.RawURLEncoding.EncodeToString(b))
}

func (r reply) accepted() bool { return !r.refused && r.reason == "" }

// reads asks for memories with a key.
func (s *server) reads(ctx context.Context, op string, key secret.Value) reply {
	var said complaint
	var found any
	answer, err := s.api.Do(ctx, rest.Call{
		Op: op, Path: "/memories", Query: url.Values{"user_id": {"rotation-probe"}}, Refusal: &said,
		Sign: func(r *http.Request, _ []byte) { r.Header.Set("X-API-Key", key.Reveal()) },
	}, &found)
	r := reply{status: answer.Status}
	switch {
	case r.status == http.StatusUnauthorized && said.says(invalidKey):
		r.refused = true
	case err != nil:
		r.cause = fault.Of(fault.Explained(err, between, fault.Unauthorized, fault.Forbidden))
		r.reason = strings.ReplaceAll(string(r.cause.Reason), "_", " ")
	}
	return r
}
