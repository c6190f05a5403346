package mem0_test

import (
	"regexp"
	"strings"
	"testing"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/mem0"
	"rekey/providers/providertest"
)

// Values that have a key's form, and nobody issued them.
const (
	strangePlatform = "m0-deadbeefdeadbeefdeadbeefdeadbeef"
	strangeServer   = "m0sk_deadbeefdeadbeefdeadbeefdeadbeefZyXw-_98765"
)

// failed fails unless err has the class and reason, and shows no value.
func failed(t *testing.T, w world, err error, class fault.Class, reason fault.Reason, says ...string) {
	t.Helper()
	if f := fault.Of(err); err == nil || f.Class != class || f.Reason != reason {
		t.Errorf("%v, want %s and %s", err, class, reason)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%v does not say %q", err, s)
		}
	}
	secrettest.NoLeak(t, w.issued(), err)
}

func TestConformancePlatform(t *testing.T) {
	providertest.Run(t, providertest.Subject{Profiles: mem0.Profiles(), Open: func(t testing.TB) providertest.World {
		w := newPlatform(t)
		return providertest.World{
			Provider: w.provider(t), Current: w.current(), Secrets: w.issued, Faults: w.faults, Unknown: of(strangePlatform),
			Malformed: []providers.Values{of("hello"), of("m0-short"), of(strangeServer), of(adminKey), {}, {"OTHER": secret.New(w.staging.value)}},
			ByHand: func(env, label string) providers.Values {
				return w.make(label, in(map[string]string{"staging": stagingProject, "production": productionProject}[env])).values()
			},
		}
	}})
}

func TestConformanceServer(t *testing.T) {
	providertest.Run(t, providertest.Subject{Profiles: mem0.Profiles(), Open: func(t testing.TB) providertest.World {
		w := newServer(t)
		return providertest.World{
			Provider: w.provider(t), Current: w.current(), Secrets: w.issued, Faults: w.faults, Unknown: of(strangeServer),
			Malformed: []providers.Values{of("hello"), of("m0sk_short"), of(strangePlatform), of(adminKey), {}, {"OTHER": secret.New(w.staging.value)}},
		}
	}})
}

func TestConfiguration(t *testing.T) {
	server := func(base string) map[string]mem0.Server {
		return map[string]mem0.Server{"staging": {BaseURL: base, Login: fixed(login)}}
	}
	for what, c := range map[string]struct {
		change func(*mem0.Config)
		fails  bool
	}{
		"defaults":                 {func(*mem0.Config) {}, false},
		"no name for keys":         {func(c *mem0.Config) { c.Name = nil }, true},
		"http beyond loopback":     {func(c *mem0.Config) { c.BaseURL = "http://api.mem0.ai" }, true},
		"a project's name":         {func(c *mem0.Config) { c.Projects = map[string]string{"staging": "Our shop"} }, true},
		"a project's id":           {func(c *mem0.Config) { c.Projects = map[string]string{"staging": stagingProject} }, false},
		"no probing after an end":  {func(c *mem0.Config) { c.Waits = providers.Waits{Settle: 1} }, true},
		"a server":                 {func(c *mem0.Config) { c.Servers = server("https://memory.shop.example:8888") }, false},
		"a server by http":         {func(c *mem0.Config) { c.Servers = server("http://memory.shop.example:8888") }, true},
		"a server at the platform": {func(c *mem0.Config) { c.Servers = server("https://api.mem0.ai/v1") }, true},
		"the platform as a server": {func(c *mem0.Config) { c.Servers = server("https://eu.mem0.ai") }, true},
		"the same under base_url":  {func(c *mem0.Config) { c.BaseURL = "https://m.test"; c.Servers = server("https://m.test") }, true},
		"a server without a login": {func(c *mem0.Config) { c.Servers = map[string]mem0.Server{"staging": {BaseURL: "https://m.test"}} }, true},
		"projects beside a server": {func(c *mem0.Config) {
			c.Servers = server("https://m.test")
			c.Projects = map[string]string{"staging": "p"}
		}, true},
		"a server with the login": {func(c *mem0.Config) {
			c.Login = fixed(login)
			c.Servers = map[string]mem0.Server{"staging": {BaseURL: "https://m.test"}}
		}, false},
		"probes that never come":     {func(c *mem0.Config) { c.Waits = providers.Waits{ProbeEvery: -1, ProbeFor: 1} }, true},
		"a variable of another name": {func(c *mem0.Config) { c.Variable = "MEMORY_KEY" }, false},
	} {
		config := mem0.Config{Name: name}
		c.change(&config)
		if _, err := mem0.New(config); (err != nil) != c.fails {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestShownToNobody (trap 6): what a value begins with and what is configured
// must agree before anybody is shown it, in either direction; and what fits
// neither is shown to nobody either.
func TestShownToNobody(t *testing.T) {
	platform, server := newPlatform(t), newServer(t)
	for what, c := range map[string]struct {
		w       world
		current map[string]providers.Values
		reason  fault.Reason
		says    string
	}{
		"a server's key at the platform":  {platform, server.current(), fault.Ambiguous, "the configuration names no server"},
		"the platform's key at a server":  {server, platform.current(), fault.Ambiguous, "the configuration names servers of one's own"},
		"one of each, for the platform":   {platform, map[string]providers.Values{"staging": platform.staging.values(), "production": server.production.values()}, fault.Ambiguous, "production"},
		"one of each, for the server":     {server, map[string]providers.Values{"staging": platform.staging.values(), "production": server.production.values()}, fault.Ambiguous, "staging"},
		"a server's own key of old times": {server, map[string]providers.Values{"staging": of(adminKey)}, fault.Ambiguous, "ADMIN_API_KEY"},
		"an environment without a server": {server, map[string]providers.Values{"preview": server.staging.values()}, fault.NotFound, "names no server for it"},
	} {
		before := platform.asked() + server.asked()
		_, err := c.w.provider(t).Survey(t.Context(), c.current)
		failed(t, platform, err, fault.Ask, c.reason, c.says)
		failed(t, server, err, fault.Ask, c.reason)
		if n := platform.asked() + server.asked() - before; n != 0 {
			t.Errorf("%s: %d requests were made", what, n)
		}
	}
	before := platform.asked() + server.asked()
	for _, kind := range []providers.Kind{platform.kind(t), server.kind(t)} {
		surveyed := platform.asked() + server.asked()
		for _, v := range []providers.Values{of(strangePlatform), of(strangeServer)} {
			_, err := kind.(providers.Prober).Probe(t.Context(), v)
			if right := platform.asked()+server.asked() > surveyed; err == nil != right {
				t.Errorf("probed with error %v", err)
			}
			surveyed = platform.asked() + server.asked()
		}
	}
	for _, h := range platform.headers {
		if strings.Contains(h.Get("Authorization")+h.Get("X-Api-Key"), "m0sk_") {
			t.Error("the platform was shown a key of a server")
		}
	}
	for _, h := range server.headers {
		if strings.Contains(h.Get("Authorization")+h.Get("X-Api-Key"), "m0-") {
			t.Error("the server was shown a key of the platform")
		}
	}
	if platform.asked()+server.asked() == before {
		t.Error("nothing was probed at all")
	}
}

// TestWords (trap 2): the platform wants Token, the server X-API-Key; and
// paths end as they must (trap 5).
func TestWords(t *testing.T) {
	w := newPlatform(t)
	w.kind(t)
	for i, h := range w.headers {
		if !strings.HasPrefix(h.Get("Authorization"), "Token m0-") || h.Get("X-Api-Key") != "" || w.calls[i] != "GET /v1/ping/" {
			t.Errorf("asked for %s with other headers", w.calls[i])
		}
	}
	w = newServer(t)
	w.kind(t)
	for i, h := range w.headers {
		switch w.calls[i] {
		case "GET /memories":
			if !strings.HasPrefix(h.Get("X-Api-Key"), "m0sk_") || h.Get("Authorization") != "" {
				t.Error("memories were asked for with other headers")
			}
		case "GET /api-keys":
			if !strings.HasPrefix(h.Get("Authorization"), "Bearer eyJ") || h.Get("X-Api-Key") != "" {
				t.Error("keys were asked for with other headers")
			}
		case "POST /auth/login":
			if h.Get("Authorization")+h.Get("X-Api-Key") != "" {
				t.Error("signing in showed a key")
			}
		default:
			t.Errorf("asked for %s", w.calls[i])
		}
	}
}

// TestToldBeforeTheEnd (traps 3, 4 and 9): what the end of a key does to
// processes and to what is under way is told, in words that do not promise
// what only probes can prove.
func TestToldBeforeTheEnd(t *testing.T) {
	for _, w := range []world{newPlatform(t), newServer(t)} {
		traits := w.kind(t).Traits()
		for _, says := range []string{"crashes at once", "deploy everywhere first", "is finished", "retries with the old key fails"} {
			if !strings.Contains(traits.Drain, says) {
				t.Errorf("%q does not say %q", traits.Drain, says)
			}
		}
	}
	w := newPlatform(t)
	told, err := w.kind(t).(providers.EndGuide).GuideEnd("production", name(secret.New(w.production.value)))
	text := strings.Join(told.Steps, "\n")
	if err != nil || told.Console != mem0.DefaultConsole || !strings.Contains(text, productionProject) || !strings.Contains(text, "the account as they are") {
		t.Errorf("%+v, %v", told, err)
	}
	secrettest.NoLeak(t, w.issued(), told)
	if _, err := w.kind(t).(providers.EndGuide).GuideEnd("preview", "x"); err == nil {
		t.Error("an environment that was not looked at has a guide")
	}
}

func TestSignatures(t *testing.T) {
	signatures := newPlatform(t).kind(t).Traits().Signatures
	hit := func(line string) bool {
		for _, s := range signatures {
			if regexp.MustCompile(s).MatchString(line) {
				return true
			}
		}
		return false
	}
	for line, want := range map[string]bool{
		`ValueError: Error: Invalid API key. You can find your API key on https://app.mem0.ai/dashboard/api-keys.`: true,
		`httpx.HTTPStatusError: Client error '401 Unauthorized' for url 'https://api.mem0.ai/v3/memories/search/'`: true,
		`level=error msg="mem0: 401 Unauthorized: Invalid API key."`:                                               true,
		`mem0 request failed: status code: 401`:                                                                    true,
		`level=info msg="mem0: 3 memories found" duration_ms=401`:                                                  false,
		`level=error msg="openai: Invalid API key"`:                                                                false,
		`mem0: 429 Too Many Requests`:                                                                              false,
	} {
		if hit(line) != want {
			t.Errorf("%q: %t", line, !want)
		}
	}
}
