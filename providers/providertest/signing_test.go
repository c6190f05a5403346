package providertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// signers is the smallest service that takes keys of others' making.
type signers struct {
	mu   sync.Mutex
	keys map[string]signer // by id
	ever []secret.Value
}

type signer struct{ Value, Status string }

func (s *signers) issued() []secret.Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]secret.Value(nil), s.ever...)
}

func (s *signers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, status := r.URL.Query().Get("id"), r.URL.Query().Get("status")
	switch r.Method {
	case http.MethodPost:
		s.keys[id] = signer{r.Header.Get("Value"), "standby"}
		s.ever = append(s.ever, secret.New(r.Header.Get("Value")))
	case http.MethodPatch:
		for other, k := range s.keys {
			if status == "active" && k.Status == "active" {
				s.keys[other] = signer{k.Value, "former"}
			}
		}
		s.keys[id] = signer{s.keys[id].Value, status}
	case http.MethodGet:
		shown := map[string]string{}
		for id, k := range s.keys {
			shown[id] = k.Status
			if probed := r.Header.Get("Value"); probed != "" && k.Value == probed && (k.Status == "active" || k.Status == "former") {
				shown["accepted"] = "yes"
			}
		}
		_ = json.NewEncoder(w).Encode(shown) // the client may have gone
		return
	}
	fmt.Fprint(w, `{}`)
}

// keyring is an adapter for it. Tests replace its parts to break it.
type keyring struct {
	client *rest.Client
	n      int
	make   func(label string) (providers.Credential, error)
	load   func(ctx context.Context, id providers.ID, v providers.Values) error
	turn   func(ctx context.Context, id providers.ID) error
	end    func(ctx context.Context, id providers.ID) error
}

func (k *keyring) Traits() providers.Traits {
	return providers.Traits{Kind: "keyring key", Service: "keyring", Shape: providers.DeployFirst, EndIs: "gone", Waits: providers.Waits{ProbeEvery: 1, ProbeFor: 1}}
}

func (k *keyring) Survey(ctx context.Context, _ map[string]providers.Values) (providers.Kind, error) {
	_, err := k.List(ctx)
	return k, err
}

func (k *keyring) Identify(v providers.Values) (providers.ID, error) {
	id, _, _ := strings.Cut(v["KEY"].Reveal(), "/")
	return providers.ID(id), nil
}

func (k *keyring) Make(label string) (providers.Credential, error) { return k.make(label) }
func (k *keyring) Import(ctx context.Context, _ string, id providers.ID, v providers.Values) error {
	return k.load(ctx, id, v)
}
func (k *keyring) Activate(ctx context.Context, _ string, id providers.ID) error {
	return k.turn(ctx, id)
}
func (k *keyring) End(ctx context.Context, id providers.ID) error { return k.end(ctx, id) }
func (k *keyring) Lingers(context.Context, string) (time.Duration, error) {
	return time.Hour, nil
}
func (k *keyring) Mint(id providers.ID, v providers.Values) (secret.Value, error) {
	return secret.New("token of " + string(id)), nil
}

func (k *keyring) call(ctx context.Context, method string, id providers.ID, status, value string) (map[string]string, error) {
	out := map[string]string{}
	_, err := k.client.Do(ctx, rest.Call{Op: "calling", Method: method, Path: "/keys", Query: map[string][]string{"id": {string(id)}, "status": {status}}, Write: method != http.MethodGet,
		Sign: func(r *http.Request, _ []byte) { r.Header.Set("Value", value) }}, &out)
	return out, told(err)
}

func (k *keyring) goodMake(label string) (providers.Credential, error) {
	k.n++
	id := "id-of-" + label
	return providers.Credential{ID: providers.ID(id), Label: label, Values: providers.Values{"KEY": secret.New(fmt.Sprintf("%s/and-a-long-secret-part-%d", id, k.n))}}, nil
}

func (k *keyring) goodLoad(ctx context.Context, id providers.ID, v providers.Values) error {
	all, err := k.call(ctx, http.MethodGet, "", "", "")
	if err != nil || all[string(id)] != "" {
		return err
	}
	_, err = k.call(ctx, http.MethodPost, id, "", v["KEY"].Reveal())
	return err
}

func (k *keyring) goodTurn(ctx context.Context, id providers.ID) error {
	_, err := k.call(ctx, http.MethodPatch, id, "active", "")
	return err
}

func (k *keyring) goodEnd(ctx context.Context, id providers.ID) error {
	_, err := k.call(ctx, http.MethodPatch, id, "revoked", "")
	return err
}

func (k *keyring) List(ctx context.Context) ([]providers.Credential, error) {
	shown, err := k.call(ctx, http.MethodGet, "", "", "")
	var all []providers.Credential
	for id, status := range shown {
		if status != "revoked" {
			all = append(all, providers.Credential{ID: providers.ID(id)})
		}
	}
	return all, err
}

func (k *keyring) Active(ctx context.Context, _ string) (providers.ID, error) {
	shown, err := k.call(ctx, http.MethodGet, "", "", "")
	for id, status := range shown {
		if status == "active" {
			return providers.ID(id), err
		}
	}
	return "", err
}

func (k *keyring) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	shown, err := k.call(ctx, http.MethodGet, "", "", v["KEY"].Reveal())
	switch {
	case err != nil:
		return providers.Finding{Liveness: providers.Unclear, Answer: "none"}, nil
	case shown["accepted"] == "yes":
		return providers.Finding{Liveness: providers.Alive, Answer: "200"}, nil
	default:
		return providers.Finding{Liveness: providers.Refused, Answer: "401"}, nil
	}
}

// ring is the keyring with some of its parts broken.
func ring(breaking func(*keyring)) Subject {
	return Subject{Label: "label", Open: func(t testing.TB) World {
		s := &signers{keys: map[string]signer{"old": {"old/and-a-long-secret-part", "active"}}, ever: []secret.Value{secret.New("old/and-a-long-secret-part")}}
		f := Before(s)
		server := httptest.NewServer(f)
		t.Cleanup(server.Close)
		client, err := rest.New(rest.Config{Base: server.URL, HTTP: server.Client()})
		if err != nil {
			t.Fatal(err)
		}
		k := &keyring{client: client}
		k.make, k.load, k.turn, k.end = k.goodMake, k.goodLoad, k.goodTurn, k.goodEnd
		breaking(k)
		return World{Provider: k, Current: map[string]providers.Values{"production": {"KEY": secret.New("old/and-a-long-secret-part")}}, Secrets: s.issued, Faults: f}
	}}
}

const (
	aboutSigning = "material of our own is taken, activated and trusted"
	aboutImport  = "a lost answer to an import is told by the id"
)

// TestSuiteBitesOnSigningKeys breaks the keyring in one way at a time.
func TestSuiteBitesOnSigningKeys(t *testing.T) {
	named := func(name string) check {
		for _, c := range checks() {
			if c.name == name {
				return c
			}
		}
		t.Fatalf("there is no check %q", name)
		return check{}
	}
	for _, name := range []string{aboutSigning, aboutImport} {
		if found := failures(t, named(name), ring(func(*keyring) {})); len(found) > 0 {
			t.Errorf("%q does not take a good one: %q", name, found)
		}
	}
	for name, c := range map[string]struct {
		check    string
		breaking func(*keyring)
	}{
		"another id each time": {aboutSigning, func(k *keyring) {
			k.make = func(label string) (providers.Credential, error) {
				k.n++
				return k.goodMake(fmt.Sprint(label, k.n))
			}
		}},
		"the same value each time": {aboutSigning, func(k *keyring) {
			k.make = func(label string) (providers.Credential, error) { k.n = 0; return k.goodMake(label) }
		}},
		"importing activates": {aboutSigning, func(k *keyring) {
			k.load = func(ctx context.Context, id providers.ID, v providers.Values) error {
				if err := k.goodLoad(ctx, id, v); err != nil {
					return err
				}
				return k.goodTurn(ctx, id)
			}
		}},
		"activating ends the old one": {aboutSigning, func(k *keyring) {
			k.turn = func(ctx context.Context, id providers.ID) error {
				if err := k.goodTurn(ctx, id); err != nil {
					return err
				}
				return k.goodEnd(ctx, "old")
			}
		}},
		"ends nothing": {aboutSigning, func(k *keyring) { k.end = func(context.Context, providers.ID) error { return nil } }},
		"a lost import is harmless": {aboutImport, func(k *keyring) {
			k.load = func(ctx context.Context, id providers.ID, v providers.Values) error {
				if err := k.goodLoad(ctx, id, v); err != nil {
					return &fault.Error{Op: "importing", Class: fault.Again, Reason: fault.TimedOut}
				}
				return nil
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if len(failures(t, named(c.check), ring(c.breaking))) == 0 {
				t.Errorf("%q did not notice", c.check)
			}
		})
	}
}
