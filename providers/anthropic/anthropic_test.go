package anthropic_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/anthropic"
	"rekey/providers/providertest"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Subject{Profiles: anthropic.Profiles(), Open: func(t testing.TB) providertest.World {
		w := newWorld(t)
		return providertest.World{
			Provider: w.provider(t), Current: w.current(), Secrets: w.issued, Faults: w.faults,
			Unknown: providers.Values{"ANTHROPIC_API_KEY": secret.New("sk-ant-api03-zzzQk7pVb2mXr9sTd4wYf6hLc8jNg3z-zzzz")},
			Malformed: []providers.Values{
				{"ANTHROPIC_API_KEY": secret.New("hello")}, {"ANTHROPIC_API_KEY": secret.New(adminKey)}, {},
				{"ANTHROPIC_API_KEY": secret.New("sk-ant-api01-Qk7pVb2mXr9sTd4wYf6hLc8jNg3z")}, {"OTHER": secret.New(w.staging.value)},
			},
			ByHand: func(env, label string) providers.Values {
				return w.make(label, map[string]string{"staging": stagingSpace, "production": productionSpace}[env]).values()
			},
		}
	}})
}

// failed fails unless err has the class and reason, and shows no value.
func failed(t *testing.T, w world, err error, class fault.Class, reason fault.Reason) {
	t.Helper()
	if f := fault.Of(err); err == nil || f.Class != class || f.Reason != reason {
		t.Errorf("%v, want %s and %s", err, class, reason)
	}
	secrettest.NoLeak(t, w.issued(), err)
}

func TestConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*anthropic.Config)
		fails  bool
	}{
		"defaults":                {func(*anthropic.Config) {}, false},
		"no admin key":            {func(c *anthropic.Config) { c.AdminKey = nil }, true},
		"http beyond loopback":    {func(c *anthropic.Config) { c.BaseURL = "http://api.anthropic.com" }, true},
		"a workspace's name":      {func(c *anthropic.Config) { c.Workspaces = map[string]string{"staging": "Staging"} }, true},
		"a workspace's id":        {func(c *anthropic.Config) { c.Workspaces = map[string]string{"staging": stagingSpace} }, false},
		"no probing after an end": {func(c *anthropic.Config) { c.Waits = providers.Waits{Settle: 1} }, true},
		"negative expiry":         {func(c *anthropic.Config) { c.MinExpiry = -1 }, true},
	} {
		config := anthropic.Config{AdminKey: fixed(adminKey)}
		c.change(&config)
		if _, err := anthropic.New(config); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSurveyAsks: an old key that is not certain, or not as declared, stops
// before anything begins.
func TestSurveyAsks(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(w *world, c *anthropic.Config)
		reason  fault.Reason
		says    string
	}{
		"two candidates": {func(w *world, _ *anthropic.Config) {
			w.make("twin", stagingSpace, func(k *fakeKey) { k.Hint = w.staging.Hint })
		}, fault.Ambiguous, "2 keys fit"},
		"switched off":          {func(w *world, _ *anthropic.Config) { w.production.Status = "inactive" }, fault.Ambiguous, "inactive"},
		"expired":               {func(w *world, _ *anthropic.Config) { w.production.Status = "expired" }, fault.Ambiguous, "expired"},
		"archived":              {func(w *world, _ *anthropic.Config) { w.production.Status = "archived" }, fault.NotFound, "archived"},
		"multi-workspace":       {func(w *world, _ *anthropic.Config) { w.production.Scope = map[string]any{"type": "organization"} }, fault.Unsupported, "no workspace"},
		"no scope told":         {func(w *world, _ *anthropic.Config) { w.production.Scope = nil }, fault.Unsupported, "no workspace"},
		"another workspace":     {func(_ *world, c *anthropic.Config) { c.Workspaces = map[string]string{"production": stagingSpace} }, fault.Ambiguous, "the configuration names"},
		"a hint that is silent": {func(w *world, _ *anthropic.Config) { w.production.Hint = "sk-ant-api03-...AA" }, fault.NotFound, "fits the value"},
		"a hint of stars only":  {func(w *world, _ *anthropic.Config) { w.production.Hint = "****" }, fault.NotFound, "fits the value"},
		"its own admin key":     {func(w *world, c *anthropic.Config) { c.AdminKey = fixed(w.production.value) }, fault.Managed, "a key of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var own anthropic.Config
			c.arrange(&w, &own)
			_, err := w.provider(t, func(c *anthropic.Config) {
				c.Workspaces = own.Workspaces
				if own.AdminKey != nil {
					c.AdminKey = own.AdminKey
				}
			}).Survey(t.Context(), w.current())
			failed(t, w, err, fault.Ask, c.reason)
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
		})
	}
}

// TestInventedEndpoints (trap 1): there is no creating and no deleting; a whole
// life asks for nothing but what is documented, and never for a workspace
// (trap 8).
func TestInventedEndpoints(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	if _, can := kind.(providers.Issuer); can {
		t.Error("no API makes a key")
	}
	id := providers.ID(w.staging.ID)
	for _, do := range []func() error{
		func() error { return kind.(providers.Disabler).Disable(t.Context(), id) },
		func() error { return kind.(providers.Disabler).Enable(t.Context(), id) },
		func() error { return kind.(providers.Ender).End(t.Context(), id) },
		func() error { return kind.(providers.Ender).End(t.Context(), id) },
		func() error { _, err := kind.(providers.Lister).List(t.Context()); return err },
		func() error { _, err := kind.(providers.Prober).Probe(t.Context(), w.production.values()); return err },
	} {
		if err := do(); err != nil {
			t.Error(err)
		}
	}
	for _, call := range w.calls {
		if strings.Contains(call, "DELETE") || strings.Contains(call, "workspaces") || call == "POST /v1/organizations/api_keys" {
			t.Errorf("asked for %s", call)
		}
	}
}

// TestOwnEnvironment (trap 2): the variable that is rotated is not read from
// Rekey's own environment.
func TestOwnEnvironment(t *testing.T) {
	w := newWorld(t)
	t.Setenv("ANTHROPIC_API_KEY", w.production.value)
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v1/models" && r.Header.Get("X-Api-Key") != adminKey {
			t.Errorf("%s was asked with another key", r.URL.Path)
		}
		return false
	}
	w.kind(t)
}

// TestNothingRepeats (trap 9): a probe and a write are each sent once.
func TestNothingRepeats(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.calls = nil
	w.override = func(rw http.ResponseWriter, _ *http.Request) bool {
		refuse(rw, http.StatusTooManyRequests, "rate_limit_error", "")
		return true
	}
	_, _ = kind.(providers.Prober).Probe(t.Context(), w.production.values())
	_ = kind.(providers.Disabler).Disable(t.Context(), providers.ID(w.staging.ID))
	if len(w.calls) != 2 {
		t.Errorf("asked %v", w.calls)
	}
}

// TestWrongHands (traps 3 to 7, 10, 11): what people may paste instead of the
// key that was asked for, and what they are told.
func TestWrongHands(t *testing.T) {
	day := 24 * time.Hour
	const label = "rk_test_staging_r1_1"
	as := func(change func(*fakeKey)) func(w world) string {
		return func(w world) string { return w.make(label, stagingSpace, change).value }
	}
	for name, c := range map[string]struct {
		bring func(w world) string
		told  string // "" means taken
	}{
		"the key asked for":      {as(func(*fakeKey) {}), ""},
		"with white space":       {func(w world) string { return "  " + w.make(label, stagingSpace).value + "\n" }, ""},
		"without a creator":      {as(func(k *fakeKey) { k.CreatedBy = nil }), ""},
		"expiring late":          {as(func(k *fakeKey) { at := time.Now().Add(130 * day); k.Expires = &at }), ""},
		"an admin key":           {func(world) string { return adminKey }, "Admin API key"},
		"an enterprise key":      {func(world) string { return "sk-ant-api01-Qk7pVb2mXr9sTd4wYf6hLc8jNg3z" }, "Claude Enterprise"},
		"half a key":             {func(w world) string { return w.make(label, stagingSpace).value[:20] }, "a part of a key"},
		"an OAuth token":         {func(world) string { return "sk-ant-oat01-Qk7pVb2mXr9sTd4wYf6hLc8jNg3z" }, "something else of Anthropic's"},
		"a note":                 {func(world) string { return "done!" }, "not the form"},
		"the old key":            {func(w world) string { return w.staging.value }, "which staging uses now"},
		"production's key":       {func(w world) string { return w.production.value }, "which production uses now"},
		"another organisation's": {func(world) string { return "sk-ant-api03-zzzQk7pVb2mXr9sTd4wYf6hLc8jNg3z-zzzz" }, "no such key"},
		"an archived one":        {as(func(k *fakeKey) { k.Status = "archived" }), "it is dead"},
		"a switched off one":     {as(func(k *fakeKey) { k.Status = "inactive" }), "is inactive"},
		"an expired one":         {as(func(k *fakeKey) { k.Status = "expired" }), "is expired"},
		"of another workspace":   {func(w world) string { return w.make(label, productionSpace).value }, "belongs to workspace " + productionSpace},
		"of no workspace":        {as(func(k *fakeKey) { k.Scope = map[string]any{"type": "organization"} }), "belongs to no workspace"},
		"of another account": {as(func(k *fakeKey) {
			k.Principal = map[string]any{"type": "service_account_actor", "service_account_id": "svac_01Other"}
		}), "acts as service account svac_01Other"},
		"a personal one":        {as(func(k *fakeKey) { k.Principal = map[string]any{"type": "user_actor", "user_id": "user_01Ann"} }), "acts as user user_01Ann"},
		"of nobody":             {as(func(k *fakeKey) { k.Principal = nil }), "acts as nobody"},
		"under another name":    {func(w world) string { return w.make("shop", stagingSpace).value }, "is called “shop”"},
		"named like a key":      {func(w world) string { return w.make(w.production.value, stagingSpace).value }, "is called something else"},
		"made before":           {as(func(k *fakeKey) { k.Created = time.Now().Add(-2 * time.Hour) }), "was made before"},
		"expiring soon":         {as(func(k *fakeKey) { at := time.Now().Add(60 * day); k.Expires = &at }), "too soon"},
		"altered in the middle": {func(w world) string { v := w.make(label, stagingSpace).value; return v[:25] + "x" + v[26:] }, "refuses what was pasted"},
		"one that has a twin": {func(w world) string {
			k := w.make(label, stagingSpace)
			w.make("twin", stagingSpace, func(t *fakeKey) { t.Hint = k.Hint })
			return k.value
		}, "More than one key"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			guide := w.kind(t).(providers.Guide)
			e := providers.Errand{Environment: "staging", Label: label, Asked: time.Now().Add(-time.Minute), Seen: time.Now().Add(-time.Hour)}
			v := secret.New(c.bring(w))
			found, err := guide.Inspect(t.Context(), e, providers.Values{"ANTHROPIC_API_KEY": v})
			switch {
			case err != nil:
				t.Fatal(err)
			case c.told == "" && (found.Wrong != "" || found.Wait || found.Credential.Label != label):
				t.Errorf("not taken: %+v", found)
			case c.told != "" && (!strings.Contains(found.Wrong, c.told) || found.Credential.ID != ""):
				t.Errorf("told %q, want %q", found.Wrong, c.told)
			}
			if v.Len() > 16 {
				secrettest.NoLeak(t, append(w.issued(), v), found)
			}
		})
	}
}

// TestSkew: a key may be as much older than the asking as the service's clock
// may be off.
func TestSkew(t *testing.T) {
	for skew, wrong := range map[time.Duration]bool{0: true, 5 * time.Minute: true, 20 * time.Minute: false} {
		w := newWorld(t)
		kind, err := w.provider(t, func(c *anthropic.Config) { c.Skew = skew }).Survey(t.Context(), w.current())
		if err != nil {
			t.Fatal(err)
		}
		k := w.make("rk_1", stagingSpace, func(k *fakeKey) { k.Created = time.Now().Add(-10 * time.Minute) })
		e := providers.Errand{Environment: "staging", Label: "rk_1", Asked: time.Now(), Seen: time.Now()}
		found, err := kind.(providers.Guide).Inspect(t.Context(), e, k.values())
		if err != nil || wrong != strings.Contains(found.Wrong, "was made before") {
			t.Errorf("%s: %+v, %v", skew, found, err)
		}
	}
}

// TestListedLate: a key that is not listed yet, or not accepted yet, is waited
// for; only after the settle time people are told.
func TestListedLate(t *testing.T) {
	w := newWorld(t)
	guide := w.kind(t).(providers.Guide)
	k := w.make("rk_1", stagingSpace)
	e := providers.Errand{Environment: "staging", Label: "rk_1", Asked: time.Now().Add(-time.Minute), Seen: time.Now()}
	w.late = 3 // pages
	for i, want := range []bool{true, false} {
		found, err := guide.Inspect(t.Context(), e, k.values())
		if err != nil || found.Wait != want || found.Wrong != "" {
			t.Errorf("look %d: %+v, %v", i+1, found, err)
		}
		w.late = 0
	}
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v1/models" {
			refuse(rw, http.StatusUnauthorized, "authentication_error", "")
		}
		return r.URL.Path == "/v1/models"
	}
	if found, err := guide.Inspect(t.Context(), e, k.values()); err != nil || !found.Wait {
		t.Errorf("not accepted yet: %+v, %v", found, err)
	}
}

// TestWorkspaceKeyBecomesAServiceAccounts: an old key of nobody may be
// followed by a service account's, and by another of nobody.
func TestWorkspaceKeyBecomesAServiceAccounts(t *testing.T) {
	for name, actor := range map[string]map[string]any{"nobody": nil, "an account": {"type": "service_account_actor", "service_account_id": account}} {
		w := newWorld(t)
		w.staging.Principal = nil
		guide := w.kind(t).(providers.Guide)
		k := w.make("rk_1", stagingSpace, func(k *fakeKey) { k.Principal = actor })
		found, err := guide.Inspect(t.Context(), providers.Errand{Environment: "staging", Label: "rk_1", Asked: time.Now()}, k.values())
		if err != nil || found.Credential.ID != providers.ID(k.ID) {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}

// TestPersonalKeys die with a person's membership, which people hear before a
// rotation: the new key will, too. A service account's does not.
func TestPersonalKeys(t *testing.T) {
	w := newWorld(t)
	if notice := w.kind(t).Traits().Notice; notice != "" {
		t.Errorf("of a service account: %q", notice)
	}
	w.production.Principal = map[string]any{"type": "user_actor", "user_id": "user_01Ann"}
	notice := w.kind(t).Traits().Notice
	if !strings.Contains(notice, "production that of user user_01Ann") || strings.Contains(notice, "staging") {
		t.Errorf("%q", notice)
	}
}

// TestGuidanceNamesEverything that the Console asks for.
func TestGuidanceNamesEverything(t *testing.T) {
	w := newWorld(t)
	told, err := w.kind(t).(providers.Guide).Guide(providers.Errand{Environment: "production", Label: "rk_1"})
	text := strings.Join(told.Steps, "\n")
	for _, part := range []string{"Create key", "`rk_1`", productionSpace, account, "120 days", "copy"} {
		if err != nil || !strings.Contains(text, part) {
			t.Errorf("it does not say %q: %s (%v)", part, text, err)
		}
	}
	if told.Console != anthropic.DefaultConsole {
		t.Errorf("console %q", told.Console)
	}
}

// TestProbe: only Anthropic's own word refuses a key.
func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   providers.Liveness
	}{
		"its own 401":           {401, `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}`, providers.Refused},
		"a gateway's 401":       {401, `<html>`, providers.Unclear},
		"another 401":           {401, `{"type":"error","error":{"type":"permission_error"}}`, providers.Unclear},
		"403":                   {403, `{"type":"error","error":{"type":"permission_error"}}`, providers.Unclear},
		"429":                   {429, `{"type":"error","error":{"type":"rate_limit_error"}}`, providers.Unclear},
		"529":                   {529, `{"type":"error","error":{"type":"overloaded_error"}}`, providers.Unclear},
		"200 that is no list":   {200, `{}`, providers.Unclear},
		"200 that is HTML":      {200, `<html>`, providers.Unclear},
		"200 with no model":     {200, `{"data":[]}`, providers.Alive},
		"400, no workspace say": {400, `{"type":"error","error":{"type":"invalid_request_error"}}`, providers.Unclear},
	} {
		w := newWorld(t)
		kind := w.kind(t)
		w.override = func(rw http.ResponseWriter, _ *http.Request) bool {
			rw.WriteHeader(c.status)
			_, _ = io.WriteString(rw, c.body)
			return true
		}
		if got, err := kind.(providers.Prober).Probe(t.Context(), w.production.values()); err != nil || got.Liveness != c.want || got.Answer == "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestEnableAtTheLimit: people hear which limit is in the way.
func TestEnableAtTheLimit(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			refuse(rw, http.StatusBadRequest, "invalid_request_error", "workspace_api_key_limit_exceeded")
		}
		return r.Method == http.MethodPost
	}
	err := kind.(providers.Disabler).Enable(t.Context(), providers.ID(w.staging.ID))
	failed(t, w, err, fault.Ask, fault.Invalid)
	if !strings.Contains(fmt.Sprint(err), "the workspace has as many active keys as it may have") {
		t.Error(err)
	}
}

// TestDeadForGood: switching off what is archived is done already; switching
// it on is not possible.
func TestDeadForGood(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.staging.Status = "archived"
	if err := kind.(providers.Disabler).Disable(t.Context(), providers.ID(w.staging.ID)); err != nil {
		t.Error(err)
	}
	failed(t, w, kind.(providers.Disabler).Enable(t.Context(), providers.ID(w.staging.ID)), fault.Never, fault.Invalid)
}

// TestAnswerThatShowsAnotherState is no answer to believe.
func TestAnswerThatShowsAnotherState(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			answer(rw, http.StatusOK, w.staging)
		}
		return r.Method == http.MethodPost
	}
	failed(t, w, kind.(providers.Ender).End(t.Context(), providers.ID(w.staging.ID)), fault.Lost, fault.Garbled)
}

// TestListsThatAreNotWhole are errors, not absences.
func TestListsThatAreNotWhole(t *testing.T) {
	for name, body := range map[string]string{
		"no data": `{"has_more":false}`, "no word of more": `{"data":[]}`, "more, but nowhere": `{"data":[],"has_more":true,"last_id":null}`,
		"a key without a state": `{"data":[{"id":"apikey_1"}],"has_more":false}`, "a circle": `{"data":[],"has_more":true,"last_id":"apikey_1"}`,
		"a state nobody knows": `{"data":[{"id":"apikey_1","status":"dormant"}],"has_more":false}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			kind := w.kind(t)
			w.override = func(rw http.ResponseWriter, _ *http.Request) bool { _, _ = io.WriteString(rw, body); return true }
			_, err := kind.(providers.Lister).List(t.Context())
			failed(t, w, err, fault.Ask, fault.Garbled)
		})
	}
}

// TestLastUsed asks for buckets that suit the distance.
func TestLastUsed(t *testing.T) {
	for width, back := range map[string]time.Duration{"1m": time.Hour, "1h": 3 * 24 * time.Hour, "1d": 40 * 24 * time.Hour} {
		w := newWorld(t)
		usage := w.kind(t).(providers.Usage)
		at := time.Now().UTC().Truncate(time.Minute)
		w.used[w.staging.ID] = at
		got, err := usage.LastUsed(t.Context(), providers.ID(w.staging.ID), time.Now().Add(-back))
		if err != nil || !got.Equal(at) || len(w.asked) != 2 || !strings.Contains(w.asked[0], "bucket_width="+width) {
			t.Errorf("%s: %v, %v, asked %v", width, got, err, w.asked)
		}
		if never, err := usage.LastUsed(t.Context(), providers.ID(w.production.ID), time.Now().Add(-back)); err != nil || !never.IsZero() {
			t.Errorf("%s: never used, and got %v, %v", width, never, err)
		}
	}
	w := newWorld(t)
	_, err := w.kind(t).(providers.Usage).LastUsed(t.Context(), providers.ID(w.staging.ID), time.Now().Add(-400*24*time.Hour))
	failed(t, w, err, fault.Never, fault.Invalid)
}

// TestSignatures match what the vendor's libraries print.
func TestSignatures(t *testing.T) {
	signatures := newWorld(t).kind(t).Traits().Signatures
	for _, line := range []string{
		`anthropic.AuthenticationError: Error code: 401 - {'type': 'error', 'error': {'type': 'authentication_error', 'message': 'invalid x-api-key'}}`,
		`POST "https://api.anthropic.com/v1/messages": 401 Unauthorized {"type":"error"}`,
		`level=error msg="anthropic: request failed" status_code=401`,
	} {
		if !slices.ContainsFunc(signatures, func(s string) bool { return matches(t, s, line) }) {
			t.Errorf("none matches %q", line)
		}
	}
}

func matches(t *testing.T, pattern, line string) bool {
	t.Helper()
	re, err := regexp.Compile(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return re.MatchString(line)
}
