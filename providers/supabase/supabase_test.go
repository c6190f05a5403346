package supabase_test

import (
	"net/http"
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
	"rekey/providers/supabase"
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

// says fails unless a question to people holds all the words.
func says(t *testing.T, f *fault.Error, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(f.Detail, word) {
			t.Errorf("%q does not say %q", f.Detail, word)
		}
	}
}

// onlyRead fails if anything but reading was asked.
func onlyRead(t *testing.T, w world) {
	t.Helper()
	if slices.ContainsFunc(w.seen(), func(call string) bool { return !strings.HasPrefix(call, "GET ") }) {
		t.Errorf("something was written: %v", w.seen())
	}
}

func TestConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*supabase.Config)
		fails  bool
	}{
		"defaults":                  {func(*supabase.Config) {}, false},
		"no token":                  {func(c *supabase.Config) { c.Token = nil }, true},
		"no projects":               {func(c *supabase.Config) { c.Projects = nil }, true},
		"a project by its name":     {func(c *supabase.Config) { c.Projects = map[string]string{"staging": "my-project"} }, true},
		"http beyond loopback":      {func(c *supabase.Config) { c.BaseURL = "http://api.supabase.com" }, true},
		"projects over http":        {func(c *supabase.Config) { c.ProjectURL = "http://{ref}.supabase.co" }, true},
		"one address, two projects": {func(c *supabase.Config) { c.ProjectURL = "https://db.example.com" }, true},
		"waits of one's own":        {func(c *supabase.Config) { c.Waits = providers.Waits{ProbeEvery: 1, ProbeFor: 1} }, false},
		"no probing after an end":   {func(c *supabase.Config) { c.Waits = providers.Waits{Settle: time.Second} }, true},
		"negative hold":             {func(c *supabase.Config) { c.Waits = providers.Waits{ProbeEvery: 1, ProbeFor: 1, Hold: -1} }, true},
		"quiet for an hour":         {func(c *supabase.Config) { c.Quiet = time.Hour }, true},
		"quiet longer than logs go": {func(c *supabase.Config) { c.Quiet = 60 * 24 * time.Hour }, true},
		"an address for one, as such": {func(c *supabase.Config) {
			c.ProjectURL, c.Projects = "https://db.example.com", map[string]string{"staging": stagingRef}
		}, false},
	} {
		config := supabase.Config{Token: fixed(secret.Value{}), Projects: map[string]string{"staging": stagingRef, "production": productionRef}}
		c.change(&config)
		if _, err := supabase.New(config); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWaitsComeFromTheConfiguration(t *testing.T) {
	w := newWorld(t)
	if diff := cmp.Diff(supabase.DefaultWaits(), w.kind(t).Traits().Waits); diff != "" {
		t.Errorf("defaults: %s", diff)
	}
	own := providers.Waits{Settle: 1, Hold: 0, ProbeEvery: 2, ProbeFor: 3}
	if diff := cmp.Diff(own, w.kind(t, func(c *supabase.Config) { c.Waits = own }).Traits().Waits); diff != "" {
		t.Errorf("own: %s", diff)
	}
}

func TestKindCannotBeDisabled(t *testing.T) {
	kind := newWorld(t).kind(t)
	if _, can := kind.(providers.Disabler); can || kind.Traits().UndoOfEnd {
		t.Error("a secret key has no reversible state; the switch of legacy keys is not one")
	}
	// Trap 6: copies in Postgres do not come from the vault.
	if traits := kind.Traits(); traits.Shape != providers.Overlap || !traits.PublicID || !strings.Contains(traits.Drain, "Postgres Vault") {
		t.Errorf("traits are %+v", traits)
	}
}

func TestSurveyAsks(t *testing.T) {
	for name, c := range map[string]struct {
		value  func(w world) secret.Value
		reason fault.Reason
		says   []string
	}{
		"a publishable key":                {func(w world) secret.Value { return w.keys[0].value() }, fault.Ambiguous, []string{"publishable"}},
		"the access token":                 {func(world) secret.Value { return secret.New(token) }, fault.Managed, []string{"access token"}},
		"another access token":             {func(world) secret.Value { return secret.New("sbp_" + strings.Repeat("a", 40)) }, fault.Ambiguous, []string{"access token"}},
		"the other project's key":          {func(w world) secret.Value { return w.staging.value() }, fault.NotFound, []string{productionRef, "another project"}},
		"the operator's own key (trap 5)":  {func(w world) secret.Value { return w.keyOf(productionRef, "default").value() }, fault.Managed, []string{"default", "Edge Functions", "Nothing was changed"}},
		"a legacy anon key":                {func(world) secret.Value { return jwt(productionRef, "anon") }, fault.Ambiguous, []string{"anon", "public"}},
		"a legacy key of another project":  {func(world) secret.Value { return jwt(stagingRef, "service_role") }, fault.Ambiguous, []string{"another project"}},
		"a token of a person":              {func(world) secret.Value { return jwt(productionRef, "authenticated") }, fault.Ambiguous, []string{"not the legacy service_role key"}},
		"something else with three points": {func(world) secret.Value { return secret.New("eyJub3Q.YS5q.c29u") }, fault.Ambiguous, []string{"JWT"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			current := w.current()
			current["production"] = providers.Values{variable: c.value(w)}
			_, err := w.provider(t).Survey(t.Context(), current)
			f := failed(t, w, err, fault.Ask, c.reason)
			says(t, f, append(c.says, "production")...)
			secrettest.NoLeak(t, []secret.Value{c.value(w)}, err)
			onlyRead(t, w)
		})
	}
}

func (w world) keyOf(ref, name string) fakeKey {
	at := slices.IndexFunc(w.keys, func(k fakeKey) bool { return k.Ref == ref && k.Name == name && k.Type == "secret" })
	return w.keys[at]
}

// TestTwoKeysFit: a prefix may be shared. The hash decides where the list
// shows the one that can be computed; otherwise a person is asked.
func TestTwoKeysFit(t *testing.T) {
	w := newWorld(t)
	twin := w.production
	twin.ID, twin.Name, twin.Text = "00000000-aaaa-4bbb-8ccc-000000000000", "twin", w.production.Text[:len(w.production.Text)-4]+"AAAA"
	w.keys = append(w.keys, twin)
	id, err := w.kind(t).Identify(w.current()["production"])
	if err != nil || id != providers.ID(w.production.ID) {
		t.Errorf("by hash: %s, %v", id, err)
	}
	w.noHash = true
	_, err = w.provider(t).Survey(t.Context(), w.current())
	says(t, failed(t, w, err, fault.Ask, fault.Ambiguous), twin.ID, w.production.ID, "2 secret keys")
}

// TestAPrefixThatTellsNothing: what all keys begin with fits all of them.
func TestAPrefixThatTellsNothing(t *testing.T) {
	for _, prefix := range []string{"sb_secret_", "sb_secret_a", "sb_secret_..."} {
		w := newWorld(t)
		w.noHash = true
		for i := range w.keys {
			w.keys[i].Prefix = prefix
		}
		_, err := w.provider(t).Survey(t.Context(), w.current())
		failed(t, w, err, fault.Ask, fault.NotFound)
	}
}

// TestPrefixForms: with or without what all keys begin with, and marked where
// it stops.
func TestPrefixForms(t *testing.T) {
	for _, form := range []func(string) string{
		func(p string) string { return strings.TrimPrefix(p, "sb_secret_") },
		func(p string) string { return p + "..." },
		func(p string) string { return p + "····" },
	} {
		w := newWorld(t)
		w.noHash = true
		for i := range w.keys {
			w.keys[i].Prefix = form(w.keys[i].Prefix)
		}
		if id, err := w.kind(t).Identify(w.current()["staging"]); err != nil || id != providers.ID(w.staging.ID) {
			t.Errorf("identified as %s, %v", id, err)
		}
	}
}

// TestMissingRights: the sentence names what the token lacks, and repeats
// nothing else of the answer.
func TestMissingRights(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.rights = []string{"api_gateway_keys_read"}
	_, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_test_staging_r1_1")
	f := failed(t, w, err, fault.Ask, fault.Forbidden)
	says(t, f, "api_gateway_keys_write")
	if strings.Contains(f.Error(), "nonsense") {
		t.Errorf("it repeats what the service said: %v", f)
	}
	w.rights = nil
	_, err = w.provider(t).Survey(t.Context(), w.current())
	says(t, failed(t, w, err, fault.Ask, fault.Forbidden), "api_gateway_keys_read")
}

func TestRateLimitTellsWhenItIsOver(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.override = func(rw http.ResponseWriter, _ *http.Request) bool {
		rw.Header().Set("X-RateLimit-Reset", "42")
		refuse(rw, http.StatusTooManyRequests, "slow down")
		return true
	}
	_, err := kind.(providers.Lister).List(t.Context())
	if f := failed(t, w, err, fault.Again, fault.RateLimited); f.RetryAfter != 42*time.Second {
		t.Errorf("again after %s", f.RetryAfter)
	}
}

func TestATokenThatIsNone(t *testing.T) {
	w := newWorld(t)
	for _, v := range []secret.Value{{}, w.staging.value(), w.keys[0].value()} {
		_, err := w.provider(t, func(c *supabase.Config) { c.Token = fixed(v) }).Survey(t.Context(), w.current())
		failed(t, w, err, fault.Ask, fault.Ambiguous)
	}
	if calls := w.seen(); len(calls) > 0 {
		t.Errorf("asked with it: %v", calls)
	}
}

func TestEachEnvironmentGetsAKeyOfItsOwnProject(t *testing.T) {
	w := newWorld(t)
	issuer := w.kind(t).(providers.PlacedIssuer)
	for env, ref := range map[string]string{"staging": stagingRef, "production": productionRef} {
		c, err := issuer.IssueIn(t.Context(), env, "rk_test_"+env+"_r1_1")
		if err != nil {
			t.Fatal(err)
		}
		if k := w.keyOf(ref, "rk_test_"+env+"_r1_1"); string(c.ID) != k.ID || !c.Values[variable].Equal(k.value()) {
			t.Errorf("%s got %s, which is no key of %s", env, c.ID, ref)
		}
	}
	_, err := issuer.IssueIn(t.Context(), "preview", "rk_test_preview_r1_1")
	failed(t, w, err, fault.Never, fault.Invalid)
}

// TestOneProjectForBoth: two environments may share a project, and a key.
func TestOneProjectForBoth(t *testing.T) {
	w := newWorld(t)
	both := func(c *supabase.Config) {
		c.Projects = map[string]string{"staging": stagingRef, "production": stagingRef}
	}
	current := map[string]providers.Values{"staging": {variable: w.staging.value()}, "production": {variable: w.staging.value()}}
	kind, err := w.provider(t, both).Survey(t.Context(), current)
	if err != nil {
		t.Fatal(err)
	}
	all, err := kind.(providers.Lister).List(t.Context())
	if err != nil || len(all) != 4 { // the legacy one is the fourth
		t.Errorf("each key is listed once: %d, %v", len(all), err)
	}
}

// TestNames: what the service would not take as a name is not sent.
func TestNames(t *testing.T) {
	w := newWorld(t)
	issuer := w.kind(t).(providers.PlacedIssuer)
	for _, label := range []string{"", "abc", "With_Capitals", "with-hyphens", "1_digit_first", strings.Repeat("a", 65)} {
		_, err := issuer.IssueIn(t.Context(), "staging", label)
		failed(t, w, err, fault.Never, fault.Invalid)
	}
	onlyRead(t, w)
}

// TestAnswersToCreatingThatTellNothing (trap 7): the key exists and is not
// known, so it is lost and not asked for again.
func TestAnswersToCreatingThatTellNothing(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"no value":       func(m map[string]any) { delete(m, "api_key") },
		"a masked value": func(m map[string]any) { m["api_key"] = "sb_secret_abcde···" },
		"no id":          func(m map[string]any) { m["id"] = nil },
		"another name":   func(m map[string]any) { m["name"] = "other" },
		"another type":   func(m map[string]any) { m["type"] = "publishable" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			issuer := w.kind(t).(providers.PlacedIssuer)
			w.override = func(rw http.ResponseWriter, r *http.Request) bool {
				k := w.addLocked(stagingRef, "secret", "rk_test_staging_r1_1")
				m := w.shown(k)
				m["api_key"] = k.Text
				change(m)
				answer(rw, http.StatusCreated, m)
				return true
			}
			before := len(w.seen())
			_, err := issuer.IssueIn(t.Context(), "staging", "rk_test_staging_r1_1")
			failed(t, w, err, fault.Lost, fault.Garbled)
			if n := len(w.seen()) - before; n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// TestEndLooksFirst (traps 4 and 5): deleting cannot be undone.
func TestEndLooksFirst(t *testing.T) {
	for name, c := range map[string]struct {
		id     func(w world) string
		reason fault.Reason
	}{
		"a publishable key":  {func(w world) string { return w.keys[0].ID }, fault.Managed},
		"the operator's own": {func(w world) string { return w.keyOf(stagingRef, "default").ID }, fault.Managed},
		"one that was renamed": {func(w world) string {
			at := slices.IndexFunc(w.keys, func(k fakeKey) bool { return k.Name == "worker" })
			w.keys[at].Name = "mailer"
			return w.keys[at].ID
		}, fault.ChangedByOther},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ender := w.kind(t).(providers.Ender)
			before := len(w.keys)
			failed(t, w, ender.End(t.Context(), providers.ID(c.id(w))), fault.Ask, c.reason)
			if len(w.keys) != before {
				t.Error("a key is gone")
			}
			onlyRead(t, w)
		})
	}
}

func TestEndSaysWhy(t *testing.T) {
	w := newWorld(t)
	if err := w.kind(t).(providers.Ender).End(t.Context(), providers.ID(w.staging.ID)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"reason=rotation&was_compromised=false"}, w.queries); diff != "" {
		t.Error(diff)
	}
	if err := newWorld(t).kind(t).(providers.Ender).End(t.Context(), "11111111-aaaa-4bbb-8ccc-222222222222"); err != nil {
		t.Errorf("what is gone already: %v", err)
	}
}

// TestLegacySwitchIsLeftAlone (trap 3): whatever is done with secret keys, anon
// in every browser goes on.
func TestLegacySwitchIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	everyCall(t, w)
	for _, call := range w.seen() {
		if strings.HasPrefix(call, "PUT ") || strings.HasPrefix(call, "PATCH ") {
			t.Errorf("it called %s", call)
		}
	}
}

// TestOldPathOfLogs (trap 1).
func TestOldPathOfLogs(t *testing.T) {
	w := newWorld(t)
	everyCall(t, w)
	for _, call := range w.seen() {
		if strings.Contains(call, "logs.all") {
			t.Errorf("it called %s", call)
		}
	}
}

// TestNoListIsConcludedFromHalfARow: a key without id or type hides something.
func TestNoListIsConcludedFromHalfARow(t *testing.T) {
	for name, body := range map[string]string{
		"no list":          `{"keys":[]}`,
		"null":             `null`,
		"a key without id": `[{"name":"a_key","type":"secret","prefix":"sb_secret_abcde"}]`,
		"without prefix":   `[{"name":"a_key","type":"secret","id":"11111111-aaaa-4bbb-8ccc-222222222222"}]`,
		"an unknown type":  `[{"name":"a_key","type":"magic","id":"11111111-aaaa-4bbb-8ccc-222222222222","prefix":"x"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			lister := w.kind(t).(providers.Lister)
			w.override = func(rw http.ResponseWriter, _ *http.Request) bool { _, _ = rw.Write([]byte(body)); return true }
			_, err := lister.List(t.Context())
			failed(t, w, err, fault.Ask, fault.Garbled)
		})
	}
}

// TestConsoleAddress (trap 9): people are sent to the page that exists.
func TestConsoleAddress(t *testing.T) {
	w := newWorld(t)
	current := w.current()
	current["staging"] = providers.Values{variable: jwt(stagingRef, "service_role")}
	_, err := w.provider(t).Survey(t.Context(), current)
	says(t, fault.Of(err), "https://supabase.com/dashboard/project/"+stagingRef+"/settings/api-keys")
	if strings.Contains(err.Error(), "/settings/api ") {
		t.Error("that page is a dead end")
	}
}

func TestSignatures(t *testing.T) {
	hits := []string{
		`level=error msg="supabase: 401 Unauthorized: Invalid API key"`,
		`AuthApiError: Invalid API key, hint: Double check your Supabase anon or service_role API key.`,
		`GET https://abc.supabase.co/rest/v1/rows failed: 401 Unauthorized`,
		`status=401 url=https://abcdefghijklmnopqrst.supabase.co/rest/v1/`,
	}
	for _, line := range hits {
		if !slices.ContainsFunc(newWorld(t).kind(t).Traits().Signatures, func(s string) bool { return regexp.MustCompile(s).MatchString(line) }) {
			t.Errorf("missed: %s", line)
		}
	}
}
