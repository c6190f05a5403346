package upstash_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/upstash"
)

var malformed = []providers.Values{
	one("short"), one(strings.Repeat("a", 60) + " "), one(strings.Repeat("a", 60) + "\n"), one(""), {},
	{name: secret.New(strings.Repeat("a", 60)), "OTHER_TOKEN": secret.New(strings.Repeat("a", 60))},
}

func conforms(t *testing.T, current func(world) map[string]providers.Values, change ...func(*upstash.Config)) {
	providertest.Run(t, providertest.Subject{Profiles: upstash.Profiles(), Open: func(t testing.TB) providertest.World {
		w := newWorld(t)
		return providertest.World{
			Provider: w.provider(t, change...), Current: current(w), Secrets: w.issued, Faults: w.faults,
			Unknown: one(strings.Repeat("ab12", 20)), Malformed: malformed,
			ByHand: func(environment, _ string) providers.Values {
				w.mu.Lock()
				defer w.mu.Unlock()
				d := map[string]*fakeDatabase{"staging": w.staging, "production": w.production}[environment]
				w.renew(d)
				return one(d.token)
			},
		}
	}})
}

// byHand is an account that has no API key.
func byHand(c *upstash.Config) { c.Account, c.ByHand = nil, true }

func TestConformanceUsers(t *testing.T)       { conforms(t, world.asUsers) }
func TestConformanceReset(t *testing.T)       { conforms(t, world.asDefault) }
func TestConformanceResetByHand(t *testing.T) { conforms(t, world.asDefault, byHand) }

// failed fails unless err has the class and reason and says something, without
// a value.
func failed(t *testing.T, w world, err error, class fault.Class, reason fault.Reason, says ...string) {
	t.Helper()
	if f := fault.Of(err); err == nil || f.Class != class || f.Reason != reason {
		t.Fatalf("%v, want %s and %s", err, class, reason)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v does not say %q", err, text)
		}
	}
	secrettest.NoLeak(t, w.issued(), err)
}

// issue makes a credential for an environment.
func issue(t *testing.T, kind providers.Kind, environment string) providers.Credential {
	t.Helper()
	c, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), environment, "rk_test_"+environment+"_r1_1")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// probe is one probe that can be judged.
func probe(t *testing.T, kind providers.Kind, v providers.Values) providers.Finding {
	t.Helper()
	found, err := kind.(providers.Prober).Probe(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestConfiguration(t *testing.T) {
	variables := func(names ...string) func(*upstash.Config) {
		return func(c *upstash.Config) { c.Variables = names }
	}
	staging := func(d upstash.Database) func(*upstash.Config) {
		return func(c *upstash.Config) { c.Databases["staging"] = d }
	}
	for what, c := range map[string]struct {
		change func(*upstash.Config)
		fails  bool
	}{
		"defaults":                 {func(*upstash.Config) {}, false},
		"no database":              {func(c *upstash.Config) { c.Databases = nil }, true},
		"no namer":                 {func(c *upstash.Config) { c.Name = nil }, true},
		"http beyond loopback":     {staging(upstash.Database{URL: "http://shop.upstash.io"}), true},
		"no address":               {staging(upstash.Database{}), true},
		"a door without a port":    {staging(upstash.Database{URL: "https://other.upstash.io", Redis: "other.upstash.io"}), true},
		"an id of another kind":    {staging(upstash.Database{URL: "https://other.upstash.io", ID: "other"}), true},
		"one for both":             {staging(upstash.Database{URL: "https://shop.upstash.io"}), false},
		"two of one name":          {staging(upstash.Database{URL: "https://shop.example.com"}), true},
		"no probing after an end":  {func(c *upstash.Config) { c.Waits = providers.Waits{Settle: 1} }, true},
		"all that move together":   {variables(name, "UPSTASH_REDIS_REST_READ_ONLY_TOKEN", "REDIS_URL", "REDIS_PASSWORD", "REDIS_USERNAME"), false},
		"a platform's names":       {variables("KV_REST_API_TOKEN", "KV_REST_API_READ_ONLY_TOKEN", "KV_URL"), false},
		"the address of REST":      {variables(name, "UPSTASH_REDIS_REST_URL"), true},
		"a name that says nothing": {variables(name, "REDIS"), true},
		"no token":                 {variables("REDIS_URL"), true},
		"a name twice":             {variables(name, name), true},
	} {
		config := upstash.Config{Name: named, Databases: map[string]upstash.Database{
			"staging": {URL: "https://shop-staging.upstash.io"}, "production": {URL: "https://shop.upstash.io"},
		}}
		c.change(&config)
		if _, err := upstash.New(config); (err != nil) != c.fails {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestWaitsComeFromTheConfiguration(t *testing.T) {
	w := newWorld(t)
	own := providers.Waits{Settle: 1, Hold: 0, ProbeEvery: 2, ProbeFor: 3}
	for _, current := range []map[string]providers.Values{w.asUsers(), w.asDefault()} {
		if diff := cmp.Diff(upstash.DefaultWaits(), w.kind(t, current).Traits().Waits); diff != "" {
			t.Errorf("defaults: %s", diff)
		}
		if diff := cmp.Diff(own, w.kind(t, current, func(c *upstash.Config) { c.Waits = own }).Traits().Waits); diff != "" {
			t.Errorf("own: %s", diff)
		}
	}
}

// TestTheDatabaseTellsTheKind: which of the two ways it is nobody says but the
// database, and looking changes nothing (trap 1).
func TestTheDatabaseTellsTheKind(t *testing.T) {
	w := newWorld(t)
	for shape, current := range map[providers.Shape]map[string]providers.Values{providers.Overlap: w.asUsers(), providers.Cutover: w.asDefault()} {
		before := []string{w.staging.token, w.production.token}
		traits := w.kind(t, current).Traits()
		if traits.Shape != shape || traits.UndoOfEnd != (shape == providers.Overlap) {
			t.Errorf("found %+v", traits)
		}
		for _, call := range w.asked() {
			if strings.HasPrefix(call, "POST") || strings.Contains(call, "SETUSER") || strings.Contains(call, "DELUSER") {
				t.Errorf("a look did %s", call)
			}
		}
		if diff := cmp.Diff(before, []string{w.staging.token, w.production.token}); diff != "" {
			t.Error(diff)
		}
	}
	mixed := map[string]providers.Values{"staging": w.asUsers()["staging"], "production": w.asDefault()["production"]}
	_, err := w.provider(t).Survey(t.Context(), mixed)
	failed(t, w, err, fault.Ask, fault.Ambiguous, "staging runs as user app_20260801", "production runs as user default", "nothing was changed")
}

// TestTokenThatMayNotAsk: where a database does not answer whose a token is, the
// list or the account tells; nothing is guessed.
func TestTokenThatMayNotAsk(t *testing.T) {
	w := newWorld(t)
	w.mute = true
	if id, err := w.kind(t, w.asUsers()).Identify(w.asUsers()["staging"]); err != nil || id != "shop-staging/app_20260801" {
		t.Errorf("identified as %q, %v", id, err)
	}
	if shape := w.kind(t, w.asDefault()).Traits().Shape; shape != providers.Cutover {
		t.Errorf("found %s", shape)
	}
	_, err := w.provider(t, func(c *upstash.Config) { c.Account = nil }).Survey(t.Context(), w.asDefault())
	failed(t, w, err, fault.Ask, fault.Ambiguous, "cannot be told")
}

// TestSurveyAsks: what is not certain stops before anything begins.
func TestSurveyAsks(t *testing.T) {
	for what, c := range map[string]struct {
		arrange func(w *world, c *upstash.Config)
		users   bool // else the databases' own tokens
		reason  fault.Reason
		says    string
	}{
		"user deleted":         {func(w *world, _ *upstash.Config) { w.production.users = nil }, true, fault.NotFound, "was deleted or switched off"},
		"user switched off":    {func(w *world, _ *upstash.Config) { w.production.app().on = false }, true, fault.NotFound, "refuses the token of production"},
		"no rules":             {func(w *world, _ *upstash.Config) { w.production.app().rules = nil }, true, fault.Ambiguous, "has no rules"},
		"rules of subcommands": {func(w *world, _ *upstash.Config) { w.production.app().rules = []string{"~*", "+client|list"} }, true, fault.Ambiguous, "subcommands"}, // trap 5
		"no password needed":   {func(w *world, _ *upstash.Config) { w.production.app().rules = []string{"nopass", "~*", "+@all"} }, true, fault.Ambiguous, "needs no password"},
		"nobody keeps the list": {func(w *world, c *upstash.Config) {
			c.Databases["production"] = upstash.Database{URL: w.url + "/db/shop-production"}
		}, true, fault.Unsupported, "admin_file"},
		"its own admin password": {func(w *world, _ *upstash.Config) { w.production.password = w.production.app().tokens[0] }, true, fault.Managed, "a user of its own"},
		"admin password refused": {func(_ *world, c *upstash.Config) {
			d := c.Databases["production"]
			d.Password = fixed("not-this-one")
			c.Databases["production"] = d
		}, true, fault.Unauthorized, "the database was reset"},
		"admin password misshapen": {func(_ *world, c *upstash.Config) {
			d := c.Databases["production"]
			d.Password = fixed("a b")
			c.Databases["production"] = d
		}, true, fault.Ambiguous, "form of a password"},
		"a read-only token beside": {func(_ *world, c *upstash.Config) { c.Variables = []string{name, "X_READ_ONLY_TOKEN"} }, true, fault.Ambiguous, "X_READ_ONLY_TOKEN has no value"},
		"no account's key":         {func(_ *world, c *upstash.Config) { c.Account = nil }, false, fault.Unsupported, "only a reset of the whole database replaces"},
		"account's key refused":    {func(_ *world, c *upstash.Config) { c.Account = fixed(mail + ":another-one") }, false, fault.Unauthorized, "which has no such API"},
		"account's key misshapen":  {func(_ *world, c *upstash.Config) { c.Account = fixed("another-one") }, false, fault.Ambiguous, "e-mail:key"},
		"database of nobody":       {func(w *world, _ *upstash.Config) { w.production.name = "moved" }, false, fault.NotFound, ""},
		"database suspended":       {func(w *world, _ *upstash.Config) { w.production.state = "suspended" }, false, fault.Ambiguous, "is suspended"},
		"another database's id": {func(w *world, c *upstash.Config) {
			d := c.Databases["production"]
			d.ID = w.staging.id
			c.Databases["production"] = d
		}, false, fault.Ambiguous, "is not that of database shop-production"},
		"a database not declared": {func(_ *world, c *upstash.Config) { delete(c.Databases, "production") }, true, fault.NotFound, "no database of production"},
	} {
		w := newWorld(t)
		current := w.asDefault()
		if c.users {
			current = w.asUsers()
		}
		_, err := w.provider(t, func(config *upstash.Config) { c.arrange(&w, config) }).Survey(t.Context(), current)
		if err == nil {
			t.Errorf("%s: nobody was asked", what)
			continue
		}
		t.Run(what, func(t *testing.T) { failed(t, w, err, fault.Ask, c.reason, c.says) })
	}
}

// TestReadOnlyTokenInTheWrongPlace: it is another credential, and told for it.
func TestReadOnlyTokenInTheWrongPlace(t *testing.T) {
	w := newWorld(t)
	_, err := w.provider(t).Survey(t.Context(), map[string]providers.Values{"staging": one(w.staging.readOnly)})
	failed(t, w, err, fault.Ask, fault.Ambiguous, "read-only token", "READ_ONLY_TOKEN")
}

// TestOurOwnRedis (trap 7): databases in which Rekey keeps its records are left
// alone, by whatever name it reaches them.
func TestOurOwnRedis(t *testing.T) {
	w := newWorld(t)
	far := func(c *upstash.Config) {
		c.Databases = map[string]upstash.Database{"staging": w.database(w.staging), "production": {URL: "https://shop-58500.upstash.io"}}
	}
	for at, refused := range map[string]bool{
		"shop-58500.upstash.io:6379": true, "SHOP-58500.upstash.io.:6380": true, "eu1-shop-58500.upstash.io:6379": true,
		w.redis["shop-staging"]: true, "127.0.0.1:1": false, "redis.internal:6379": false, "58500.upstash.io:6379": false, "another-1.upstash.io:6379": false,
	} {
		w.asked()
		_, err := w.provider(t, far, func(c *upstash.Config) { c.Own = func() (string, error) { return at, nil } }).
			Survey(t.Context(), map[string]providers.Values{"staging": w.asUsers()["staging"]})
		if !refused {
			if err != nil {
				t.Errorf("%s: %v", at, err)
			}
			continue
		}
		failed(t, w, err, fault.Ask, fault.Managed, "its own records", "nothing was changed")
		if calls := w.asked(); len(calls) > 0 {
			t.Errorf("%s: asked %v", at, calls)
		}
	}
	_, err := w.provider(t, func(c *upstash.Config) { c.Own = func() (string, error) { return "", errors.New("no file") } }).Survey(t.Context(), w.asUsers())
	failed(t, w, err, fault.Ask, fault.CannotMeasure)
}

// TestRulesAreCopied (trap 5): a new user may do what the old one may, in the
// same order, and a service that gives it other rules is not believed.
func TestRulesAreCopied(t *testing.T) {
	w := newWorld(t)
	w.production.app().rules = append(strings.Fields(rules), "(+get ~public:*)")
	c := issue(t, w.kind(t, w.asUsers()), "production")
	made := w.production.user("rk_test_production_r1_1")
	if made == nil || c.ID != "shop-production/rk_test_production_r1_1" {
		t.Fatalf("made %+v as %s", made, c.ID)
	}
	if diff := cmp.Diff(w.production.app().rules, made.rules); diff != "" {
		t.Error(diff)
	}
	if len(made.tokens) != 1 || !c.Values[name].Equal(secret.New(made.tokens[0])) {
		t.Error("it has not the one token that was given out")
	}
	w.losesRul = true
	_, err := w.kind(t, w.asUsers()).(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_1")
	failed(t, w, err, fault.Ask, fault.Ambiguous, "has not the rules of app_20260801")
}

// TestServiceBeforeGentoken (trap 4): a token is asked for first; where the
// service does not make them yet, a password of ours is exchanged for one.
func TestServiceBeforeGentoken(t *testing.T) {
	w := newWorld(t)
	w.old = true
	kind := w.kind(t, w.asUsers())
	w.asked()
	c := issue(t, kind, "staging")
	calls := strings.Join(w.asked(), "\n")
	if !regexp.MustCompile(`(?s)GENTOKEN.*SETUSER.*RESTTOKEN`).MatchString(calls) {
		t.Errorf("asked\n%s", calls)
	}
	if found := probe(t, kind, c.Values); found.Liveness != providers.Alive {
		t.Errorf("found %+v", found)
	}
	secrettest.NoLeak(t, w.issued(), c, kind)
}

// TestNamesThatAreTaken: a user that exists is never set again by creating it,
// and what can be no name is not sent.
func TestNamesThatAreTaken(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, w.asUsers()).(providers.PlacedIssuer)
	_, err := kind.IssueIn(t.Context(), "staging", "reporting")
	failed(t, w, err, fault.Ask, fault.Conflict, "reporting")
	for _, label := range []string{"", "two words", "a\r\nb", strings.Repeat("a", 129)} {
		_, err := kind.IssueIn(t.Context(), "staging", label)
		failed(t, w, err, fault.Never, fault.Invalid)
	}
	_, err = kind.IssueIn(t.Context(), "nowhere", "label")
	failed(t, w, err, fault.Ask, fault.NotFound)
	for _, call := range w.asked() {
		if strings.Contains(call, "SETUSER") {
			t.Errorf("did %s", call)
		}
	}
}

// TestOneDatabaseOfTwo: users of the same name in two databases are two
// credentials, and the service's own users are never touched (trap 6).
func TestOneDatabaseOfTwo(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, w.asUsers())
	if err := kind.(providers.Disabler).Disable(t.Context(), "shop-staging/app_20260801"); err != nil {
		t.Fatal(err)
	}
	if w.staging.app().on || !w.production.app().on {
		t.Error("another database's user was switched off")
	}
	if err := kind.(providers.Ender).End(t.Context(), "shop-staging/app_20260801"); err != nil {
		t.Fatal(err)
	}
	if w.staging.app() != nil || w.production.app() == nil {
		t.Error("another database's user was deleted")
	}
	w.asked()
	for _, id := range []providers.ID{"", "app_20260801", "shop-staging/default", "shop-staging/default_ro", "somebodys/reporting", "shop-staging/", "shop-staging/a b"} {
		for _, err := range []error{
			kind.(providers.Ender).End(t.Context(), id), kind.(providers.Disabler).Disable(t.Context(), id), kind.(providers.Disabler).Enable(t.Context(), id),
		} {
			failed(t, w, err, fault.Never, fault.Invalid)
		}
	}
	if calls := w.asked(); len(calls) > 0 {
		t.Errorf("asked %v", calls)
	}
	failed(t, w, kind.(providers.Disabler).Enable(t.Context(), "shop-staging/app_20260801"), fault.Ask, fault.NotFound)
	if w.staging.app() != nil {
		t.Error("switching on made a user")
	}
}

// TestListIsWhole: absence is concluded only from a list that can be read.
func TestListIsWhole(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, w.asUsers())
	all, err := kind.(providers.Lister).List(t.Context())
	if err != nil || len(all) != 4 || slices.ContainsFunc(all, func(c providers.Credential) bool { return strings.Contains(string(c.ID), "default") }) {
		t.Errorf("listed %v, %v", all, err)
	}
	for what, text := range map[string]string{
		"not a list": "$2\r\nOK\r\n", "an entry of another kind": "*2\r\n$28\r\nuser default on #ab ~* +@all\r\n$5\r\nhello\r\n", "without the default one": "*0\r\n", "nothing": "*-1\r\n",
	} {
		w.override = func(rw http.ResponseWriter, r *http.Request) bool {
			rw.Header().Set("Content-Type", "application/x-redis")
			if !strings.HasPrefix(r.URL.Path, "/redis/") {
				return false
			}
			body := make([]byte, 64)
			n, _ := r.Body.Read(body)
			if strings.Contains(string(body[:n]), "AUTH") {
				text := "+OK\r\n"
				_, _ = rw.Write([]byte(text))
				return true
			}
			_, _ = rw.Write([]byte(text))
			return true
		}
		if _, err := kind.(providers.Lister).List(t.Context()); fault.Of(err) == nil || fault.Of(err).Class != fault.Ask {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestNewTokenIsTheNewUsers: a token that a database accepts as somebody else's
// is none.
func TestNewTokenIsTheNewUsers(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, w.asUsers())
	c := issue(t, kind, "staging")
	w.staging.user("rk_test_staging_r1_1").name = "another"
	if found := probe(t, kind, c.Values); found.Liveness != providers.Unclear {
		t.Errorf("found %+v", found)
	}
	w.staging.user("another").name = "rk_test_staging_r1_1"
	if found := probe(t, kind, c.Values); found.Liveness != providers.Alive {
		t.Errorf("found %+v", found)
	}
	w.asked()
	if probe(t, kind, c.Values); len(w.asked()) != 1 {
		t.Error("once is enough")
	}
}

// TestProbesAskTheDatabase (traps 3 and 8): a token goes to a database's own
// address in a header, and the account's key never goes there.
func TestProbesAskTheDatabase(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, w.asUsers())
	w.asked()
	w.override = func(_ http.ResponseWriter, r *http.Request) bool {
		if _, _, basic := r.BasicAuth(); strings.HasPrefix(r.URL.Path, "/redis/") {
			return false
		} else if basic || r.URL.RawQuery != "" || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			t.Errorf("%s %s bears something else than a token", r.Method, r.URL.Path)
		}
		return false
	}
	probe(t, kind, w.asUsers()["staging"])
	if diff := cmp.Diff([]string{"shop-staging GET ping"}, w.asked()); diff != "" {
		t.Error(diff)
	}
	stranger := w.asUsers()["production"]
	alone := w.kind(t, map[string]providers.Values{"staging": w.asUsers()["staging"]}, func(c *upstash.Config) { delete(c.Databases, "production") })
	if found := probe(t, alone, stranger); found.Liveness != providers.Refused {
		t.Errorf("found %+v", found)
	}
}

// TestAnswersOfOthers: only the database's own words count.
func TestAnswersOfOthers(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, w.asUsers())
	for body, c := range map[string]struct {
		status int
		want   providers.Liveness
	}{
		`{"error":"WRONGPASS invalid or missing auth token"}`:                       {401, providers.Refused},
		`{"error":"NOPERM this user has no permissions to run the 'ping' command"}`: {400, providers.Alive},
		`{"error":"unauthorized"}`:                                                  {401, providers.Unclear},
		`{"error":"WRONGPASS"}`:                                                     {403, providers.Unclear},
		`{"error":"ERR max requests limit exceeded"}`:                               {400, providers.Unclear},
		`{"result":"WRONGPASS"}`:                                                    {200, providers.Unclear},
		`{"result":null}`:                                                           {200, providers.Unclear},
		`<html>Sign in</html>`:                                                      {200, providers.Unclear},
		`<html>WRONGPASS</html>`:                                                    {401, providers.Unclear},
	} {
		w.override = func(rw http.ResponseWriter, _ *http.Request) bool {
			rw.WriteHeader(c.status)
			_, _ = rw.Write([]byte(body))
			return true
		}
		if found := probe(t, kind, w.asUsers()["staging"]); found.Liveness != c.want || strings.ContainsAny(found.Answer, "<{") {
			t.Errorf("%d %s: %+v", c.status, body, found)
		}
	}
}

// both are the variables of an application that uses all of a credential.
var both = []string{name, "UPSTASH_REDIS_REST_READ_ONLY_TOKEN", "REDIS_PASSWORD", "REDIS_URL", "KV_URL"}

func (d *fakeDatabase) all() providers.Values {
	return providers.Values{
		name: secret.New(d.token), both[1]: secret.New(d.readOnly), both[2]: secret.New(d.password),
		both[3]: secret.New("rediss://default:" + d.password + "@" + d.name + ".upstash.io:6379"),
		both[4]: secret.New("rediss://:" + d.password + "@" + d.name + ".upstash.io:6379/0?family=6"),
	}
}

// TestResetMovesAllTogether: tokens, password and addresses come from one reset,
// of an address nothing else changes, and afterwards all old parts are refused.
func TestResetMovesAllTogether(t *testing.T) {
	w := newWorld(t)
	old := w.production.all()
	kind := w.kind(t, map[string]providers.Values{"production": old}, func(c *upstash.Config) { c.Variables = both })
	w.asked()
	c := issue(t, kind, "production")
	want := w.production.all()
	want["KV_URL"] = secret.New("rediss://default:" + w.production.password + "@shop-production.upstash.io:6379/0?family=6")
	for _, name := range both {
		if !c.Values[name].Equal(want[name]) {
			t.Errorf("%s is not the database's", name)
		}
	}
	if calls := w.asked(); len(calls) != 2 || !strings.HasPrefix(calls[0], "GET") || !strings.HasPrefix(calls[1], "POST") {
		t.Errorf("looks first, and resets once; asked %v", calls)
	}
	if found := probe(t, kind, c.Values); found.Liveness != providers.Alive {
		t.Errorf("the new ones: %+v", found)
	}
	if found := probe(t, kind, old); found.Liveness != providers.Refused {
		t.Errorf("the old ones: %+v", found)
	}
	half := want
	half[name] = old[name]
	if found := probe(t, kind, half); found.Liveness != providers.Unclear {
		t.Errorf("a mixture: %+v", found)
	}
}

// TestTail: people tell credentials without an id apart by the end of the token,
// of which nothing else is shown.
func TestTail(t *testing.T) {
	w := newWorld(t)
	w.production.token = strings.Repeat("Qx", 30) + "wXyz=="
	values := w.production.all()
	with := func(c *upstash.Config) { c.Variables = both }
	kind := w.kind(t, map[string]providers.Values{"production": values}, with)
	if got := kind.(providers.Tailer).Tail(values); got != "wXyz" {
		t.Errorf("shown %q", got)
	}
	if got := kind.(providers.Tailer).Tail(one("x")); got != "" {
		t.Errorf("shown %q of what has not the form", got)
	}
}

// TestReadBack: what a reset without an answer has left is what the account
// shows, also when the value in the vault is dead; nothing is reset for it.
func TestReadBack(t *testing.T) {
	w := newWorld(t)
	p := w.provider(t)
	found := w.kind(t, w.asDefault()).Traits()
	old := w.asDefault()
	w.renew(w.production)
	kind, err := p.Continue(t.Context(), found, old)
	if err != nil {
		t.Fatal(err)
	}
	w.asked()
	now, err := kind.(providers.Current).Current(t.Context(), "production")
	if err != nil || !now.Values[name].Equal(secret.New(w.production.token)) {
		t.Errorf("read back %v", err)
	}
	same, err := kind.(providers.Current).Current(t.Context(), "staging")
	if err != nil || !same.Values[name].Equal(old["staging"][name]) {
		t.Errorf("read back %v", err)
	}
	for _, call := range w.asked() {
		if !strings.HasPrefix(call, "GET") {
			t.Errorf("did %s", call)
		}
	}
	if found := probe(t, kind, old["production"]); found.Liveness != providers.Refused {
		t.Errorf("the old one: %+v", found)
	}
	w.hidden = true
	_, err = kind.(providers.Current).Current(t.Context(), "production")
	failed(t, w, err, fault.Ask, fault.Garbled, "audit log")
	_, err = kind.(providers.Current).Current(t.Context(), "nowhere")
	failed(t, w, err, fault.Ask, fault.NotFound)
}

// TestResetOnce: what was reset since the survey, by a request that came late or by
// a person, is taken and not reset again; and a lost answer says how it is settled.
func TestResetOnce(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, w.asDefault())
	w.renew(w.production)
	w.asked()
	if c := issue(t, kind, "production"); !c.Values[name].Equal(secret.New(w.production.token)) {
		t.Error("it is not what the database holds")
	}
	for _, call := range w.asked() {
		if !strings.HasPrefix(call, "GET") {
			t.Errorf("did %s", call)
		}
	}
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		rw.WriteHeader(http.StatusBadGateway)
		return true
	}
	_, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "")
	failed(t, w, err, fault.Lost, fault.ServerError, "not sent again before")
}

// TestPartsOfTwo: what does not belong together stops the survey.
func TestPartsOfTwo(t *testing.T) {
	for _, wrong := range both[1:] {
		w := newWorld(t)
		values := w.production.all()
		values[wrong] = w.staging.all()[wrong]
		_, err := w.provider(t, func(c *upstash.Config) { c.Variables = both }).Survey(t.Context(), map[string]providers.Values{"production": values})
		failed(t, w, err, fault.Ask, fault.Ambiguous)
	}
	w := newWorld(t)
	w.hidden = true // the account shows none: the database is asked
	values := w.production.all()
	values[both[1]] = w.staging.all()[both[1]]
	_, err := w.provider(t, func(c *upstash.Config) { c.Variables = both }).Survey(t.Context(), map[string]providers.Values{"production": values})
	failed(t, w, err, fault.Ask, fault.Ambiguous)
}

// TestAccountThatShowsNoCredentials (trap 2): the description does not promise
// them. The token's own encoding names its database; and a reset whose answer
// is bare is read once more and never repeated.
func TestAccountThatShowsNoCredentials(t *testing.T) {
	w := newWorld(t)
	w.bare = true
	kind := w.kind(t, w.asDefault())
	w.asked()
	c := issue(t, kind, "production")
	if !c.Values[name].Equal(secret.New(w.production.token)) {
		t.Error("it is not the database's token")
	}
	resets := slices.DeleteFunc(w.asked(), func(call string) bool { return !strings.HasPrefix(call, "POST") })
	if len(resets) != 1 {
		t.Errorf("reset %v", resets)
	}
	w.hidden = true
	_, err := w.kind(t, w.asDefault()).(providers.PlacedIssuer).IssueIn(t.Context(), "production", "")
	failed(t, w, err, fault.Lost, fault.Garbled, "has no credentials")
	w.production.token = strings.Repeat("Q", 60)
	_, err = w.provider(t).Survey(t.Context(), w.asDefault())
	failed(t, w, err, fault.Ask, fault.Ambiguous, "the account does not show it")
}

// TestOutageIsTold (traps 1, 6 and 9): people hear what a reset costs and what
// else it stops, and what outlives an exchange of users.
func TestOutageIsTold(t *testing.T) {
	w := newWorld(t)
	for drain, wants := range map[string][]string{
		w.kind(t, w.asDefault()).Traits().Drain: {"401 until it is deployed", "read-only token", "KV_URL", "a platform's own copy"},
		w.kind(t, w.asUsers()).Traits().Drain:   {"default token", "must be reset once"},
	} {
		for _, want := range wants {
			if !strings.Contains(drain, want) {
				t.Errorf("%q does not say %q", drain, want)
			}
		}
	}
}

// TestUserWithAnAddress: a user's name moves with its password.
func TestUserWithAnAddress(t *testing.T) {
	w := newWorld(t)
	app := w.staging.app()
	values := providers.Values{name: secret.New(app.tokens[0]), "REDIS_URL": secret.New("rediss://app_20260801:" + app.tokens[0] + "@shop.upstash.io:6379")}
	with := func(c *upstash.Config) { c.Variables = []string{name, "REDIS_URL"} }
	kind := w.kind(t, map[string]providers.Values{"staging": values}, with)
	c := issue(t, kind, "staging")
	made := w.staging.user("rk_test_staging_r1_1")
	if want := secret.New("rediss://" + made.name + ":" + made.tokens[0] + "@shop.upstash.io:6379"); !c.Values["REDIS_URL"].Equal(want) {
		t.Error("the address has not the new user and password")
	}
	if found := probe(t, kind, c.Values); found.Liveness != providers.Alive {
		t.Errorf("found %+v", found)
	}
	values["REDIS_URL"] = secret.New("rediss://reporting:" + app.tokens[0] + "@shop.upstash.io:6379")
	_, err := w.provider(t, with).Survey(t.Context(), map[string]providers.Values{"staging": values})
	failed(t, w, err, fault.Ask, fault.Ambiguous, "variables beside the token")
	alone := func(c *upstash.Config) { c.Variables = []string{name, "REDIS_PASSWORD"} }
	_, err = w.provider(t, alone).Survey(t.Context(), map[string]providers.Values{"staging": {name: values[name], "REDIS_PASSWORD": values[name]}})
	failed(t, w, err, fault.Ask, fault.Ambiguous, "_USERNAME")
}

// TestPasswordInsideTheToken: a standard token carries the password in its
// encoding, so that is looked for, too.
func TestPasswordInsideTheToken(t *testing.T) {
	w := newWorld(t)
	found := w.kind(t, w.asDefault()).(providers.Disguiser).Disguises(w.asDefault()["staging"])
	for _, want := range []string{w.staging.password, w.staging.readOnly} { // the second dies with the first
		if !slices.ContainsFunc(found, func(v secret.Value) bool { return v.Equal(secret.New(want)) }) {
			t.Errorf("%d texts, one is missing", len(found))
		}
	}
	w.hidden = true
	found = w.kind(t, w.asDefault()).(providers.Disguiser).Disguises(w.asDefault()["staging"])
	if !slices.ContainsFunc(found, func(v secret.Value) bool { return v.Equal(secret.New(w.staging.password)) }) {
		t.Errorf("%d texts, none of them the password inside the token", len(found))
	}
}

// TestCertificate: what does not prove who it is hears no password.
func TestCertificate(t *testing.T) {
	w := newWorld(t)
	w.asked()
	_, err := w.provider(t, func(c *upstash.Config) { c.Roots = nil }).Survey(t.Context(), w.asUsers())
	failed(t, w, err, fault.Ask, fault.Unreachable, "ca_file")
	for _, call := range w.asked() {
		if strings.Contains(call, "AUTH") {
			t.Errorf("it heard %s", call)
		}
	}
}

func TestPasswordIsReadAtEachUse(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, w.asUsers())
	w.staging.password = "another-password-of-it"
	if _, err := kind.(providers.Lister).List(t.Context()); err != nil {
		t.Error(err)
	}
	away := func(c *upstash.Config) {
		d := c.Databases["staging"]
		d.Password = func(context.Context) (secret.Value, error) {
			return secret.Value{}, &fault.Error{Op: "reading", Class: fault.Again, Reason: fault.TimedOut}
		}
		c.Databases["staging"] = d
	}
	_, err := w.provider(t, away).Survey(t.Context(), w.asUsers())
	failed(t, w, err, fault.Again, fault.TimedOut)
}

func TestSignatures(t *testing.T) {
	signatures := newWorld(t).kind(t, newWorld(t).asUsers()).Traits().Signatures
	hit := func(line string) bool {
		return slices.ContainsFunc(signatures, func(s string) bool { return regexp.MustCompile(s).MatchString(line) })
	}
	for line, want := range map[string]bool{
		"UpstashError: WRONGPASS invalid or missing auth token":    true,
		"upstash: 401 Unauthorized":                                true,
		"GET https://shop-58500.upstash.io/get/a 401 Unauthorized": true,
		"redis: WRONGPASS invalid username-password pair":          false,
		"upstash: ERR max requests limit exceeded":                 false,
		"upstash: status=200 duration=401":                         false,
	} {
		if hit(line) != want {
			t.Errorf("%q: hit %t", line, !want)
		}
	}
}

// TestPastedParts: what people bring after a reset is taken whole, from one
// database and after the reset, or told in one sentence.
func TestPastedParts(t *testing.T) {
	w := newWorld(t)
	old, other := w.production.all(), w.staging.all()
	values := map[string]providers.Values{"production": old}
	kind := w.kind(t, values, byHand, func(c *upstash.Config) { c.Variables = both }).(providers.Guide)
	told, err := kind.Guide(providers.Errand{Environment: "production"})
	text := strings.Join(told.Steps, "\n")
	for _, want := range append([]string{"`shop-production`", "Reset Credentials", "until the new values are deployed"}, both...) {
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%q is not said: %v", want, err)
		}
	}
	inspect := func(change func(providers.Values)) providers.Inspection {
		t.Helper()
		pasted := w.production.all()
		change(pasted)
		found, err := kind.Inspect(t.Context(), providers.Errand{Environment: "production", Label: "rk_1"}, pasted)
		if err != nil {
			t.Fatal(err)
		}
		secrettest.NoLeak(t, w.issued(), found)
		return found
	}
	if found := inspect(func(providers.Values) {}); !strings.Contains(found.Wrong, "until the reset") {
		t.Errorf("before the reset: %q", found.Wrong)
	}
	w.renew(w.production)
	for says, change := range map[string]func(providers.Values){
		"has no value":            func(v providers.Values) { v[both[1]] = secret.Value{} },
		"before the reset":        func(v providers.Values) { v[both[1]] = old[both[1]] },
		"belongs to another":      func(v providers.Values) { v[both[2]] = old[both[2]] },
		"read-only token":         func(v providers.Values) { v[name] = v[both[1]] },
		"user of the list":        func(v providers.Values) { v[name] = secret.New(w.production.app().tokens[0]) },
		"refuses the token":       func(v providers.Values) { v[name] = other[name] },
		"refuses another part of": func(v providers.Values) { v[both[1]] = other[both[1]] },
	} {
		if found := inspect(change); !strings.Contains(found.Wrong, says) || found.Credential.ID != "" {
			t.Errorf("want %q: %q", says, found.Wrong)
		}
	}
	found := inspect(func(v providers.Values) {
		v[name] = secret.New(w.production.token + " \n")
		v["KV_URL"] = secret.New("rediss://default:" + w.production.password + "@elsewhere.upstash.io:6379")
	})
	want := secret.New("rediss://default:" + w.production.password + "@shop-production.upstash.io:6379/0?family=6")
	if found.Wrong != "" || !found.Credential.Values["KV_URL"].Equal(want) || !found.Credential.Values[name].Equal(secret.New(w.production.token)) {
		t.Errorf("taken: %+v", found.Wrong)
	}
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/ping") {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	if found := inspect(func(providers.Values) {}); !found.Wait {
		t.Errorf("while it cannot be told: %+v", found)
	}
}

// TestByHandIsForNobodyElse: with a key of the account the API resets, and users
// are exchanged whoever would reset.
func TestByHandIsForNobodyElse(t *testing.T) {
	w := newWorld(t)
	hand := func(c *upstash.Config) { c.ByHand = true }
	if traits := w.kind(t, w.asDefault(), hand).Traits(); traits.Guided {
		t.Errorf("found %+v", traits)
	}
	if traits := w.kind(t, w.asUsers(), byHand).Traits(); traits.Guided || traits.Shape != providers.Overlap {
		t.Errorf("found %+v", traits)
	}
}

// TestOneTokenForAll: both environments may use one database and one token, and
// several variables may carry it.
func TestOneTokenForAll(t *testing.T) {
	w := newWorld(t)
	names := []string{name, "KV_REST_API_TOKEN"}
	values := func(token string) providers.Values {
		return providers.Values{names[0]: secret.New(token), names[1]: secret.New(token)}
	}
	with := func(c *upstash.Config) { c.Variables, c.Databases["staging"] = names, w.database(w.production) }
	for _, token := range []string{w.production.app().tokens[0], w.production.token} {
		kind := w.kind(t, map[string]providers.Values{"staging": values(token), "production": values(token)}, with)
		c := issue(t, kind, "production")
		if found := probe(t, kind, c.Values); found.Liveness != providers.Alive || !c.Values[names[0]].Equal(c.Values[names[1]]) {
			t.Errorf("found %+v", found)
		}
		if lister, ok := kind.(providers.Lister); ok {
			if all, err := lister.List(t.Context()); err != nil || len(all) != 3 {
				t.Errorf("one database is listed as %d users, %v", len(all), err)
			}
		}
	}
	mixed := values(w.production.app().tokens[0])
	mixed[names[1]] = secret.New(w.production.token)
	_, err := w.provider(t, with).Survey(t.Context(), map[string]providers.Values{"production": mixed})
	failed(t, w, err, fault.Ask, fault.Ambiguous, "belongs to another credential")
}

// TestUsersOfOthers: whatever others called theirs, the list is read; and those
// are not ended.
func TestUsersOfOthers(t *testing.T) {
	w := newWorld(t)
	w.staging.users = append(w.staging.users, &fakeUser{name: "my+app/1", rules: []string{"resetchannels", "-@all"}})
	kind := w.kind(t, w.asUsers())
	all, err := kind.(providers.Lister).List(t.Context())
	if err != nil || len(all) != 5 {
		t.Errorf("listed %d, %v", len(all), err)
	}
	failed(t, w, kind.(providers.Ender).End(t.Context(), "shop-staging/my+app/1"), fault.Never, fault.Invalid)
}
