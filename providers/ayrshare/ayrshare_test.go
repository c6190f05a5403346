package ayrshare_test

import (
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
	"rekey/providers/ayrshare"
	"rekey/providers/providertest"
)

const nobodys = "ZZZZZZZ-ZZZZZZZ-ZZZZZZZ-ZZZZZZZ"

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Subject{Profiles: ayrshare.Profiles(), Open: func(t testing.TB) providertest.World {
		w := newWorld(t)
		return providertest.World{
			Provider: w.provider(t), Current: w.current(), Secrets: w.issued, Faults: w.faults,
			Unknown:   of(nobodys),
			Malformed: []providers.Values{of("hello"), of("two words that are long enough"), of(strings.Repeat("A", 200)), {}, {"OTHER": secret.New(nobodys)}},
			ByHand:    func(env, _ string) providers.Values { return of(w.regenerate(w.account(env))) },
		}
	}})
}

func TestConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ayrshare.Config)
		fails  bool
	}{
		"defaults":        {func(*ayrshare.Config) {}, false},
		"the old host":    {func(c *ayrshare.Config) { c.BaseURL = "https://app.ayrshare.com/api" }, false},
		"no namer":        {func(c *ayrshare.Config) { c.Name = nil }, true},
		"no TLS":          {func(c *ayrshare.Config) { c.BaseURL = "http://ayrshare.example.com" }, true},
		"probing nothing": {func(c *ayrshare.Config) { c.Waits = providers.Waits{Settle: time.Second} }, true},
		"a negative wait": {func(c *ayrshare.Config) { c.Waits = ayrshare.DefaultWaits(); c.Waits.Settle = -1 }, true},
	} {
		config := ayrshare.Config{Name: named}
		c.change(&config)
		if _, err := ayrshare.New(config); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// kind surveys the world.
func (w world) kind(t testing.TB, current map[string]providers.Values) providers.Kind {
	t.Helper()
	kind, err := w.provider(t).Survey(t.Context(), current)
	if err != nil {
		t.Fatal(err)
	}
	return kind
}

// failed fails unless err has the class and reason, says a word, and shows no
// value.
func failed(t *testing.T, w world, err error, class fault.Class, reason fault.Reason, word string) {
	t.Helper()
	if f := fault.Of(err); err == nil || f.Class != class || f.Reason != reason || !strings.Contains(f.Detail, word) {
		t.Errorf("%v, want %s and %s and %q", err, class, reason, word)
	}
	secrettest.NoLeak(t, w.issued(), err)
}

// TestOneKeyIsACutover: making a key ends the old one, and the traits say
// so before anybody is asked. (The page's first trap.)
func TestOneKeyIsACutover(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, w.current())
	traits := kind.Traits()
	_, lists := kind.(providers.Lister)
	_, ends := kind.(providers.Ender)
	if traits.Shape != providers.Cutover || !traits.Guided || traits.PublicID || lists || ends {
		t.Errorf("%+v, a list: %t, an end: %t", traits, lists, ends)
	}
	if !strings.Contains(traits.Account, "ref1staging, made 2024-02-01") || !strings.Contains(traits.Account, "ref2production") {
		t.Errorf("the account is %q", traits.Account)
	}
	if !strings.Contains(traits.Drain, "MCP") || !strings.Contains(traits.Drain, "blindly") { // traps 4 and 5
		t.Errorf("what may still hold it: %q", traits.Drain)
	}
}

// TestProfileKey: what chooses a profile is no API key, in the vault and in the
// inbox. (Traps 2 and 3.)
func TestProfileKey(t *testing.T) {
	w := newWorld(t)
	current := w.current()
	current["production"] = of(w.production.profile)
	_, err := w.provider(t).Survey(t.Context(), current)
	failed(t, w, err, fault.Ask, fault.NotFound, "Profile Key")
	kind := w.kind(t, w.current())
	found, err := kind.(providers.Guide).Inspect(t.Context(), late("production"), of(w.production.profile))
	if err != nil || !strings.Contains(found.Wrong, "Primary Profile") {
		t.Errorf("%+v, %v", found, err)
	}
	told, err := kind.(providers.Guide).Guide(late("production"))
	if err != nil || !strings.Contains(strings.Join(told.Steps, "\n"), "switch to the Primary Profile") {
		t.Errorf("%+v, %v", told, err)
	}
}

// late is an errand of which whatever may come late has come.
func late(env string) providers.Errand {
	asked := time.Now().Add(-time.Hour)
	return providers.Errand{Environment: env, Label: "rk_1", Asked: asked, Seen: asked}
}

// TestTwoKeysOfOneAccount is what an account cannot have.
func TestTwoKeysOfOneAccount(t *testing.T) {
	w := newWorld(t)
	twin := w.open(w.production.created, w.production.ref)
	current := w.current()
	current["staging"] = of(twin.value)
	_, err := w.provider(t).Survey(t.Context(), current)
	failed(t, w, err, fault.Ask, fault.Ambiguous, "one only")
	current["staging"] = current["production"] // shared
	w.kind(t, current)
}

// TestWhatIsBroughtIsHeldAgainstTheAccount in every way.
func TestWhatIsBroughtIsHeldAgainstTheAccount(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, w.current())
	guide := kind.(providers.Guide)
	fresh := w.regenerate(w.production)
	other := w.open("2025-01-01T00:00:00.000Z", "ref3")
	barred := w.open("2025-01-02T00:00:00.000Z", "ref4")
	barred.suspended = true
	for name, c := range map[string]struct{ value, wrong string }{
		"the new one":         {fresh, ""},
		"pasted with a line":  {" " + fresh + "\n", ""},
		"of another account":  {other.value, "another account"},
		"of staging":          {w.staging.value, "staging holds now"},
		"of a barred account": {barred.value, "403"},
		"cut":                 {fresh[:20], "refuses"},
		"a word":              {"no", "too short"},
	} {
		found, err := guide.Inspect(t.Context(), late("production"), of(c.value))
		if err != nil || (c.wrong == "") != (found.Wrong == "") || !strings.Contains(found.Wrong, c.wrong) {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
		if c.wrong == "" && !found.Credential.Values["AYRSHARE_API_KEY"].Equal(secret.New(fresh)) {
			t.Errorf("%s: another value is taken", name)
		}
		secrettest.NoLeak(t, w.issued(), found.Wrong, err)
	}
	early := late("production")
	early.Seen = time.Now()
	if found, err := guide.Inspect(t.Context(), early, of(fresh[:20])); err != nil || !found.Wait {
		t.Errorf("refused moments after it was found: %+v, %v", found, err)
	}
}

// TestLinkedAccountsMayChange meanwhile: whose the key is they do not decide.
func TestLinkedAccountsMayChange(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, w.current())
	w.production.accounts = nil
	found, err := kind.(providers.Guide).Inspect(t.Context(), late("production"), of(w.regenerate(w.production)))
	if err != nil || found.Wrong != "" {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestProbe takes only the service's own word for a death.
func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(w world)
		want    providers.Liveness
		answer  string
	}{
		"it lives":        {func(world) {}, providers.Alive, "200"},
		"it was replaced": {func(w world) { w.regenerate(w.production) }, providers.Refused, "401"},
		"suspended":       {func(w world) { w.production.suspended = true }, providers.Unclear, "403, which may be the plan or a suspension"},
		"a gateway's 401": {func(w world) {
			w.override = func(rw http.ResponseWriter, _ *http.Request) bool { rw.WriteHeader(401); return true }
		}, providers.Unclear, "401, unauthorized"},
		"limited": {func(w world) {
			w.override = func(rw http.ResponseWriter, _ *http.Request) bool {
				answer(rw, 429, map[string]any{"status": "error", "code": 101, "action": "request"})
				return true
			}
		}, providers.Unclear, "429, rate limited"},
		"another answer": {func(w world) {
			w.override = func(rw http.ResponseWriter, _ *http.Request) bool { answer(rw, 200, map[string]any{}); return true }
		}, providers.Unclear, "200, garbled"},
	} {
		w := newWorld(t)
		kind, current := w.kind(t, w.current()), w.current()
		before := len(w.asked(""))
		c.arrange(w)
		got, err := kind.(providers.Prober).Probe(t.Context(), current["production"])
		if err != nil || got.Liveness != c.want || got.Answer != c.answer {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if asked := len(w.asked("")) - before; asked != 1 {
			t.Errorf("%s: a probe asked %d times", name, asked)
		}
	}
}

// TestNothingIsEverPosted, whatever is asked.
func TestNothingIsEverPosted(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, w.current())
	_, _ = kind.(providers.Prober).Probe(t.Context(), of(w.production.value))
	_, _ = kind.(providers.Guide).Inspect(t.Context(), late("production"), of(w.regenerate(w.production)))
	if calls := w.asked(""); len(calls) != len(w.asked("GET /user"))+len(w.asked("GET /history?")) {
		t.Errorf("asked %v", calls)
	}
}

// TestScheduledPosts are told to whoever decides and to whoever makes the key; a
// plan that does not tell them is no obstacle. (Trap 8.)
func TestScheduledPosts(t *testing.T) {
	for _, c := range []struct {
		posts int
		free  bool
		told  bool
	}{{3, false, true}, {0, false, false}, {3, true, false}} {
		w := newWorld(t)
		w.scheduled, w.free = c.posts, c.free
		kind := w.kind(t, w.current())
		told, err := kind.(providers.Guide).Guide(late("staging"))
		if err != nil || strings.Contains(strings.Join(told.Steps, "\n"), "Posts are scheduled at Ayrshare") != c.told || (kind.Traits().Notice != "") != c.told {
			t.Errorf("%+v: %+v, %v", c, told, err)
		}
		if told.Console != ayrshare.DefaultConsole {
			t.Errorf("the console is %s", told.Console)
		}
	}
}

// TestTheWordsOfTheServiceAreNotRepeated. (Trap 7.)
func TestTheWordsOfTheServiceAreNotRepeated(t *testing.T) {
	w := newWorld(t)
	w.override = func(rw http.ResponseWriter, _ *http.Request) bool {
		answer(rw, 401, map[string]any{"status": "error", "code": 102, "action": "authorization", "message": "Sign up at https://evil.example"})
		return true
	}
	_, err := w.provider(t).Survey(t.Context(), w.current())
	if err == nil || strings.Contains(err.Error(), "evil") {
		t.Errorf("%v", err)
	}
}

// TestContinue needs no living key, and no call.
func TestContinue(t *testing.T) {
	w := newWorld(t)
	p := w.provider(t)
	traits := w.kind(t, w.current()).Traits()
	dead := w.current()
	fresh := w.regenerate(w.production)
	before := len(w.asked(""))
	kind, err := p.Continue(t.Context(), traits, dead)
	if err != nil || len(w.asked("")) != before {
		t.Fatalf("%v after %d calls", err, len(w.asked(""))-before)
	}
	found, err := kind.(providers.Guide).Inspect(t.Context(), late("production"), of(fresh))
	if err != nil || found.Credential.ID == "" {
		t.Errorf("%+v, %v", found, err)
	}
	for _, account := range []string{"", "nothing of it", "staging: x"} {
		traits.Account = account
		if _, err := p.Continue(t.Context(), traits, dead); err == nil {
			t.Errorf("it went on from %q", account)
		}
	}
}

// TestSignature is hit by this key's failure in a log, and by nothing else.
func TestSignature(t *testing.T) {
	w := newWorld(t)
	patterns := w.kind(t, w.current()).Traits().Signatures
	for line, want := range map[string]bool{
		`level=error msg="ayrshare: status 401"`:               true,
		`Error: Ayrshare says API Key not valid`:               true,
		`level=info msg="posted by ayrshare" status=200 id=40`: false,
		`level=warn msg="ayrshare is slow" duration_ms=4010`:   false,
	} {
		if got := slices.ContainsFunc(patterns, func(p string) bool { return matches(t, p, line) }); got != want {
			t.Errorf("%s: %t", line, got)
		}
	}
}

func matches(t *testing.T, pattern, line string) bool {
	t.Helper()
	hit, err := regexp.MatchString(pattern, line)
	if err != nil {
		t.Fatal(err)
	}
	return hit
}
