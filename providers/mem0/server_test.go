package mem0_test

import (
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/mem0"
)

// TestSurveyOfAServerAsks: what is not certain stops before anything begins.
func TestSurveyOfAServerAsks(t *testing.T) {
	twin := func(w world) {
		w.make("twin", func(k *fakeKey) { k.value = w.production.value[:12] + strangeServer[12:] })
	}
	for what, c := range map[string]struct {
		arrange func(w world)
		change  func(*mem0.Config)
		reason  fault.Reason
		says    string
	}{
		"two candidates":        {twin, nil, fault.Ambiguous, "2 keys begin"},
		"revoked":               {func(w world) { w.production.revoked = true }, nil, fault.NotFound, "owns no key that fits"},
		"somebody else's":       {func(w world) { w.production.owner = "ann" }, nil, fault.NotFound, "Only the owner"},
		"another value":         {func(w world) { w.production.value = w.production.value[:12] + strangeServer[12:] }, nil, "", ""},
		"accepts every key":     {func(w world) { w.open = true }, nil, fault.Unsupported, "AUTH_DISABLED"}, // trap 8
		"a wrong password":      {nil, func(c *mem0.Config) { c.Login = fixed("rotation-bot@shop.example:hunter2-hunter2") }, fault.Unauthorized, "no such user"},
		"a key for a password":  {nil, func(c *mem0.Config) { c.Login = fixed(strangeServer) }, fault.Ambiguous, "e-mail address, colon, password"},
		"a list that is none":   {func(w world) { w.lists = []byte(`{"keys":[]}`) }, nil, fault.Garbled, ""},
		"a row without an id":   {func(w world) { w.lists = []byte(`[{"key_prefix":"m0sk_abcdefg"}]`) }, nil, fault.Garbled, "no id"},
		"a row without a value": {func(w world) { w.lists = []byte(`[{"id":"0000"}]`) }, nil, fault.Garbled, "nothing of its value"},
	} {
		w := newServer(t)
		current := w.current() // as the vault has it
		if c.arrange != nil {
			c.arrange(w)
		}
		change := c.change
		if change == nil {
			change = func(*mem0.Config) {}
		}
		_, err := w.provider(t, change).Survey(t.Context(), current)
		if c.reason == "" {
			c.reason, c.says = fault.NotFound, "none of this user's"
		}
		if err == nil {
			t.Errorf("%s: no question", what)
			continue
		}
		failed(t, w, err, fault.Ask, c.reason, c.says)
	}
}

// TestControl (trap 8): before any answer about a key counts, one that nobody
// made must be refused; also when authentication is switched off later.
func TestControl(t *testing.T) {
	w := newServer(t)
	kind := w.kind(t)
	w.mu.Lock()
	w.open = true
	w.mu.Unlock()
	found, err := kind.(providers.Prober).Probe(t.Context(), w.production.values())
	failed(t, w, err, fault.Ask, fault.Unsupported, "AUTH_DISABLED")
	if found.Liveness != "" {
		t.Errorf("%+v", found)
	}
	controls := map[string]bool{}
	for i, h := range w.headers {
		if v := h.Get("X-Api-Key"); w.calls[i] == "GET /memories" && v != w.staging.value && v != w.production.value {
			controls[v] = true
		}
	}
	if len(controls) != 2 {
		t.Errorf("%d different controls, want one for the survey and one for the probe", len(controls))
	}
}

// TestSignedIn: one token serves until it is refused. Then a read is asked
// again with another; a write is not.
func TestSignedIn(t *testing.T) {
	w := newServer(t)
	kind := w.kind(t)
	for range 3 {
		if _, err := kind.(providers.Lister).List(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if w.logins != 1 {
		t.Errorf("signed in %d times", w.logins)
	}
	expire := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		clear(w.tokens)
	}
	expire()
	if _, err := kind.(providers.Lister).List(t.Context()); err != nil || w.logins != 2 {
		t.Errorf("signed in %d times, %v", w.logins, err)
	}
	expire()
	_, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_1")
	failed(t, w, err, fault.Ask, fault.Unauthorized)
	if _, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_1"); err != nil || w.logins != 3 {
		t.Errorf("signed in %d times, %v", w.logins, err)
	}
}

// TestTwoServers: each environment's key is made, listed, probed and revoked
// where it lives, and a live one is shown to its own server alone.
func TestTwoServers(t *testing.T) {
	one, two := newServer(t), newServer(t)
	two.mu.Lock()
	two.production.value = strings.Replace(two.production.value, "AbCd", "Prod", 1)
	two.production.value = "m0sk_prod" + two.production.value[9:]
	two.production.id = "11111111-0000-4000-8000-000000000001"
	two.staging.owner = "ann"
	two.mu.Unlock()
	one.production.owner = "ann"
	p := one.provider(t, func(c *mem0.Config) {
		c.Servers = map[string]mem0.Server{"staging": {BaseURL: one.url}, "production": {BaseURL: two.url, Login: fixed(login)}}
	})
	kind, err := p.Survey(t.Context(), map[string]providers.Values{"staging": one.staging.values(), "production": two.production.values()})
	if err != nil {
		t.Fatal(err)
	}
	made, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_1")
	if err != nil || len(two.keys) != 4 || len(one.keys) != 3 {
		t.Fatalf("%d and %d keys, %v", len(one.keys), len(two.keys), err)
	}
	if _, err := kind.(providers.Lister).List(t.Context()); err != nil {
		t.Error(err)
	}
	for _, v := range []providers.Values{two.production.values(), made.Values, one.staging.values()} {
		if found, err := kind.(providers.Prober).Probe(t.Context(), v); err != nil || found.Liveness != providers.Alive {
			t.Errorf("%+v, %v", found, err)
		}
	}
	if err := kind.(providers.Ender).End(t.Context(), providers.ID(two.production.id)); err != nil || !two.production.revoked || one.staging.revoked {
		t.Errorf("revoked %t and %t, %v", two.production.revoked, one.staging.revoked, err)
	}
	for _, h := range one.headers {
		if v := h.Get("X-Api-Key"); v == two.production.value || v == two.keys[3].value {
			t.Error("staging's server was shown a key of production's")
		}
	}
}

// TestLastUsed: the server notes each key's last request.
func TestLastUsed(t *testing.T) {
	w := newServer(t)
	kind := w.kind(t)
	usage, id, since := kind.(providers.Usage), providers.ID(w.production.id), time.Now().Add(-time.Hour)
	w.mu.Lock()
	w.production.used = time.Time{}
	w.mu.Unlock()
	if at, err := usage.LastUsed(t.Context(), id, since); err != nil || !at.IsZero() {
		t.Errorf("%v, %v", at, err)
	}
	want := time.Now().Add(-time.Minute).UTC().Truncate(time.Microsecond)
	w.mu.Lock()
	w.production.used = want
	w.mu.Unlock()
	if at, err := usage.LastUsed(t.Context(), id, since); err != nil || !at.Equal(want) {
		t.Errorf("%v, %v", at, err)
	}
	_, err := usage.LastUsed(t.Context(), "99999999", since)
	failed(t, w, err, fault.Ask, fault.NotFound)
}

// TestRevokedTwice: what somebody revoked in between is gone, as was wanted.
func TestRevokedTwice(t *testing.T) {
	w := newServer(t)
	kind := w.kind(t)
	w.lists = []byte(`[{"id":"` + w.production.id + `","key_prefix":"m0sk_abcdefg","label":"","created_at":""},{"id":"99999999","key_prefix":"m0sk_abcdefg"}]`)
	for _, id := range []string{w.production.id, w.production.id, "99999999"} {
		if err := kind.(providers.Ender).End(t.Context(), providers.ID(id)); err != nil {
			t.Error(err)
		}
	}
	if !w.production.revoked || w.staging.revoked {
		t.Error("not the one that was named")
	}
}

// TestLostAnswer: a create whose answer holds no key has made one all the same.
func TestLostAnswer(t *testing.T) {
	w := newServer(t)
	w.form = "m0sk_%x%x%x%x" // another form than documented
	kind := w.kind(t)
	c, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_1")
	failed(t, w, err, fault.Lost, fault.Garbled)
	secrettest.NoLeak(t, []secret.Value{secret.New(w.keys[3].value)}, c, err)
}
