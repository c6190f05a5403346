package fal_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/fal"
)

// failed fails unless err has the class and reason, and shows no value.
func failed(t *testing.T, w world, err error, class fault.Class, reason fault.Reason) *fault.Error {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	f := fault.Of(err)
	if f.Class != class || f.Reason != reason {
		t.Errorf("%v is %s and %s, want %s and %s", err, f.Class, f.Reason, class, reason)
	}
	secrettest.NoLeak(t, w.issued(), err)
	return f
}

func TestConfiguration(t *testing.T) {
	good := fal.Config{AdminKey: fixed(secret.Value{})}
	for name, c := range map[string]struct {
		change func(*fal.Config)
		fails  bool
	}{
		"defaults":                {func(*fal.Config) {}, false},
		"no ADMIN key":            {func(c *fal.Config) { c.AdminKey = nil }, true},
		"http beyond loopback":    {func(c *fal.Config) { c.BaseURL = "http://api.fal.ai/v1" }, true},
		"probes over http":        {func(c *fal.Config) { c.ProbeURL = "http://api.fal.ai/v1" }, true},
		"waits of one's own":      {func(c *fal.Config) { c.Waits = providers.Waits{ProbeEvery: 1, ProbeFor: 1} }, false},
		"no probing after an end": {func(c *fal.Config) { c.Waits = providers.Waits{Settle: time.Second} }, true},
		"negative hold":           {func(c *fal.Config) { c.Waits = providers.Waits{ProbeEvery: 1, ProbeFor: 1, Hold: -1} }, true},
		"the pair":                {func(c *fal.Config) { c.Variables = []string{"FAL_KEY_ID", "FAL_KEY_SECRET"} }, false},
		"the id alone":            {func(c *fal.Config) { c.Variables = []string{"FAL_KEY_ID"} }, true},
		"a name twice":            {func(c *fal.Config) { c.Variables = []string{"FAL_KEY", "FAL_KEY"} }, true},
		"a name missing":          {func(c *fal.Config) { c.Variables = []string{"FAL_KEY", ""} }, true},
	} {
		config := good
		c.change(&config)
		if _, err := fal.New(config); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWaitsComeFromTheConfiguration(t *testing.T) {
	w := newWorld(t)
	if diff := cmp.Diff(fal.DefaultWaits(), w.kind(t).Traits().Waits); diff != "" {
		t.Errorf("defaults: %s", diff)
	}
	own := providers.Waits{Settle: 1, Hold: 0, ProbeEvery: 2, ProbeFor: 3}
	if diff := cmp.Diff(own, w.kind(t, func(c *fal.Config) { c.Waits = own }).Traits().Waits); diff != "" {
		t.Errorf("own: %s", diff)
	}
}

func TestKindCannotBeDisabled(t *testing.T) {
	kind := newWorld(t).kind(t)
	if _, can := kind.(providers.Disabler); can || kind.Traits().UndoOfEnd {
		t.Error("fal.ai has no reversible state")
	}
	if traits := kind.Traits(); traits.Shape != providers.Overlap || traits.Drain == "" || !traits.PublicID {
		t.Errorf("traits are %+v", traits)
	}
}

// TestWhoStillHoldsTheOldKey (traps 9 and 10): queue jobs are polled with the key
// they were submitted with, and fal's own store of secrets is fed by nobody here.
func TestWhoStillHoldsTheOldKey(t *testing.T) {
	traits := newWorld(t).kind(t).Traits()
	for _, part := range []string{"queue jobs", "deployed at fal itself", "not fed by the vault"} {
		if !strings.Contains(traits.Drain, part) {
			t.Errorf("it does not say %q: %s", part, traits.Drain)
		}
	}
	if traits.Waits.Hold == 0 {
		t.Error("jobs are given no time to finish")
	}
}

// TestSurveyOfTheWrongTeam (trap): an ADMIN key of another team cannot see the
// application's key, and its new key would bill another account.
func TestSurveyOfTheWrongTeam(t *testing.T) {
	w := newWorld(t)
	stranger := w.add("other", "ADMIN", "of another team")
	_, err := w.provider(t, func(c *fal.Config) { c.AdminKey = fixed(stranger.value()) }).Survey(t.Context(), w.current())
	f := failed(t, w, err, fault.Ask, fault.NotFound)
	if !strings.Contains(f.Detail, w.production.ID) || !strings.Contains(f.Detail, "team") {
		t.Errorf("the question is %q", f.Detail)
	}
	if slices.ContainsFunc(w.seen(), func(call string) bool { return !strings.HasPrefix(call, "GET ") }) {
		t.Errorf("the survey wrote: %v", w.seen())
	}
}

func TestSurveyRefusesItsOwnKeyInTheApplication(t *testing.T) {
	w := newWorld(t)
	current := w.current()
	current["staging"] = providers.Values{"FAL_KEY": w.admin.value()}
	_, err := w.provider(t).Survey(t.Context(), current)
	failed(t, w, err, fault.Ask, fault.Managed)
}

func TestSurveyNeedsTheAdminScope(t *testing.T) {
	w := newWorld(t)
	ordinary := w.add("team", "API", "not an ADMIN key")
	_, err := w.provider(t, func(c *fal.Config) { c.AdminKey = fixed(ordinary.value()) }).Survey(t.Context(), w.current())
	failed(t, w, err, fault.Ask, fault.Forbidden)
	if !strings.Contains(fault.Of(err).Detail, "the scope ADMIN") {
		t.Errorf("nobody could act on %v", err)
	}
	nobody := secret.New("00000000-dead:" + strings.Repeat("z", 32))
	_, err = w.provider(t, func(c *fal.Config) { c.AdminKey = fixed(nobody) }).Survey(t.Context(), w.current())
	failed(t, w, err, fault.Ask, fault.Unauthorized)
	if !strings.Contains(fault.Of(err).Detail, "the ADMIN key was refused") {
		t.Errorf("nobody could act on %v", err)
	}
}

func TestSurveyRefusesOtherScopes(t *testing.T) {
	w := newWorld(t)
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		answer(rw, 200, map[string]any{"has_more": false, "next_cursor": nil, "keys": []any{
			map[string]any{"key_id": w.production.ID, "alias": "a", "scope": "ADMIN", "created_at": "2026-11-01T00:00:00Z"},
			map[string]any{"key_id": w.staging.ID, "alias": "b", "scope": "API", "created_at": "2026-11-01T00:00:00Z"},
		}})
		return true
	}
	_, err := w.provider(t).Survey(t.Context(), w.current())
	failed(t, w, err, fault.Ask, fault.Unsupported)
}

func TestAdminKeyIsReadAtEachUse(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, func(c *fal.Config) {
		c.AdminKey = func(context.Context) (secret.Value, error) { return w.admin.value(), nil }
	})
	w.mu.Lock()
	w.keys = slices.DeleteFunc(w.keys, func(k fakeKey) bool { return k.ID == w.admin.ID })
	w.mu.Unlock()
	_, err := kind.(providers.Lister).List(t.Context())
	failed(t, w, err, fault.Ask, fault.Unauthorized)
	w.admin = w.add("team", "ADMIN", "its successor")
	if _, err := kind.(providers.Lister).List(t.Context()); err != nil {
		t.Errorf("the new ADMIN key was not read: %v", err)
	}
}

func TestAdminKeyThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		key    secret.Value
		err    error
		class  fault.Class
		reason fault.Reason
	}{
		"no file":          {secret.Value{}, errors.New("no such file"), fault.Ask, fault.Unexplained},
		"vault is away":    {secret.Value{}, &fault.Error{Op: "reading", Class: fault.Again, Reason: fault.TimedOut}, fault.Again, fault.TimedOut},
		"half a key":       {secret.New(w.admin.Secret), nil, fault.Ask, fault.Ambiguous},
		"a trailing break": {secret.New(w.admin.value().Reveal() + "\n"), nil, fault.Ask, fault.Ambiguous},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.provider(t, func(conf *fal.Config) {
				conf.AdminKey = func(context.Context) (secret.Value, error) { return c.key, c.err }
			})
			_, err := p.Survey(t.Context(), w.current())
			failed(t, w, err, c.class, c.reason)
		})
	}
	if len(w.seen()) != 0 {
		t.Errorf("fal.ai was called: %v", w.seen())
	}
}

// TestIssue also holds the header's word (trap): Bearer gives a 401 that looks
// like a bad key.
func TestIssue(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	var header, body string
	w.override = func(_ http.ResponseWriter, r *http.Request) bool {
		text, _ := io.ReadAll(r.Body)
		header, body = r.Header.Get("Authorization"), string(text)
		r.Body = io.NopCloser(strings.NewReader(body))
		return false
	}
	c, err := kind.(providers.Issuer).Issue(t.Context(), "rk_x_all_r1_1")
	if err != nil {
		t.Fatal(err)
	}
	if header != "Key "+w.admin.value().Reveal() || body != `{"alias":"rk_x_all_r1_1"}` {
		t.Error("header or body is not as documented")
	}
	made := w.issued()[len(w.issued())-1]
	if !c.Values["FAL_KEY"].Equal(made) || len(c.Values) != 1 || c.Made.IsZero() || c.Label != "rk_x_all_r1_1" {
		t.Errorf("issued %+v", c)
	}
}

func TestLabelsAreCheckedBeforeTheyAreSent(t *testing.T) {
	w := newWorld(t)
	issuer := w.kind(t).(providers.Issuer)
	before := len(w.seen())
	for _, label := range []string{"", strings.Repeat("ä", 256)} {
		_, err := issuer.Issue(t.Context(), label)
		failed(t, w, err, fault.Never, fault.Invalid)
	}
	if len(w.seen()) != before {
		t.Error("a bad label was sent")
	}
	if _, err := issuer.Issue(t.Context(), strings.Repeat("ä", 255)); err != nil {
		t.Errorf("the longest label: %v", err)
	}
}

// TestCreatedButUnusable (trap): the key exists and its value is gone, so the
// caller must look for it and never create blindly.
func TestCreatedButUnusable(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"HTML":              {201, "<html>"},
		"no members":        {201, "{}"},
		"halves do not fit": {201, `{"key_id":"00000000-0001","key_secret":"aaaaaaaaaaaaaaaa","key":"00000000-0001:bbbbbbbbbbbbbbbb"}`},
		"another id":        {201, `{"key_id":"00000000-0002","key_secret":"aaaaaaaaaaaaaaaa","key":"00000000-0001:aaaaaaaaaaaaaaaa"}`},
		"the secret only":   {201, `{"key_id":"00000000-0001","key_secret":"aaaaaaaaaaaaaaaa","key":"aaaaaaaaaaaaaaaa"}`},
		"200 instead":       {200, `{"key_id":"00000000-0001","key_secret":"aaaaaaaaaaaaaaaa","key":"00000000-0001:aaaaaaaaaaaaaaaa"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			kind := w.kind(t)
			w.override = func(rw http.ResponseWriter, r *http.Request) bool {
				rw.WriteHeader(c.status)
				_, _ = io.WriteString(rw, c.body)
				return true
			}
			_, err := kind.(providers.Issuer).Issue(t.Context(), "label")
			failed(t, w, err, fault.Lost, fault.Garbled)
			secrettest.NoLeak(t, []secret.Value{secret.New("00000000-0001:aaaaaaaaaaaaaaaa")}, err)
		})
	}
}

// TestListIsWhole (trap): the service caps the page; absent means absent from
// all pages.
func TestListIsWhole(t *testing.T) {
	w := newWorld(t)
	all, err := w.kind(t).(providers.Lister).List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, c := range all {
		labels = append(labels, c.Label)
	}
	want := []string{"neighbour 0", "neighbour 1", "neighbour 2", "neighbour 3", "app-staging", "app-production"}
	if diff := cmp.Diff(want, labels); diff != "" {
		t.Error(diff)
	}
	if last := all[len(all)-1]; last.ID != providers.ID(w.production.ID) || !last.Made.Equal(w.production.Made) {
		t.Errorf("the last is %+v", last)
	}
}

func TestListsThatAreNotWhole(t *testing.T) {
	const one = `{"key_id":"00000000-0001","alias":"a","scope":"API","created_at":"2026-11-01T00:00:00Z"}`
	for name, c := range map[string]struct {
		body   string
		reason fault.Reason
	}{
		"no keys":          {`{"has_more":false,"next_cursor":null}`, fault.Garbled},
		"keys are null":    {`{"keys":null,"has_more":false,"next_cursor":null}`, fault.Garbled},
		"more or not":      {`{"keys":[` + one + `],"next_cursor":null}`, fault.Garbled},
		"more, no cursor":  {`{"keys":[` + one + `],"has_more":true,"next_cursor":null}`, fault.Garbled},
		"round and round":  {`{"keys":[` + one + `],"has_more":true,"next_cursor":"Mg=="}`, fault.Garbled},
		"a key without id": {`{"keys":[{"alias":"a","scope":"API"}],"has_more":false,"next_cursor":null}`, fault.Garbled},
		"an error, as 200": {`{"error":{"type":"server_error"}}`, fault.Garbled},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			kind := w.kind(t)
			w.override = func(rw http.ResponseWriter, _ *http.Request) bool { _, _ = io.WriteString(rw, c.body); return true }
			all, err := kind.(providers.Lister).List(t.Context())
			failed(t, w, err, fault.Ask, c.reason)
			if all != nil {
				t.Errorf("a part was returned: %v", all)
			}
		})
	}
}

func TestListThatNeverEnds(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	before := len(w.seen())
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		answer(rw, 200, map[string]any{"keys": []any{}, "has_more": true, "next_cursor": r.URL.Query().Get("cursor") + "x"})
		return true
	}
	_, err := kind.(providers.Lister).List(t.Context())
	failed(t, w, err, fault.Ask, fault.TooLarge)
	if calls := len(w.seen()) - before; calls != 200 {
		t.Errorf("it gave up after %d pages", calls)
	}
}

// TestEndByIDOnly (trap): aliases are not unique.
func TestEndByIDOnly(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	twin := w.add("team", "API", "app-production")
	if err := kind.(providers.Ender).End(t.Context(), providers.ID(w.production.ID)); err != nil {
		t.Fatal(err)
	}
	all, err := kind.(providers.Lister).List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(all, func(c providers.Credential) bool { return c.ID == providers.ID(w.production.ID) }) {
		t.Error("it is still there")
	}
	if !slices.ContainsFunc(all, func(c providers.Credential) bool { return c.ID == providers.ID(twin.ID) }) {
		t.Error("the other key with its alias went with it")
	}
}

// TestDeletionIsNoEvidence (trap): a wrong id "succeeds" and leaves the old
// key alive; probe and list tell.
func TestDeletionIsNoEvidence(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	if err := kind.(providers.Ender).End(t.Context(), providers.ID(w.production.ID+"0")); err != nil {
		t.Fatal(err)
	}
	found, err := kind.(providers.Prober).Probe(t.Context(), w.current()["production"])
	if err != nil || found.Liveness != providers.Alive {
		t.Errorf("the probe found %+v, %v", found, err)
	}
}

func TestEndRefusesWhatIsNoKeyOfTheApplication(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	before := len(w.seen())
	for _, id := range []string{"", "short", "..", "a/../../keys", w.production.ID + "?x", w.production.ID + ":", w.admin.ID} {
		err := kind.(providers.Ender).End(t.Context(), providers.ID(id))
		failed(t, w, err, fault.Never, fault.Invalid)
	}
	if len(w.seen()) != before {
		t.Errorf("it was sent: %v", w.seen()[before:])
	}
}

func TestEndHasOneIdempotencyKeyPerID(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{w.production.ID, w.production.ID, w.staging.ID} {
		if err := w.kindOfFirst(t).(providers.Ender).End(t.Context(), providers.ID(id)); err != nil {
			t.Fatal(err)
		}
	}
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if len(w.idem) != 3 || w.idem[0] != w.idem[1] || w.idem[0] == w.idem[2] || !form.MatchString(w.idem[0]) {
		t.Errorf("the keys were %q", w.idem)
	}
}

// kindOfFirst surveys a neighbour's key, which no test ends, with a provider
// made anew, as another process would.
func (w world) kindOfFirst(t *testing.T) providers.Kind {
	t.Helper()
	kind, err := w.provider(t).Survey(t.Context(), map[string]providers.Values{"x": {"FAL_KEY": w.ever[1]}})
	if err != nil {
		t.Fatal(err)
	}
	return kind
}

func TestVariablesMoveTogether(t *testing.T) {
	w := newWorld(t)
	all := func(c *fal.Config) { c.Variables = []string{"FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_API_KEY"} }
	spread := func(k fakeKey) providers.Values {
		return providers.Values{
			"FAL_KEY": k.value(), "FAL_API_KEY": k.value(),
			"FAL_KEY_ID": secret.New(k.ID), "FAL_KEY_SECRET": secret.New(k.Secret),
		}
	}
	kind, err := w.provider(t, all).Survey(t.Context(), map[string]providers.Values{"production": spread(w.production)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := kind.(providers.Issuer).Issue(t.Context(), "label")
	if err != nil {
		t.Fatal(err)
	}
	made := w.keys[len(w.keys)-1]
	if diff := cmp.Diff(spread(made), c.Values); diff != "" {
		t.Error(diff)
	}
	mixed := spread(made)
	mixed["FAL_KEY_SECRET"] = secret.New(w.staging.Secret)
	if id, err := kind.Identify(mixed); err == nil {
		t.Errorf("halves of two keys were identified as %s", id)
	}
	delete(mixed, "FAL_KEY_SECRET")
	if id, err := kind.Identify(mixed); err == nil {
		t.Errorf("a missing variable was not missed: %s", id)
	}
}

func TestVariablesAsAPair(t *testing.T) {
	w := newWorld(t)
	p := w.provider(t, func(c *fal.Config) { c.Variables = []string{"FAL_KEY_ID", "FAL_KEY_SECRET"} })
	pair := providers.Values{"FAL_KEY_ID": secret.New(w.production.ID), "FAL_KEY_SECRET": secret.New(w.production.Secret)}
	kind, err := p.Survey(t.Context(), map[string]providers.Values{"production": pair})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := kind.(providers.Prober).Probe(t.Context(), pair); err != nil || found.Liveness != providers.Alive {
		t.Errorf("the pair's probe found %+v, %v", found, err)
	}
}

func TestSignatures(t *testing.T) {
	hits := []string{
		`Client error '401 Unauthorized' for url 'https://queue.fal.run/fal-ai/flux-general'`,
		`HTTP Request: POST https://fal.run/fal-ai/flux/dev "HTTP/1.1 401 Unauthorized"`,
		`{"detail": "No user found for Key ID and Secret"}`,
		`Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'.`,
		`level=error msg="fal: 401 Unauthorized: Authentication is required"`,
		`{"service":"fal","status":401}`,
		`FalClientHTTPError fal status_code=401`,
	}
	misses := []string{
		`level=info msg="fal: image ready" duration_ms=401`,
		`POST https://fal.run/fal-ai/flux/dev "HTTP/1.1 200 OK" 401 bytes`,
		`401 Unauthorized for url https://api.openai.com/v1`,
		`fal: 403 exhausted balance`,
		`default status=401 for guests`,
	}
	signatures := newWorld(t).kind(t).Traits().Signatures
	hit := func(line string) bool {
		return slices.ContainsFunc(signatures, func(s string) bool { return regexp.MustCompile(s).MatchString(line) })
	}
	for _, line := range hits {
		if !hit(line) {
			t.Errorf("missed: %s", line)
		}
	}
	for _, line := range misses {
		if hit(line) {
			t.Errorf("hit: %s", line)
		}
	}
}

// quietServer answers every request with one status and body.
func quietServer(t *testing.T, status int, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}
