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

// service is the smallest that can issue, list, disable, end and check keys.
type service struct {
	mu       sync.Mutex
	labels   map[string]string // by id
	disabled map[string]bool
	single   bool // a label has one key: making another one kills it
	ever     []secret.Value
}

func (s *service) value(id string) string { return id + "-and-a-long-secret-part" }

func (s *service) make(label string) string {
	for id, l := range s.labels {
		if s.single && l == label {
			delete(s.labels, id)
		}
	}
	id := fmt.Sprintf("model-key-%d", len(s.ever))
	s.labels[id] = label
	s.ever = append(s.ever, secret.New(s.value(id)))
	return id
}

func (s *service) issued() []secret.Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]secret.Value(nil), s.ever...)
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := strings.TrimPrefix(r.URL.Path, "/keys/")
	switch r.Method + " " + strings.SplitAfter(r.URL.Path[1:], "/")[0] {
	case "GET check":
		id, _ := strings.CutSuffix(r.Header.Get("Key"), "-and-a-long-secret-part")
		if _, lives := s.labels[id]; !lives || s.disabled[id] {
			w.WriteHeader(http.StatusUnauthorized)
		}
		fmt.Fprint(w, `{}`)
	case "GET keys":
		_ = json.NewEncoder(w).Encode(s.labels) // the client may have gone
	case "POST keys":
		fmt.Fprintf(w, `{"id":%q}`, s.make(r.URL.Query().Get("label")))
	case "DELETE keys/":
		delete(s.labels, id)
		w.WriteHeader(http.StatusNoContent)
	case "PUT keys/":
		s.disabled[id] = r.URL.Query().Get("disabled") == "true"
		w.WriteHeader(http.StatusNoContent)
	}
}

// model is an adapter for the service. Tests replace its parts to break it.
type model struct {
	client   *rest.Client
	traits   providers.Traits
	identify func(providers.Values) (providers.ID, error)
	survey   func(context.Context, map[string]providers.Values) error
	issue    func(context.Context, string) (providers.Credential, error)
	list     func(context.Context) ([]providers.Credential, error)
	probe    func(context.Context, providers.Values) (providers.Finding, error)
	end      func(context.Context, providers.ID) error
	able     func(context.Context, providers.ID, bool) error
}

func (m *model) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	if err := m.survey(ctx, current); err != nil {
		return nil, err
	}
	return m, nil
}
func (m *model) Traits() providers.Traits                                 { return m.traits }
func (m *model) Identify(v providers.Values) (providers.ID, error)        { return m.identify(v) }
func (m *model) List(ctx context.Context) ([]providers.Credential, error) { return m.list(ctx) }
func (m *model) End(ctx context.Context, id providers.ID) error           { return m.end(ctx, id) }
func (m *model) Disable(ctx context.Context, id providers.ID) error       { return m.able(ctx, id, true) }
func (m *model) Enable(ctx context.Context, id providers.ID) error        { return m.able(ctx, id, false) }
func (m *model) Issue(ctx context.Context, label string) (providers.Credential, error) {
	return m.issue(ctx, label)
}
func (m *model) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	return m.probe(ctx, v)
}
func (m *model) LastUsed(ctx context.Context, _ providers.ID, _ time.Time) (time.Time, error) {
	_, err := m.list(ctx)
	return time.Time{}, err
}

func newModel(t testing.TB, base string, client *http.Client) *model {
	c, err := rest.New(rest.Config{Base: base, HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	m := &model{client: c, traits: providers.Traits{
		Kind: "model key", Service: "model", Shape: providers.Overlap, UndoOfEnd: true, EndIs: "gone",
		Waits: providers.Waits{ProbeEvery: 1, ProbeFor: 1}, Signatures: []string{`model key refused`},
	}}
	m.identify, m.survey, m.issue, m.list = m.goodIdentify, m.goodSurvey, m.goodIssue, m.goodList
	m.probe, m.end, m.able = m.goodProbe, m.goodEnd, m.goodAble
	return m
}

func (m *model) goodIdentify(v providers.Values) (providers.ID, error) {
	id, fits := strings.CutSuffix(v["KEY"].Reveal(), "-and-a-long-secret-part")
	if !fits {
		return "", fault.New("identifying", fault.Ambiguous, "KEY has another form")
	}
	return providers.ID(id), nil
}

func (m *model) goodSurvey(ctx context.Context, current map[string]providers.Values) error {
	all, err := m.list(ctx)
	if err != nil {
		return err
	}
	known := map[providers.ID]bool{}
	for _, c := range all {
		known[c.ID] = true
	}
	for _, values := range current {
		if id, err := m.identify(values); err != nil {
			return err
		} else if !known[id] {
			return fault.New("surveying", fault.NotFound, string(id))
		}
	}
	if len(current) == 0 {
		return fault.New("surveying", fault.NotFound, "nothing")
	}
	return nil
}

func (m *model) goodIssue(ctx context.Context, label string) (providers.Credential, error) {
	var made struct{ ID string }
	_, err := m.client.Do(ctx, rest.Call{Op: "creating", Method: "POST", Path: "/keys", Query: map[string][]string{"label": {label}}, Write: true}, &made)
	if err != nil {
		return providers.Credential{}, told(err)
	}
	values := providers.Values{"KEY": secret.New(made.ID + "-and-a-long-secret-part")}
	return providers.Credential{ID: providers.ID(made.ID), Label: label, Values: values}, nil
}

func (m *model) goodList(ctx context.Context) ([]providers.Credential, error) {
	var labels map[string]string
	if _, err := m.client.Do(ctx, rest.Call{Op: "listing", Path: "/keys"}, &labels); err != nil {
		return nil, told(err)
	}
	var all []providers.Credential
	for id, label := range labels {
		all = append(all, providers.Credential{ID: providers.ID(id), Label: label})
	}
	return all, nil
}

func (m *model) goodProbe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	sign := func(r *http.Request, _ []byte) { r.Header.Set("Key", v["KEY"].Reveal()) }
	var out struct{}
	answer, err := m.client.Do(ctx, rest.Call{Op: "probing", Path: "/check", Sign: sign}, &out)
	found := providers.Finding{Liveness: providers.Unclear, Answer: fmt.Sprint(answer.Status)}
	switch {
	case err == nil:
		found.Liveness = providers.Alive
	case answer.Status == 401, answer.Status == 403:
		found.Liveness = providers.Refused
	}
	return found, nil
}

func (m *model) goodEnd(ctx context.Context, id providers.ID) error {
	return m.change(ctx, "DELETE", id, "")
}

func (m *model) goodAble(ctx context.Context, id providers.ID, off bool) error {
	return m.change(ctx, "PUT", id, fmt.Sprint(off))
}

func (m *model) change(ctx context.Context, method string, id providers.ID, disabled string) error {
	if id == "" {
		return &fault.Error{Op: "changing", Class: fault.Never, Reason: fault.Invalid}
	}
	_, err := m.client.Do(ctx, rest.Call{Op: "changing", Method: method, Path: "/keys/" + string(id),
		Query: map[string][]string{"disabled": {disabled}}, Write: true, OK: []int{204}}, nil)
	return told(err)
}

// told says whose credential was refused.
func told(err error) error {
	return fault.Explained(err, "the admin key may not do this", fault.Unauthorized, fault.Forbidden)
}

// subject is the model with some of its parts broken.
func subject(breaking func(*model)) Subject {
	return Subject{Label: "label", Open: func(t testing.TB) World {
		s := &service{labels: map[string]string{}, disabled: map[string]bool{}}
		f := Before(s)
		server := httptest.NewServer(f)
		t.Cleanup(server.Close)
		m := newModel(t, server.URL, server.Client())
		values := func(id string) providers.Values { return providers.Values{"KEY": secret.New(s.value(id))} }
		w := World{
			Provider:  m,
			Current:   map[string]providers.Values{"staging": values(s.make("old")), "production": values(s.make("older"))},
			Unknown:   values("model-key-999"),
			Malformed: []providers.Values{{"KEY": secret.New("of another form")}, {}},
			Secrets:   s.issued,
			Faults:    f,
		}
		breaking(m)
		return w
	}}
}
