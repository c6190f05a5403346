package supabase_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/supabase"
)

// sendsAPIKey is what people say of consumers before a legacy key may be replaced.
func sendsAPIKey(c *supabase.Config) { c.SendsAPIKey = true }

// legacyIn are the current values with the legacy key in some environments.
func (w world) legacyIn(environments ...string) map[string]providers.Values {
	current := w.current()
	for _, env := range environments {
		current[env] = providers.Values{variable: jwt(map[string]string{"staging": stagingRef, "production": productionRef}[env], "service_role")}
	}
	return current
}

// legacyKind is what a survey finds then.
func (w world) legacyKind(t testing.TB, environments ...string) providers.Kind {
	t.Helper()
	kind, err := w.provider(t, sendsAPIKey).Survey(t.Context(), w.legacyIn(environments...))
	if err != nil {
		t.Fatal(err)
	}
	return kind
}

// old is a request of another key, eight days ago: the logs reach so far back.
func old(ref string) use {
	return use{ref: ref, prefix: "sb_secret_other", at: time.Now().Add(-6*24*time.Hour - 12*time.Hour)}
}

func TestConformanceOfLegacyKeys(t *testing.T) {
	providertest.Run(t, providertest.Subject{Profiles: supabase.Profiles()[1:], Open: func(t testing.TB) providertest.World {
		f, w := newFake()
		f.uses = []use{old(stagingRef), old(productionRef)}
		faults := providertest.Before(f)
		s := httptest.NewServer(faults)
		t.Cleanup(s.Close)
		w.url, w.client = s.URL, s.Client()
		return providertest.World{
			Provider: w.provider(t, sendsAPIKey), Current: w.legacyIn("staging", "production"), Faults: faults,
			Unknown:   providers.Values{variable: secret.New("sb_secret_" + strings.Repeat("z", 43))},
			Malformed: []providers.Values{{variable: jwt(stagingRef, "anon")}, {variable: jwt("zzzzzzzzzzzzzzzzzzzz", "service_role")}, {variable: secret.New("eyJhbGciOiJIUzI1NiJ9.e30.c2ln")}, {}},
			Secrets: func() []secret.Value {
				return append(f.issued(), jwt(stagingRef, "service_role"), jwt(productionRef, "service_role"))
			},
		}
	}})
}

// surveyLegacy surveys production with its legacy key, of which nobody has said
// how it is sent.
func surveyLegacy(t *testing.T, w world, reason fault.Reason) *fault.Error {
	t.Helper()
	_, err := w.provider(t).Survey(t.Context(), w.legacyIn("production"))
	f := failed(t, w, err, fault.Ask, reason)
	secrettest.NoLeak(t, []secret.Value{jwt(productionRef, "service_role")}, err)
	onlyRead(t, w)
	return f
}

// TestLegacyKeyIsRecognised: until people have said how consumers send it, it
// is refused with what was found, what it would take, and what to do (trap 2:
// the new kind goes into apikey only).
func TestLegacyKeyIsRecognised(t *testing.T) {
	w := newWorld(t)
	w.uses = []use{old(productionRef)}
	f := surveyLegacy(t, w, fault.Unsupported)
	says(t, f, "production holds the legacy service_role key of project "+productionRef, "nothing was changed", "ends anon",
		"the edge logs of the last 7 days show no request with one", "header apikey", "Authorization: Bearer", "sends_apikey: true", "7 days")
}

func TestLegacyKeysInUseAreTold(t *testing.T) {
	w := newWorld(t)
	at := time.Now().UTC().Add(-50 * time.Hour)
	w.uses = []use{{ref: productionRef, role: "anon", at: at.Add(-time.Hour)}, {ref: productionRef, role: "service_role", at: at},
		{ref: stagingRef, role: "anon", at: time.Now().Add(-time.Minute)}}
	says(t, surveyLegacy(t, w, fault.Unsupported), "they are still used", "2 requests", at.Format("2 January at 15:04 UTC"))
}

// TestLegacyKeysWithoutLogs: silence that could not be heard is no silence.
func TestLegacyKeysWithoutLogs(t *testing.T) {
	w := newWorld(t)
	w.rights = w.rights[:2]
	says(t, surveyLegacy(t, w, fault.Unsupported), "could not be told", "forbidden")
}

// TestLegacyKeysThatAreNotUsable: what cannot be working, or is nobody's, asks,
// whatever people have said.
func TestLegacyKeysThatAreNotUsable(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(w *world, current map[string]providers.Values)
		says    string
	}{
		"switched off": {func(w *world, _ map[string]providers.Values) { w.legacy[productionRef] = false }, "cannot be working"},
		"refused": {func(w *world, current map[string]providers.Values) {
			forged := jwt(productionRef, "service_role").Reveal()
			current["production"] = providers.Values{variable: secret.New(forged[:len(forged)-4] + "AAAA")}
		}, "refuses"},
		"without a project": {func(_ *world, current map[string]providers.Values) {
			current["production"] = providers.Values{variable: jwt("", "service_role")}
		}, "does not say of which project"},
	} {
		w := newWorld(t)
		current := w.legacyIn("production")
		c.arrange(&w, current)
		_, err := w.provider(t, sendsAPIKey).Survey(t.Context(), current)
		if err == nil {
			t.Errorf("%s: no question", name)
			continue
		}
		says(t, failed(t, w, err, fault.Ask, fault.Ambiguous), c.says)
		onlyRead(t, w)
	}
}

// TestLegacyKeyIsReplaced: a secret key takes the place of a legacy one, which
// is named by its project; the end and its cost are told, and who is not of the
// old kind is deleted as ever.
func TestLegacyKeyIsReplaced(t *testing.T) {
	w := newWorld(t)
	w.uses = []use{old(productionRef)}
	kind := w.legacyKind(t, "production")
	traits := kind.Traits()
	for _, say := range []string{"production: switched off together with all legacy keys", "anon", "staging: deleted at once", "ALL LEGACY KEYS", "in use in production is"} {
		if !strings.Contains(traits.EndIs+traits.Notice, say) {
			t.Errorf("%+v does not say %q", traits, say)
		}
	}
	if plain := w.kind(t).Traits(); plain.Kind != traits.Kind || strings.Contains(plain.EndIs, "legacy") || plain.Notice != "" {
		t.Errorf("once both are of the new kind: %+v", plain)
	}
	id, err := kind.Identify(w.legacyIn("production")["production"])
	if err != nil || id != "legacy_"+productionRef {
		t.Errorf("%q, %v", id, err)
	}
	made, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_1_x")
	if err != nil || !made.Values[variable].HasPrefix("sb_secret_") {
		t.Errorf("%+v, %v", made, err)
	}
	// As after a restart: a survey of what is in the vault by then.
	current := w.current()
	current["production"] = made.Values
	again, err := w.provider(t, sendsAPIKey).Survey(t.Context(), current)
	if err != nil {
		t.Fatal(err)
	}
	if why, err := again.(providers.Blocker).Blocked(t.Context(), id); why != "" || err != nil {
		t.Fatalf("%q, %v", why, err)
	}
	if err := again.(providers.Ender).End(t.Context(), id); err != nil || w.legacy[productionRef] || !w.legacy[stagingRef] {
		t.Errorf("switched on: %v, %v", w.legacy, err)
	}
	if found := probe(t, again, jwt(productionRef, "service_role")); found.Liveness != providers.Refused {
		t.Errorf("%+v", found)
	}
	all, err := again.(providers.Lister).List(t.Context())
	if err != nil || slices.ContainsFunc(all, func(c providers.Credential) bool { return c.ID == id }) {
		t.Errorf("still listed: %v", err)
	}
	if err := again.(providers.Ender).End(t.Context(), id); err != nil {
		t.Errorf("switching off what is off: %v", err)
	}
}

// TestLegacyKeysAreNotSwitchedOffInUse (trap 3): a use by anybody, logs that do
// not answer or do not reach so far keep people from being asked, and the
// switch from being turned. Our own probes do not.
func TestLegacyKeysAreNotSwitchedOffInUse(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		uses []use
		deaf bool
		says string
	}{
		"anon in a browser":         {uses: []use{old(productionRef), {ref: productionRef, role: "anon", at: time.Now().Add(-6 * day)}}, says: "still used"},
		"a consumer nobody knew":    {uses: []use{old(productionRef), {ref: productionRef, role: "service_role", at: time.Now().Add(-time.Minute), agent: "cron"}}, says: "still used"},
		"logs that end yesterday":   {uses: []use{{ref: productionRef, prefix: "sb_secret_x", at: time.Now().Add(-day)}}, says: "may not keep them so long"},
		"logs that do not answer":   {uses: []use{old(productionRef)}, deaf: true, says: "could not be told"},
		"nothing but our own probe": {uses: []use{old(productionRef), {ref: productionRef, role: "service_role", at: time.Now().Add(-time.Minute), agent: "rekey"}}},
		"another project's":         {uses: []use{old(productionRef), {ref: stagingRef, role: "anon", at: time.Now()}}},
		"longer ago":                {uses: []use{old(productionRef), {ref: productionRef, role: "anon", at: time.Now().Add(-8 * day)}}},
	} {
		w := newWorld(t)
		w.uses = c.uses
		kind := w.legacyKind(t, "production")
		if c.deaf {
			w.rights = w.rights[:2]
		}
		id := providers.ID("legacy_" + productionRef)
		why, err := kind.(providers.Blocker).Blocked(t.Context(), id)
		if err != nil || !strings.Contains(why, c.says) || (why == "") != (c.says == "") {
			t.Errorf("%s: %q, %v", name, why, err)
		}
		err = kind.(providers.Ender).End(t.Context(), id)
		if c.says == "" {
			if err != nil || w.legacy[productionRef] {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !w.legacy[productionRef] {
			t.Errorf("%s: switched off", name)
			continue
		}
		says(t, failed(t, w, err, fault.Ask, fault.ChangedByOther), c.says, "left on")
	}
	w := newWorld(t)
	for _, id := range []providers.ID{providers.ID(w.production.ID), "legacy_zzzzzzzzzzzzzzzzzzzz"} {
		if why, err := w.kind(t).(providers.Blocker).Blocked(t.Context(), id); why != "" || err != nil {
			t.Errorf("%s: %q, %v", id, why, err)
		}
	}
	failed(t, w, w.kind(t).(providers.Ender).End(t.Context(), "legacy_zzzzzzzzzzzzzzzzzzzz"), fault.Never, fault.Invalid)
}

// TestLegacySwitchThatDoesNotTurn: an answer that does not say so is a lost one.
func TestLegacySwitchThatDoesNotTurn(t *testing.T) {
	w := newWorld(t)
	w.uses = []use{old(productionRef)}
	kind := w.legacyKind(t, "production")
	w.override = func(out http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			answer(out, http.StatusOK, map[string]any{"enabled": true})
		}
		return r.Method == http.MethodPut
	}
	failed(t, w, kind.(providers.Ender).End(t.Context(), "legacy_"+productionRef), fault.Lost, fault.Garbled)
}

// TestLegacyLastUsed: the logs know a legacy key by its role; what we asked
// ourselves is no use of it, and so with secret keys.
func TestLegacyLastUsed(t *testing.T) {
	w := newWorld(t)
	at := time.Now().UTC().Truncate(time.Second).Add(-2 * time.Hour)
	w.uses = []use{{ref: productionRef, role: "anon", at: at.Add(time.Hour)}, {ref: productionRef, role: "service_role", at: at},
		{ref: productionRef, role: "service_role", at: at.Add(time.Minute), agent: "rekey"},
		{ref: stagingRef, prefix: w.staging.Prefix, at: at}, {ref: stagingRef, prefix: w.staging.Prefix, at: at.Add(time.Minute), agent: "rekey"}}
	kind := w.legacyKind(t, "production")
	for _, id := range []string{"legacy_" + productionRef, w.staging.ID} {
		if got := lastUsed(t, kind, id, at.Add(-time.Hour)); !got.Equal(at) {
			t.Errorf("%s: %v, want %v", id, got, at)
		}
	}
}
