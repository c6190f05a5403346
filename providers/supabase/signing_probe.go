package supabase

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// project is where a key is, "" while that is not known.
func (k *signingKey) project(id string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.held {
		if h.id == id && h.ref != "" {
			return h.ref
		}
	}
	for ref, keys := range k.known {
		if slices.ContainsFunc(keys, func(w wireSigning) bool { return w.ID == id }) {
			return ref
		}
	}
	return ""
}

// entrance finds the publishable key that requests to a project need beside a
// token. Of the others no value is asked for.
func (k *signingKey) entrance(ctx context.Context, op, ref string) error {
	keys, err := k.s.p.keys(ctx, ref)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(keys, func(w wireKey) bool { return w.Type == typePublishable && idForm.MatchString(w.ID) })
	if at < 0 {
		return fault.New(op, fault.NotFound, "project "+ref+" has no publishable key, without which no token can be tried there; make one under "+console(ref))
	}
	var shown madeKey
	if err := k.s.ask(ctx, rest.Call{Op: op, Path: keysPath(ref) + "/" + keys[at].ID, Query: url.Values{"reveal": {"true"}}}, &shown); err != nil {
		return err
	}
	if shown.Type != typePublishable || !shown.Value.HasPrefix(publishableMark) {
		return fault.New(op, fault.Garbled, "the publishable key of project "+ref+" was not shown")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pass[ref] = shown.Value
	return nil
}

// trusted are the keys of a project whose tokens it may accept, the one in use
// first. A standby key that was in use before is trusted, one that never was is
// not, and the list does not tell which it is.
func (k *signingKey) trusted(ref string) []wireSigning {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []wireSigning
	for _, status := range []string{statusInUse, statusFormer, statusStandby} {
		for _, w := range k.known[ref] {
			if w.Status == status && w.Algorithm == algorithm {
				all = append(all, w)
			}
		}
	}
	return all
}

// Probe asks the project whether it accepts a token that is signed with the
// value. A refusal counts only while the project accepts one of another value: it
// answers 401 for other reasons, too.
func (k *signingKey) Probe(ctx context.Context, values providers.Values) (providers.Finding, error) {
	const op = "probing a signing key at Supabase"
	v := values[k.s.config.Variable]
	if wrong := misshapen(v); v.IsZero() || wrong != "" {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: k.s.config.Variable + " has not its form"}
	}
	refs := k.entered()
	if h, known := k.holding(v); known && h.ref != "" {
		refs = []string{h.ref}
	}
	var found providers.Finding
	for _, ref := range refs {
		f := k.probeAt(ctx, op, ref, v)
		if f.Liveness == providers.Alive {
			return f, nil
		}
		if found.Liveness != providers.Unclear {
			found = f
		}
	}
	return found, nil
}

// entered are the projects at which a token can be tried: of those that were
// surveyed. What the others would say of a value that was never theirs could not
// be told.
func (k *signingKey) entered() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Keys(k.pass))
}

func (k *signingKey) holding(v secret.Value) (signed, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := slices.IndexFunc(k.held, func(h signed) bool { return h.value.Equal(v) })
	if at < 0 {
		return signed{}, false
	}
	return k.held[at], true
}

func (k *signingKey) probeAt(ctx context.Context, op, ref string, v secret.Value) providers.Finding {
	r := k.try(ctx, op, ref, v)
	f := r.finding()
	if f.Liveness != providers.Refused {
		return f
	}
	for _, other := range k.others(ref, v) {
		if k.try(ctx, op, ref, other).accepted {
			return f
		}
	}
	return providers.Finding{Liveness: providers.Unclear, Answer: f.Answer + ", and so for every other token"}
}

// others are values of a project that were trusted when last seen, the newest
// first.
func (k *signingKey) others(ref string, v secret.Value) []secret.Value {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []secret.Value
	for _, h := range slices.Backward(k.held) {
		if h.ref == ref && !h.value.Equal(v) {
			all = append(all, h.value)
		}
	}
	return all
}

// try shows a project tokens of a value, under each id that may be its own: a
// value does not tell.
func (k *signingKey) try(ctx context.Context, op, ref string, v secret.Value) reply {
	ids := k.candidates(ref)
	if h, known := k.holding(v); known && h.id != "" {
		ids = []string{h.id}
	}
	worst := reply{reason: "no signing key is known"}
	for i, id := range ids {
		r := k.show(ctx, op, ref, id, v)
		if r.accepted {
			return r
		}
		if i == 0 || worst.refused {
			worst = r // what could not be told outweighs a refusal
		}
	}
	return worst
}

// candidates are the ids a project signs with, or did.
func (k *signingKey) candidates(ref string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var ids []string
	for _, w := range k.known[ref] {
		if w.Algorithm == algorithm {
			ids = append(ids, w.ID)
		}
	}
	return ids
}

// show asks for a table with one token. That the table is not there, or not
// for this role, is said only to whose token was accepted.
func (k *signingKey) show(ctx context.Context, op, ref, id string, v secret.Value) reply {
	token, err := k.Mint(providers.ID(id), providers.Values{k.s.config.Variable: v})
	if err != nil {
		return reply{reason: "no token could be made"}
	}
	k.mu.Lock()
	pass := k.pass[ref]
	k.mu.Unlock()
	var said struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	var rows []json.RawMessage
	answer, err := k.s.p.gates[ref].Do(ctx, rest.Call{
		Op: op, Path: "/rest/v1/" + k.s.config.Table, Query: url.Values{"limit": {"1"}}, Refusal: &said,
		Sign: func(r *http.Request, body []byte) {
			apikey(pass)(r, body)
			bearer(token)(r, body)
		},
	}, &rows)
	r := reply{
		status:   answer.Status,
		accepted: err == nil || behind[strconv.Itoa(answer.Status)+" "+said.Code],
		refused:  answer.Status == http.StatusUnauthorized && said.Message != "",
	}
	if !r.accepted && !r.refused {
		r.reason = strings.ReplaceAll(string(fault.Of(err).Reason), "_", " ")
	}
	return r
}

// behind are the answers of what stands behind the check of a token: no such
// table, and no right to it.
var behind = map[string]bool{"404 PGRST205": true, "404 42P01": true, "403 42501": true}
