package triggerdev_test

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
	"rekey/providers/providertest"
	"rekey/providers/triggerdev"
)

// strange has the form of an additional key, and nobody issued it.
const strange = "tr_stg_sk_deadbeefdeadbeefdeadbeef"

// environments by those of the application.
var environments = map[string]string{"staging": "staging", "production": "prod"}

// conforming is an adapter in a world; what has the form of a key and is none
// begins like the ones in use.
func conforming(roots bool, grace time.Duration, change ...func(*triggerdev.Config)) providertest.Subject {
	return providertest.Subject{Profiles: triggerdev.Profiles(), Open: func(t testing.TB) providertest.World {
		w := newWorld(t, roots)
		w.grace = grace
		unknown := strange
		if roots {
			unknown = strings.Replace(strange, "_sk_", "_", 1)
		}
		return providertest.World{
			Provider: w.provider(t, change...), Current: w.current(), Secrets: w.issued, Faults: w.faults,
			Unknown: w.of(unknown), Malformed: w.malformed(),
			ByHand: func(env, label string) providers.Values { return w.of(w.make(label, environments[env]).value) },
		}
	}}
}

func migrate(c *triggerdev.Config) { c.Migrate = true }

func TestConformance(t *testing.T) { providertest.Run(t, conforming(false, grace)) }

func TestConformanceOfRoots(t *testing.T) { providertest.Run(t, conforming(true, grace)) }

// TestConformanceOfMoves: in its world what is replaced dies at once.
func TestConformanceOfMoves(t *testing.T) { providertest.Run(t, conforming(true, 0, migrate)) }

func (w world) malformed() []providers.Values {
	apart := w.of(w.staging.value)
	apart["TRIGGER_SECRET_KEY"] = secret.New(w.production.value)
	return []providers.Values{
		w.of("hello"), w.of("tr_stg_short"), w.of(token), w.of("pk_stg_0123456789abcdefghij"), {}, apart,
		{"TRIGGER_API_KEY": secret.New(w.staging.value)}, {"OTHER_KEY": secret.New(w.staging.value)},
	}
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
	at := func(project, environment string) func(*triggerdev.Config) {
		return func(c *triggerdev.Config) {
			c.Places = map[string]triggerdev.Place{"staging": {Project: project, Environment: environment}}
		}
	}
	for name, c := range map[string]struct {
		change func(*triggerdev.Config)
		fails  bool
	}{
		"defaults":                {func(*triggerdev.Config) {}, false},
		"a server of one's own":   {func(c *triggerdev.Config) { c.BaseURL = "https://jobs.example.com" }, false},
		"no token":                {func(c *triggerdev.Config) { c.AdminKey = nil }, true},
		"no namer":                {func(c *triggerdev.Config) { c.Name = nil }, true},
		"http beyond loopback":    {func(c *triggerdev.Config) { c.BaseURL = "http://api.trigger.dev" }, true},
		"a project's name":        {at("Our shop", "prod"), true},
		"a prefix for a name":     {at(project, "stg"), true},
		"each developer's own":    {at(project, "dev"), true},
		"preview":                 {at(project, "preview"), false},
		"a variable twice":        {func(c *triggerdev.Config) { c.Variables = []string{"A", "A"} }, true},
		"no probing after an end": {func(c *triggerdev.Config) { c.Waits = providers.Waits{Settle: 1} }, true},
		"no grace":                {func(c *triggerdev.Config) { c.Waits = triggerdev.DefaultWaits(); c.Waits.Grace = 0 }, true},
		"all of it is margin":     {func(c *triggerdev.Config) { c.Waits = triggerdev.DefaultWaits(); c.Waits.Margin = c.Waits.Grace }, true},
		"negative first probe":    {func(c *triggerdev.Config) { c.Waits = providers.Waits{ProbeFirst: -1, ProbeEvery: 1, ProbeFor: 1} }, true},
		"negative expiry":         {func(c *triggerdev.Config) { c.MinExpiry = -1 }, true},
	} {
		config := triggerdev.Config{AdminKey: fixed(token), Name: named}
		c.change(&config)
		if _, err := triggerdev.New(config); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSurveyAsks: what is not certain stops before anything begins.
func TestSurveyAsks(t *testing.T) {
	for name, c := range map[string]struct {
		roots   bool
		arrange func(w *world, c *triggerdev.Config)
		reason  fault.Reason
		says    string
	}{
		"revoked": {false, func(w *world, _ *triggerdev.Config) { w.production.until = time.Now() }, fault.NotFound, "refuses the key of production"},
		"staging's key in production (trap 5)": {false, func(w *world, _ *triggerdev.Config) { w.production = w.make("shop", "staging") }, fault.Ambiguous,
			"begins with tr_stg_ and so belongs to another environment"},
		"a developer's key": {false, func(w *world, _ *triggerdev.Config) { w.production = w.make("laptop", "dev") }, fault.Ambiguous, "tr_dev_"},
		"another project": {false, func(w *world, _ *triggerdev.Config) { w.production.project = "proj_other" }, fault.Ambiguous,
			"lives, and not in project"},
		"a project that the token may not see": {false, func(w *world, c *triggerdev.Config) {
			w.staging.project = "proj_other"
			c.Places["staging"] = triggerdev.Place{Project: "proj_other", Environment: "staging"}
		}, fault.NotFound, "not one that the access token may see"},
		"no such environment":    {false, func(w *world, _ *triggerdev.Config) { w.envs = []string{"dev", "prod"} }, fault.NotFound, "has no environment staging"},
		"nothing declared":       {false, func(_ *world, c *triggerdev.Config) { delete(c.Places, "production") }, fault.Ambiguous, "names no project for production"},
		"the token in the vault": {false, func(w *world, _ *triggerdev.Config) { w.production = &fakeKey{value: token} }, fault.Ambiguous, "a personal access token in the place of a key"},
		"a refused token":        {false, func(_ *world, c *triggerdev.Config) { c.AdminKey = fixed("tr_pat_deadbeefdeadbeefdeadbeef") }, fault.Unauthorized, "access token was refused"},
		"a key for a token":      {false, func(w *world, c *triggerdev.Config) { c.AdminKey = fixed(w.production.value) }, fault.Ambiguous, "cannot administer itself"},
		"one of each kind": {true, func(w *world, _ *triggerdev.Config) { w.staging = w.make("shop", "staging") }, fault.Unsupported,
			"staging uses an additional key and production the root key"},
		"a root key on its way out (trap 4)": {true, func(w *world, _ *triggerdev.Config) { w.regenerated("prod") }, fault.ChangedByOther, "dies within 24 hours"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.roots)
			_, err := w.provider(t, func(own *triggerdev.Config) { c.arrange(&w, own) }).Survey(t.Context(), w.current())
			failed(t, w, err, fault.Ask, c.reason)
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
			if len(w.asked("POST")) > 0 {
				t.Errorf("something was written: %v", w.calls)
			}
		})
	}
}

// TestWhoamiIsNeverAsked (traps 1 and 2): it tells the present root key to
// whoever holds an old one, and refuses restricted keys.
func TestWhoamiIsNeverAsked(t *testing.T) {
	for name, c := range map[string]struct {
		roots  bool
		change func(*triggerdev.Config)
	}{"additional": {false, migrate}, "root": {true, func(*triggerdev.Config) {}}, "moving": {true, migrate}} {
		w := newWorld(t, c.roots)
		kind := w.kind(t, c.change)
		w.exercise(t, kind)
		if asked := w.asked("GET /api/v1/whoami"); len(asked) > 0 {
			t.Errorf("%s: asked %v", name, asked)
		}
	}
}

// exercise does with a kind whatever it can do.
func (w world) exercise(t *testing.T, kind providers.Kind) {
	t.Helper()
	if _, err := kind.(providers.Prober).Probe(t.Context(), w.of(w.staging.value)); err != nil {
		t.Error(err)
	}
	if i, can := kind.(providers.PlacedIssuer); can {
		if _, err := i.IssueIn(t.Context(), "staging", "rk_1"); err != nil {
			t.Error(err)
		}
	}
	if e, can := kind.(providers.Ender); can {
		if err := e.End(t.Context(), named(secret.New(w.staging.value))); err != nil {
			t.Error(err)
		}
	}
	if g, can := kind.(providers.Guide); can {
		if _, err := g.Inspect(t.Context(), hand("staging"), w.of(w.make("rk_1", "staging").value)); err != nil {
			t.Error(err)
		}
	}
}

// hand is an errand that is a day old.
func hand(env string) providers.Errand {
	return providers.Errand{Environment: env, Label: "rk_1", Asked: time.Now().Add(-time.Minute), Seen: time.Now().Add(-24 * time.Hour)}
}

// TestWhatOutlivesTheEnd (traps 3, 6, 7 and 8): people read it before they
// approve.
func TestWhatOutlivesTheEnd(t *testing.T) {
	w := newWorld(t, false)
	traits := w.kind(t).Traits()
	for _, word := range []string{"public access tokens", "TRIGGER_ACCESS_TOKEN", "Vercel"} {
		if !strings.Contains(traits.Drain, word) {
			t.Errorf("%q does not speak of %s", traits.Drain, word)
		}
	}
	for name, c := range map[string]func(*triggerdev.Config){"root": func(*triggerdev.Config) {}, "moving": migrate} {
		drain := newWorld(t, true).kind(t, c).Traits().Drain
		for _, word := range []string{"public access tokens", "TRIGGER_ACCESS_TOKEN", "Vercel", "pk_"} {
			if !strings.Contains(drain, word) {
				t.Errorf("%s: %q does not speak of %s", name, drain, word)
			}
		}
	}
	if strings.Contains(traits.Drain, "preview") {
		t.Errorf("%q speaks of branches that use other keys", traits.Drain)
	}
	w.envs = append(w.envs, "preview")
	w.staging = w.make("shop", "preview")
	traits = w.kind(t, func(c *triggerdev.Config) {
		c.Places["staging"] = triggerdev.Place{Project: project, Environment: "preview"}
	}).Traits()
	if !strings.Contains(traits.Drain, "all preview branches") {
		t.Errorf("%q does not speak of the branches", traits.Drain)
	}
}

// TestForgottenName: a variable that only the library's second version read
// may be dead weight, and people are told so.
func TestForgottenName(t *testing.T) {
	for name, c := range map[string]struct {
		variables []string
		readBy    string
		told      bool
	}{
		"the old name":            {[]string{"TRIGGER_API_KEY"}, "", true},
		"read by the application": {[]string{"TRIGGER_API_KEY"}, "lib/jobs.ts", false},
		"both names":              {[]string{"TRIGGER_API_KEY", "TRIGGER_SECRET_KEY"}, "", false},
		"today's name":            {[]string{"TRIGGER_SECRET_KEY"}, "", false},
	} {
		w := newWorld(t, false)
		w.variables = c.variables
		notice := w.kind(t, func(conf *triggerdev.Config) { conf.ReadBy = c.readBy }).Traits().Notice
		if told := strings.Contains(notice, "version 2"); told != c.told {
			t.Errorf("%s: %q", name, notice)
		}
	}
}

// TestOneValueUnderTwoNames: people paste it once, and it is written under
// both.
func TestOneValueUnderTwoNames(t *testing.T) {
	w := newWorld(t, false)
	guide := w.kind(t).(providers.Guide)
	told, err := guide.Guide(hand("production"))
	if err != nil || !slices.Equal(told.Paste, []string{"TRIGGER_API_KEY"}) || !strings.Contains(told.Console, w.url) {
		t.Errorf("%+v, %v", told, err)
	}
	k := w.make("rk_1", "prod")
	pasted := providers.Values{"TRIGGER_API_KEY": secret.New(" " + k.value + "\n")}
	found, err := guide.Inspect(t.Context(), hand("production"), pasted)
	if err != nil || found.Wrong != "" || found.Credential.Label != "rk_1" {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, name := range w.variables {
		if !found.Credential.Values[name].Equal(secret.New(k.value)) {
			t.Errorf("%s holds another value", name)
		}
	}
}

// TestWrongHands: what people may paste instead of the key that was asked for,
// and what they are told.
func TestWrongHands(t *testing.T) {
	w := newWorld(t, false)
	kind := w.kind(t)
	for name, c := range map[string]struct{ value, says string }{
		"the key in use":     {w.staging.value, "staging uses now"},
		"another's":          {w.production.value, "production uses now"},
		"for production":     {w.make("rk_1", "prod").value, "another environment's"},
		"the root key":       {w.rootOf("staging").value, "root key"},
		"an access token":    {token, "personal access token"},
		"a public key":       {"pk_stg_0123456789abcdefghij", "public key"},
		"a part of it":       {"tr_stg_sk_0123", "a part of a key"},
		"something else":     {"see the other note", "not the form"},
		"revoked already":    {w.make("rk_1", "staging", func(k *fakeKey) { k.until = time.Now() }).value, "refuses what was pasted"},
		"of another project": {w.make("rk_1", "staging", func(k *fakeKey) { k.project = "proj_other" }).value, "another project"},
	} {
		found, err := kind.(providers.Guide).Inspect(t.Context(), hand("staging"), providers.Values{"TRIGGER_API_KEY": secret.New(c.value)})
		if err != nil || !strings.Contains(found.Wrong, c.says) || found.Credential.ID != "" {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
		secrettest.NoLeak(t, w.issued(), found, err)
	}
	fresh := hand("staging")
	fresh.Seen = time.Now()
	if found, err := kind.(providers.Guide).Inspect(t.Context(), fresh, w.of(strange)); err != nil || !found.Wait {
		t.Errorf("a key that may be known late: %+v, %v", found, err)
	}
}

// TestStartsOnly: a key that may only start tasks is fit.
func TestStartsOnly(t *testing.T) {
	w := newWorld(t, false)
	k := w.make("rk_1", "staging", func(k *fakeKey) { k.starts = true })
	found, err := w.kind(t).(providers.Guide).Inspect(t.Context(), hand("staging"), w.of(k.value))
	if err != nil || found.Wrong != "" || found.Credential.ID == "" {
		t.Errorf("%+v, %v", found, err)
	}
	if asked := w.asked("GET /api/v1/runs"); !slices.Equal(asked, []string{"GET /api/v1/runs?page%5Bsize%5D=10"}) {
		t.Errorf("asked %v", asked)
	}
}

// TestEndsByHand: the row to revoke is named by its last characters, beside
// the one that stays.
func TestEndsByHand(t *testing.T) {
	w := newWorld(t, false)
	p := w.provider(t)
	kind, err := p.Survey(t.Context(), w.current())
	if err != nil {
		t.Fatal(err)
	}
	id, err := kind.Identify(w.of(w.production.value))
	if err != nil {
		t.Fatal(err)
	}
	old := w.production.value
	w.production = w.make("rk_1", "prod")
	for name, c := range map[string]struct {
		p    *triggerdev.Provider
		says string
	}{
		"as the key was seen":     {p, "`" + old[len(old)-4:] + "`"},
		"after another has begun": {w.provider(t), "named above"},
	} {
		again, err := c.p.Survey(t.Context(), w.current())
		if err != nil {
			t.Fatal(err)
		}
		told, err := again.(providers.EndGuide).GuideEnd("production", id)
		steps := strings.Join(told.Steps, "\n")
		if err != nil || !strings.Contains(steps, c.says) || !strings.Contains(steps, "`"+w.production.value[len(old)-4:]+"`) is in use") && !strings.Contains(steps, "is in use and stays") {
			t.Errorf("%s: %+v, %v", name, told, err)
		}
		if !strings.Contains(steps, project) || !strings.Contains(steps, "`prod`") {
			t.Errorf("%s: %+v does not say where", name, told)
		}
		secrettest.NoLeak(t, w.issued(), told)
	}
	if _, err := kind.(providers.EndGuide).GuideEnd("production", ""); err == nil {
		t.Error("a key without an id was to be revoked")
	}
}

// TestProbe: only the server's own word that it does not know a key is a
// refusal.
func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   providers.Liveness
	}{
		"the documented refusal": {401, `{"error":"Invalid API key"}`, providers.Refused},
		"the older one":          {401, `{"error":"Invalid or Missing API key"}`, providers.Refused},
		"a gateway's 401":        {401, `{"message":"no"}`, providers.Unclear},
		"another's words":        {401, `{"error":"Token expired"}`, providers.Unclear},
		"forbidden":              {403, `{"error":"Forbidden"}`, providers.Unclear},
		"elsewhere":              {400, `{"error":"Invalid project ref"}`, providers.Unclear},
		"another key's echo":     {200, `{"apiKey":"` + strange + `","projectId":"p"}`, providers.Unclear},
		"no project":             {200, `{}`, providers.Unclear},
	} {
		w := newWorld(t, false)
		kind := w.kind(t)
		w.override = func(rw http.ResponseWriter, _ *http.Request) bool {
			rw.WriteHeader(c.status)
			_, _ = rw.Write([]byte(c.body))
			return true
		}
		found, err := kind.(providers.Prober).Probe(t.Context(), w.of(w.staging.value))
		if err != nil || found.Liveness != c.want {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
		secrettest.NoLeak(t, append(w.issued(), secret.New(strange)), found, err)
	}
}

// TestSignatures: what a refused key leaves in a log, and what is nothing of
// the kind.
func TestSignatures(t *testing.T) {
	hit := func(line string) bool {
		return slices.ContainsFunc(newWorld(t, false).kind(t).Traits().Signatures, func(s string) bool { return regexp.MustCompile(s).MatchString(line) })
	}
	for line, want := range map[string]bool{
		"TriggerApiError: 401 Invalid API key":                                   true,
		`level=error msg="trigger.dev: starting a task" error="Invalid API key"`: true,
		`trigger.dev answered status=401`:                                        true,
		`TriggerApiError: 429 Too many requests`:                                 false,
		`level=warn msg="a trigger of the alarm" status=401`:                     false,
		`level=info msg="trigger.dev run done" duration_ms=401`:                  false,
	} {
		if hit(line) != want {
			t.Errorf("%q: hit %t", line, !want)
		}
	}
}
