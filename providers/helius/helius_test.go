package helius_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/helius"
	"rekey/providers/providertest"
)

// strange has the form of a key, and nobody issued it.
const strange = "deadbeef-0000-4000-8000-00000000dead"

func subject(only bool, change ...func(*helius.Config)) providertest.Subject {
	return providertest.Subject{Profiles: helius.Profiles(), Open: func(t testing.TB) providertest.World {
		w := newWorld(t)
		one := func(text string) providers.Values { return providers.Values{variable: secret.New(text)} }
		return providertest.World{
			Provider: w.provider(t, change...), Current: w.current(), Secrets: w.issued, Faults: w.faults,
			Unknown: providers.Values{variable: w.at(strange)},
			Malformed: []providers.Values{
				{}, one("hello"), one(w.url + "/?api-key=hello"), one("https://api.mainnet-beta.solana.com/"), one("https://quick-fox-fast-mainnet.helius-rpc.com/"),
				{variable: w.at(w.production.ID), "HELIUS_API_KEY": secret.New(w.production.ID)},
			},
			ByHand: func(env, label string) providers.Values {
				if own := map[string]*fakeKey{"staging": w.staging, "production": w.production}[env]; only {
					w.mu.Lock()
					own.dead = true
					w.mu.Unlock()
				}
				return w.values(w.make(label, map[string]string{"staging": testProject, "production": shopProject}[env]))
			},
		}
	}}
}

func TestConformanceByHand(t *testing.T) { providertest.Run(t, subject(false)) }

func TestConformanceWithTheToken(t *testing.T) { providertest.Run(t, subject(false, signedIn)) }

func TestConformanceOfTheOnlyKey(t *testing.T) { providertest.Run(t, subject(true, oneKey)) }

// failed fails unless err has the class and reason, and shows no value.
func failed(t *testing.T, w world, err error, class fault.Class, reason fault.Reason, says string) {
	t.Helper()
	if f := fault.Of(err); err == nil || f.Class != class || f.Reason != reason || !strings.Contains(err.Error(), says) {
		t.Errorf("%v, want %s, %s and %q", err, class, reason, says)
	}
	secrettest.NoLeak(t, w.issued(), err)
}

func TestConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*helius.Config)
		fails  bool
	}{
		"defaults":                  {func(*helius.Config) {}, false},
		"nothing names keys":        {func(c *helius.Config) { c.Name = nil }, true},
		"http beyond loopback":      {func(c *helius.Config) { c.BaseURL = "http://dev-api.helius.xyz" }, true},
		"RPC by http":               {func(c *helius.Config) { c.RPC = "http://rpc.example.com" }, true},
		"RPC of a proxy":            {func(c *helius.Config) { c.RPC = "https://rpc.example.com/" }, false},
		"a project's name":          {func(c *helius.Config) { c.Projects = map[string]string{"staging": "Our shop"} }, true},
		"an origin with a path":     {func(c *helius.Config) { c.Origins = map[string]string{"staging": "https://shop.example.com/en"} }, true},
		"an origin":                 {func(c *helius.Config) { c.Origins = map[string]string{"staging": "https://shop.example.com"} }, false},
		"no probing after an end":   {func(c *helius.Config) { c.Waits = providers.Waits{Settle: 1} }, true},
		"a negative hold":           {func(c *helius.Config) { c.Waits = providers.Waits{Hold: -1, ProbeEvery: 1, ProbeFor: 1} }, true},
		"a variable twice":          {func(c *helius.Config) { c.Variables = []string{variable, variable} }, true},
		"the bare key beside a URL": {func(c *helius.Config) { c.Variables = []string{variable, "HELIUS_API_KEY"} }, false},
	} {
		config := helius.Config{Name: named(t)}
		c.change(&config)
		if _, err := helius.New(config); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSurveyAsks: what is not certain stops before anything begins.
func TestSurveyAsks(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(w *world, c *helius.Config, current map[string]providers.Values)
		reason  fault.Reason
		says    string
	}{
		"deleted": {func(w *world, _ *helius.Config, _ map[string]providers.Values) { w.production.dead = true }, fault.NotFound, "helius.origins"},
		"refused by a rule": {func(w *world, _ *helius.Config, _ map[string]providers.Values) {
			w.production.sites = []string{"https://shop.test"}
		}, fault.NotFound, "access rules"},
		"refused by a rule, and listed": {func(w *world, c *helius.Config, _ map[string]providers.Values) {
			w.production.sites = []string{"https://shop.test"}
			signedIn(c)
		}, fault.Ambiguous, "Helius lists"},
		"a Secure URL": {func(_ *world, _ *helius.Config, current map[string]providers.Values) {
			current["production"] = providers.Values{variable: secret.New("https://quick-fox-fast-mainnet.helius-rpc.com/")}
		}, fault.Unsupported, "Secure URL"},
		"a public RPC": {func(_ *world, _ *helius.Config, current map[string]providers.Values) {
			current["production"] = providers.Values{variable: secret.New("https://api.mainnet-beta.solana.com")}
		}, fault.Unsupported, "public RPC"},
		"a look-alike host": {func(w *world, _ *helius.Config, current map[string]providers.Values) {
			current["production"] = providers.Values{variable: secret.New("https://evilhelius-rpc.com/?api-key=" + w.production.ID)}
		}, fault.Unsupported, "not Helius's"},
		"two keys in one value": {func(w *world, _ *helius.Config, current map[string]providers.Values) {
			current["production"] = providers.Values{variable: secret.New(w.url + "/?api-key=" + w.production.ID + "&api-key=" + w.staging.ID)}
		}, fault.Unsupported, "neither a key"},
		"one key in two addresses": {func(w *world, _ *helius.Config, current map[string]providers.Values) {
			current["staging"] = providers.Values{variable: secret.New(w.url + "/?api-key=" + w.production.ID)}
		}, fault.Ambiguous, "one key in two addresses"},
		"two keys in two variables": {func(w *world, c *helius.Config, current map[string]providers.Values) {
			c.Variables = []string{variable, "HELIUS_API_KEY"}
			for env := range current {
				current[env]["HELIUS_API_KEY"] = secret.New(w.staging.ID)
			}
		}, fault.Ambiguous, "another key than"},
		"another account": {func(w *world, c *helius.Config, _ map[string]providers.Values) {
			w.production.project = "prj_elsewhere"
			signedIn(c)
		}, fault.NotFound, "another account"},
		"another project": {func(_ *world, c *helius.Config, _ map[string]providers.Values) {
			signedIn(c)
			c.Projects = map[string]string{"production": testProject}
		}, fault.Ambiguous, "the configuration names"},
		"a list that is broken": {func(w *world, c *helius.Config, _ map[string]providers.Values) {
			w.make("odd", shopProject, func(k *fakeKey) { k.ID = "" })
			signedIn(c)
		}, fault.Garbled, "has not the form"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			current := w.current()
			var own helius.Config
			c.arrange(&w, &own, current)
			_, err := w.provider(t, func(c *helius.Config) { c.Projects, c.Token = own.Projects, own.Token; c.Variables = own.Variables }).Survey(t.Context(), current)
			failed(t, w, err, fault.Ask, c.reason, c.says)
			if slices.Contains(w.calls, "POST /v0/projects/"+shopProject+"/add-key") {
				t.Errorf("something was written: %v", w.calls)
			}
		})
	}
}

// TestNothingButTheKeyChanges: host, path, every other parameter and their
// order stay, in every variable that carries the key.
func TestNothingButTheKeyChanges(t *testing.T) {
	w := newWorld(t)
	names := []string{"HELIUS_API_KEY", "NEXT_PUBLIC_HELIUS_WS_URL", variable}
	ws := strings.Replace(w.url, "http", "ws", 1) + "/ws?b=%20&api-key="
	values := func(key string) providers.Values {
		return providers.Values{"HELIUS_API_KEY": secret.New(key), "NEXT_PUBLIC_HELIUS_WS_URL": secret.New(ws + key), variable: w.at(key)}
	}
	p := w.provider(t, signedIn, func(c *helius.Config) { c.Variables = names })
	kind, err := p.Survey(t.Context(), map[string]providers.Values{"staging": values(w.staging.ID), "production": values(w.production.ID)})
	if err != nil {
		t.Fatal(err)
	}
	made, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_1")
	if err != nil {
		t.Fatal(err)
	}
	row := w.keys[len(w.keys)-1]
	for name, want := range values(row.ID) {
		if !made.Values[name].Equal(want) {
			t.Errorf("%s was not rebuilt as it was", name)
		}
	}
	if len(made.Values) != 3 || row.project != shopProject {
		t.Errorf("%d values, made in %s", len(made.Values), row.project)
	}
	if tail := kind.(providers.Tailer).Tail(made.Values); tail != row.ID[len(row.ID)-4:] {
		t.Errorf("people see %q", tail)
	}
	hidden := kind.(providers.Disguiser).Disguises(values(w.production.ID))
	if len(hidden) != 1 || !hidden[0].Equal(secret.New(w.production.ID)) {
		t.Errorf("the key is not looked for by itself (trap 8)")
	}
}

// TestHosts: which addresses hold a key of Helius.
func TestHosts(t *testing.T) {
	p, err := helius.New(helius.Config{Name: named(t)})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"https://mainnet.helius-rpc.com/?api-key=" + strange:  true,
		"https://devnet.helius-rpc.com?api-key=" + strange:    true,
		"https://beta.helius-rpc.com/?x=1&api-key=" + strange: true,
		"wss://mainnet.helius-rpc.com/?api-key=" + strange:    true,
		"https://rpc.helius.xyz/?api-key=" + strange:          true,
		strange: true,
		"http://mainnet.helius-rpc.com/?api-key=" + strange:                   false,
		"https://mainnet.helius-rpc.com:8443/?api-key=" + strange:             false,
		"https://u:p@mainnet.helius-rpc.com/?api-key=" + strange:              false,
		"https://mainnet.helius-rpc.com.evil.test/?api-key=" + strange:        false,
		"https://mainnet.helius-rpc.com/?api-key=" + strings.ToUpper(strange): false,
		"https://mainnet.helius-rpc.com/?api_key=" + strange:                  false,
		"https://mainnet.helius-rpc.com/?api-key=" + strange + "x":            false,
		"https://api.devnet.solana.com/?api-key=" + strange:                   false,
		" " + strange: false,
	} {
		_, err := p.Survey(canceled(t), map[string]providers.Values{"production": {variable: secret.New(text)}})
		if taken := fault.Of(err).Class == fault.Again; taken != want {
			t.Errorf("%q: %v", text, err)
		}
		secrettest.NoLeak(t, []secret.Value{secret.New(strange)}, err)
	}
}

// TestAnswersToProbes (traps of 401, 200 with an error, and the fallback): the
// status decides, in JSON-RPC only, and rules are asked for with the sites.
func TestAnswersToProbes(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(w *world)
		want    providers.Liveness
		answer  string
	}{
		"healthy":                  {func(*world) {}, providers.Alive, "200"},
		"a node that lags":         {func(w *world) { w.lagging = true }, providers.Alive, "200"},
		"deleted":                  {func(w *world) { w.production.dead = true }, providers.Refused, "401"},
		"a rule for the site":      {func(w *world) { w.production.sites = []string{"https://shop.test"} }, providers.Alive, "200"},
		"a rule for another site":  {func(w *world) { w.production.sites = []string{"https://other.test"} }, providers.Refused, "401"},
		"a page instead":           {spoken(http.StatusOK, "text/html", "<html>ok"), providers.Unclear, "200, garbled"},
		"JSON of something else":   {spoken(http.StatusOK, "application/json", `{"result":"ok"}`), providers.Unclear, "200, garbled"},
		"a gateway's 401":          {spoken(http.StatusUnauthorized, "text/html", "<html>sign in"), providers.Unclear, "401, unauthorized"},
		"403":                      {spoken(http.StatusForbidden, "application/json", `{"jsonrpc":"2.0","error":{"code":-32001}}`), providers.Unclear, "403, forbidden"},
		"429":                      {spoken(http.StatusTooManyRequests, "application/json", `{"jsonrpc":"2.0","error":{"code":-32005}}`), providers.Unclear, "429, rate limited"},
		"503":                      {spoken(http.StatusServiceUnavailable, "text/plain", "no"), providers.Unclear, "503, server error"},
		"401 first, then an error": {flappy, providers.Unclear, "503, server error"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			kind := w.kind(t, func(c *helius.Config) {
				c.Origins = map[string]string{"staging": "https://test.shop.test", "production": "https://shop.test"}
			})
			values := w.values(w.production)
			c.arrange(&w)
			got, err := kind.(providers.Prober).Probe(t.Context(), values)
			if err != nil || got.Liveness != c.want || got.Answer != c.answer {
				t.Errorf("%+v, %v; want %s, %q", got, err, c.want, c.answer)
			}
			if slices.ContainsFunc(w.bodies, func(m string) bool { return m != "getHealth" }) {
				t.Errorf("something else than health was asked for: %v", w.bodies)
			}
		})
	}
}

func spoken(status int, kind, body string) func(w *world) {
	return func(w *world) {
		w.override = func(out http.ResponseWriter, _ *http.Request) bool {
			out.Header().Set("Content-Type", kind)
			out.WriteHeader(status)
			_, _ = out.Write([]byte(body))
			return true
		}
	}
}

// flappy refuses without a site and fails with one.
func flappy(w *world) {
	w.override = func(out http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Origin") == "" {
			rpcError(out, http.StatusUnauthorized, -32001, "Unauthorized")
		} else {
			http.Error(out, "no", http.StatusServiceUnavailable)
		}
		return true
	}
}

// TestInspection: what a person may bring, and what is told about the rest.
func TestInspection(t *testing.T) {
	for name, c := range map[string]struct {
		paste func(w *world) string
		says  string // "" when it is taken
	}{
		"the key":          {func(w *world) string { return w.make("rk_1", shopProject).ID }, ""},
		"with white space": {func(w *world) string { return " " + w.make("rk_1", shopProject).ID + "\n" }, ""},
		"a whole URL":      {func(w *world) string { return w.url + "/?api-key=" + w.make("rk_1", shopProject).ID }, ""},
		"the key in use":   {func(w *world) string { return w.production.ID }, "uses now"},
		"the other one":    {func(w *world) string { return w.staging.ID }, "staging uses now"},
		"nobody's":         {func(*world) string { return strange }, "Helius refuses"},
		"a Secure URL":     {func(*world) string { return "https://quick-fox.helius-rpc.com" }, "Secure URL"},
		"a public RPC":     {func(*world) string { return "https://api.mainnet-beta.solana.com" }, "public RPC"},
		"something else":   {func(*world) string { return "hello" }, "neither a key"},
		"without its rules": {func(w *world) string {
			w.production.sites = []string{"https://shop.test"}
			return w.make("rk_1", shopProject).ID
		}, "copy its access rules"},
		"with rules of its own": {func(w *world) string {
			w.production.sites = []string{"https://shop.test"}
			return w.make("rk_1", shopProject, func(k *fakeKey) { k.sites = w.production.sites }).ID
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			text := c.paste(&w)
			kind := w.kind(t, func(c *helius.Config) { c.Origins = map[string]string{"production": "https://shop.test"} })
			e := providers.Errand{Environment: "production", Label: "rk_1", Asked: time.Now(), Seen: time.Now().Add(-time.Hour)}
			found, err := kind.(providers.Guide).Inspect(t.Context(), e, providers.Values{variable: secret.New(text)})
			taken := found.Credential.ID != "" && !found.Wait
			if err != nil || taken != (c.says == "") || !strings.Contains(found.Wrong, c.says) {
				t.Errorf("%+v, %v", found, err)
			}
			if taken && !found.Credential.Values[variable].Equal(w.at(w.keys[len(w.keys)-1].ID)) {
				t.Error("the value is not the one in use with another key")
			}
			secrettest.NoLeak(t, w.issued(), found)
		})
	}
}

// TestLateKey: a key may be refused for a moment after it was made.
func TestLateKey(t *testing.T) {
	w := newWorld(t)
	e := providers.Errand{Environment: "production", Label: "rk_1", Asked: time.Now(), Seen: time.Now()}
	found, err := w.kind(t).(providers.Guide).Inspect(t.Context(), e, providers.Values{variable: secret.New(strange)})
	if err != nil || !found.Wait {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestGuides (traps 5 and 9, and deletion by people): what people read names a
// key by its name, its date and its last four characters, and warns where it
// works from any site.
func TestGuides(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*helius.Config){"by hand": func(*helius.Config) {}, "with the token": signedIn} {
		kind := w.kind(t, change)
		id, err := kind.Identify(w.values(w.production))
		if err != nil {
			t.Fatal(err)
		}
		told, err := kind.(providers.EndGuide).GuideEnd("production", id)
		all := strings.Join(told.Steps, "\n")
		last := w.production.ID[len(w.production.ID)-4:]
		if err != nil || !strings.Contains(all, "`"+last+"`") || !strings.Contains(all, "from any site") || told.Console != helius.DefaultConsole {
			t.Errorf("%s: %+v, %v", name, told, err)
		}
		if name == "with the token" && (!strings.Contains(all, "“shop”") || !strings.Contains(all, "1 July 2026")) {
			t.Errorf("name and date are missing: %s", all)
		}
		if told, err = kind.(providers.EndGuide).GuideEnd("production", "another"); err != nil || !strings.Contains(strings.Join(told.Steps, "\n"), "stand above") {
			t.Errorf("%s, after a restart: %+v, %v", name, told, err)
		}
		if _, err = kind.(providers.EndGuide).GuideEnd("production", ""); err == nil {
			t.Errorf("%s: no id was named", name)
		}
		secrettest.NoLeak(t, w.issued(), told, all)
	}
	told, err := w.kind(t).(providers.Guide).Guide(providers.Errand{Environment: "production", Label: "rk_1"})
	if all := strings.Join(told.Steps, "\n"); err != nil || !strings.Contains(all, "public the moment the page is") || !strings.Contains(all, "one_key") || !slices.Equal(told.Paste, []string{variable}) {
		t.Errorf("%+v, %v", told, err)
	}
}

// TestNamesThatPeopleGave: anything may have been pasted into a name.
func TestNamesThatPeopleGave(t *testing.T) {
	w := newWorld(t)
	w.make(strange, shopProject)
	all, err := w.kind(t, signedIn).(providers.Lister).List(t.Context())
	if err != nil || len(all) != 4 || slices.ContainsFunc(all, func(c providers.Credential) bool { return c.Label == strange }) {
		t.Errorf("%+v, %v", all, err)
	}
	secrettest.NoLeak(t, append(w.issued(), secret.New(strange)), all)
}

// TestPlanWithoutRoom: what Helius refuses is no lost answer, and says what may
// be the matter.
func TestPlanWithoutRoom(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, signedIn)
	w.limit = 1
	_, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_1")
	failed(t, w, err, fault.Never, fault.Invalid, "one_key: true")
	w.limit, w.ownerOf[shopProject] = 0, ""
	_, err = kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_1")
	failed(t, w, err, fault.Ask, fault.NotFound, "no owner")
	_, err = kind.(providers.PlacedIssuer).IssueIn(t.Context(), "preview", "rk_1")
	failed(t, w, err, fault.Ask, fault.NotFound, "preview")
}

// TestCreationThatAnswersNothingNew: an old key in the answer is no new one.
func TestCreationThatAnswersNothingNew(t *testing.T) {
	for name, body := range map[string]string{"no key": `{}`, "not a key": `{"keyId":"hello"}`, "an old one": ""} {
		w := newWorld(t)
		kind := w.kind(t, signedIn)
		if body == "" {
			body = `{"keyId":"` + w.production.ID + `"}`
		}
		w.override = func(out http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/add-key") {
				_, _ = out.Write([]byte(body))
			}
			return strings.HasSuffix(r.URL.Path, "/add-key")
		}
		_, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_1")
		failed(t, w, err, fault.Lost, fault.Garbled, "no new key")
		_ = name
	}
}

// TestOnlyKey: a plan with one key is another kind, and its guide says what the
// minute between costs.
func TestOnlyKey(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, oneKey)
	traits := kind.Traits()
	_, ends := kind.(providers.EndGuide)
	if traits.Shape != providers.Cutover || ends {
		t.Errorf("%+v", traits)
	}
	told, err := kind.(providers.Guide).Guide(providers.Errand{Environment: "production", Label: "rk_1"})
	if all := strings.Join(told.Steps, "\n"); err != nil || !strings.Contains(all, "delete it") || !strings.Contains(all, "access rules") {
		t.Errorf("%+v, %v", told, err)
	}
	secrettest.NoLeak(t, w.issued(), told)
}

// TestKeyInAValue: what scripts are searched for.
func TestKeyInAValue(t *testing.T) {
	for text, want := range map[string]string{
		"https://mainnet.helius-rpc.com/?a=b&api-key=" + strange: strange,
		strange:       strange,
		"https://x/y": "https://x/y",
	} {
		if got := helius.Key(secret.New(text)); !got.Equal(secret.New(want)) {
			t.Errorf("%s: another part", text)
		}
	}
}
