package r2_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	"rekey/providers/providertest"
	"rekey/providers/r2"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Subject{Profiles: r2.Profiles(), Open: func(t testing.TB) providertest.World {
		w := newWorld(t)
		id, hash := secret.New(w.production.id), secret.New(w.production.hashed())
		return providertest.World{
			Provider: w.provider(t), Current: w.current(), Secrets: w.issued, Faults: w.faults,
			Unknown: providers.Values{"R2_ACCESS_KEY_ID": secret.New(strings.Repeat("0a", 16)), "R2_SECRET_ACCESS_KEY": secret.New(strings.Repeat("0b", 32))},
			Malformed: []providers.Values{
				{"R2_ACCESS_KEY_ID": id, "R2_SECRET_ACCESS_KEY": secret.New(w.production.value)},
				{"R2_ACCESS_KEY_ID": id, "R2_SECRET_ACCESS_KEY": secret.New(w.production.hashed() + "\n")},
				{"R2_ACCESS_KEY_ID": id, "R2_SECRET_ACCESS_KEY": secret.New(strings.ToUpper(w.production.hashed()))},
				{"R2_ACCESS_KEY_ID": hash, "R2_SECRET_ACCESS_KEY": id},
				{"R2_ACCESS_KEY_ID": id}, {"R2_SECRET_ACCESS_KEY": hash},
				{"R2_ACCESS_KEY_ID": id, "R2_SECRET_ACCESS_KEY": hash, "OTHER": hash},
				{},
			},
		}
	}})
}

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
	for name, c := range map[string]struct {
		change func(*r2.Config)
		fails  bool
	}{
		"defaults":                {func(*r2.Config) {}, false},
		"no admin token":          {func(c *r2.Config) { c.AdminToken = nil }, true},
		"an account's name":       {func(c *r2.Config) { c.Account = "acme" }, true},
		"another jurisdiction":    {func(c *r2.Config) { c.Jurisdiction = "eu" }, false},
		"an unknown jurisdiction": {func(c *r2.Config) { c.Jurisdiction = "mars" }, true},
		"no buckets":              {func(c *r2.Config) { c.Buckets = nil }, true},
		"none for staging":        {func(c *r2.Config) { c.Buckets["staging"] = nil }, true},
		"no bucket's name":        {func(c *r2.Config) { c.Buckets["staging"] = []string{"Media/x"} }, true},
		"http beyond loopback":    {func(c *r2.Config) { c.BaseURL = "http://api.cloudflare.com/client/v4" }, true},
		"endpoint over http":      {func(c *r2.Config) { c.Endpoint = "http://r2.example.com" }, true},
		"the names of AWS":        {func(c *r2.Config) { c.Variables = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} }, false},
		"half a pair":             {func(c *r2.Config) { c.Variables = []string{"R2_ACCESS_KEY_ID"} }, true},
		"a name that says nothing": {func(c *r2.Config) {
			c.Variables = []string{"R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_KEY"}
		}, true},
		"a name twice":            {func(c *r2.Config) { c.Variables = []string{"A_ID", "A_ID", "A_SECRET"} }, true},
		"no probing after an end": {func(c *r2.Config) { c.Waits = providers.Waits{Settle: 1} }, true},
	} {
		config := r2.Config{Account: account, AdminToken: fixed(""), Buckets: map[string][]string{"staging": {stagingName}, "production": {productName}}}
		c.change(&config)
		if _, err := r2.New(config); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWaitsComeFromTheConfiguration(t *testing.T) {
	w := newWorld(t)
	if diff := cmp.Diff(r2.DefaultWaits(), w.kind(t).Traits().Waits); diff != "" {
		t.Errorf("defaults: %s", diff)
	}
	own := providers.Waits{Settle: 1, Hold: 0, ProbeEvery: 2, ProbeFor: 3}
	if diff := cmp.Diff(own, w.kind(t, func(c *r2.Config) { c.Waits = own }).Traits().Waits); diff != "" {
		t.Errorf("own: %s", diff)
	}
}

// TestSurveyAsks: an old key that is not certain, or buckets that are not as
// declared, stop before anything begins. Nothing is written.
func TestSurveyAsks(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(w *world, c *r2.Config)
		reason  fault.Reason
		says    string
	}{
		"deleted":                  {func(w *world, _ *r2.Config) { w.tokens = w.tokens[:len(w.tokens)-1] }, fault.NotFound, "found in public"}, // trap 12
		"switched off":             {func(w *world, _ *r2.Config) { w.production.status = "disabled" }, fault.Ambiguous, "is disabled"},
		"expired":                  {func(w *world, _ *r2.Config) { w.production.status = "expired" }, fault.Ambiguous, "is expired"},
		"its own admin token":      {func(w *world, c *r2.Config) { c.AdminToken = fixed(w.production.value); w.admin = w.production }, fault.Managed, "one of its own"}, // trap 8
		"a person's admin token":   {func(_ *world, c *r2.Config) { c.AdminToken = fixed("cfut_" + strings.Repeat("a", 48)) }, fault.Unsupported, "a person's"},
		"admin token without it":   {func(w *world, c *r2.Config) { c.AdminToken = fixed(w.staging.value) }, fault.Forbidden, "listing tokens"},
		"admin token unknown":      {func(_ *world, c *r2.Config) { c.AdminToken = fixed("cfat_" + strings.Repeat("a", 48)) }, fault.Unauthorized, "verifying the admin token"},
		"admin token switched off": {func(w *world, _ *r2.Config) { w.admin.status = "disabled" }, fault.Unauthorized, "not active"},
		"no such bucket":           {func(_ *world, c *r2.Config) { c.Buckets["production"] = []string{"medai"} }, fault.NotFound, "no bucket medai"},
		"another jurisdiction":     {func(_ *world, c *r2.Config) { c.Jurisdiction = "eu" }, fault.NotFound, "jurisdiction eu"},
		"a bucket not granted":     {func(_ *world, c *r2.Config) { c.Buckets["production"] = []string{productName, "backups"} }, fault.Ambiguous, "grants nothing on bucket backups"},
		"a wrong bucket string": {func(w *world, _ *r2.Config) { // trap 2: accepted silently
			w.production.policies = grant([]string{readGroup}, "medai")
		}, fault.Ambiguous, "its policies name " + bucketPrefix + "medai"},
		"no policies shown":    {func(w *world, _ *r2.Config) { w.production.policies = nil }, fault.Ambiguous, "does not show what token"},
		"no bucket configured": {func(_ *world, c *r2.Config) { delete(c.Buckets, "production") }, fault.Ambiguous, "no bucket of production"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			current := w.current()
			p := w.provider(t, func(own *r2.Config) { c.arrange(&w, own) })
			_, err := p.Survey(t.Context(), current)
			failed(t, w, err, fault.Ask, c.reason, c.says)
			for _, call := range w.asked() {
				if !strings.HasPrefix(call, "GET ") {
					t.Errorf("the survey wrote: %s", call)
				}
			}
		})
	}
}

// TestRawValueInTheVault (trap 1): the value of a token is no secret access
// key, and says so; the pair that is issued holds its SHA-256.
func TestRawValueInTheVault(t *testing.T) {
	w := newWorld(t)
	current := w.current()
	current["staging"]["R2_SECRET_ACCESS_KEY"] = secret.New(w.staging.value)
	_, err := w.provider(t).Survey(t.Context(), current)
	failed(t, w, err, fault.Ask, fault.Ambiguous, "staging: R2_SECRET_ACCESS_KEY", "SHA-256")
	c := issue(t, w.kind(t), "staging")
	made := w.tokens[len(w.tokens)-1]
	if string(c.ID) != made.id || !c.Values["R2_ACCESS_KEY_ID"].Equal(secret.New(made.id)) || !c.Values["R2_SECRET_ACCESS_KEY"].Equal(secret.New(made.hashed())) || len(c.Values) != 2 {
		t.Error("the pair is not the token's id and the hash of its value")
	}
}

// TestMixedPair (trap 7): halves of two keys are told from a dead key.
func TestMixedPair(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	current := w.current()
	current["staging"]["R2_SECRET_ACCESS_KEY"] = secret.New(w.production.hashed())
	_, err := w.provider(t).Survey(t.Context(), current)
	failed(t, w, err, fault.Ask, fault.Ambiguous, "do not belong together")
	if found := probe(t, kind, current["staging"]); found.Liveness != providers.Unclear || !strings.Contains(found.Answer, "secret is not its") {
		t.Errorf("a mixed pair is %+v", found)
	}
}

// TestKeyOfAPerson: a key that works and that the account does not list.
func TestKeyOfAPerson(t *testing.T) {
	w := newWorld(t)
	kept := w.production
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/client/v4"+tokensPath {
			return false
		}
		var all []any
		for _, token := range w.tokens {
			if token != kept {
				all = append(all, token.shown())
			}
		}
		result(rw, all, object{"total_count": len(all)})
		return true
	}
	_, err := w.provider(t).Survey(t.Context(), w.current())
	failed(t, w, err, fault.Ask, fault.Unsupported, "belongs to a person", "by hand")
}

// TestSuccessorMayDoTheSame: policies and condition are copied without what
// only the service sets, the life is as long, and nothing else is asked for.
func TestSuccessorMayDoTheSame(t *testing.T) {
	w := newWorld(t)
	w.production.expires, w.production.notBefore = w.production.issued.Add(100*24*time.Hour).Format(time.RFC3339), "2026-08-01T00:00:00Z"
	before := time.Now().Add(-time.Second)
	c := issue(t, w.kind(t), "production")
	body := w.bodies[len(w.bodies)-1]
	if made := w.tokens[len(w.tokens)-1]; !made.grants(productName, readGroup) || !made.grants(productName, writeGroup) || made.grants(stagingName, readGroup) {
		t.Error("the new token does not grant what the old one grants")
	}
	if diff := cmp.Diff(w.production.condition, body["condition"]); diff != "" {
		t.Error(diff)
	}
	if body["not_before"] != nil || body["status"] != nil || strings.Contains(fmt.Sprint(body["policies"]), "Workers R2") {
		t.Errorf("asked for %v", body)
	}
	if lives := c.Expires.Sub(before); lives < 100*24*time.Hour || lives > 100*24*time.Hour+time.Minute { // trap 11
		t.Errorf("it lives for %v", lives)
	}
}

// TestGrantsAreCompared (trap 2): a token whose answer grants something else is
// never handed on.
func TestGrantsAreCompared(t *testing.T) {
	for name, spoil := range map[string]func(object){
		"a bucket lost": func(o object) { o["policies"] = grant([]string{readGroup, writeGroup}, "medai") },
		"a right lost":  func(o object) { o["policies"] = grant([]string{readGroup}, productName) },
		"open to all":   func(o object) { delete(o, "condition") },
	} {
		w := newWorld(t)
		kind := w.kind(t)
		w.override = func(rw http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost {
				return false
			}
			body, policies, _ := w.taken(r)
			made := w.makeLocked(text(body, "name"), policies, func(t *fakeToken) { t.condition = body["condition"] })
			shown := made.shown()
			shown["value"] = made.value
			spoil(shown)
			result(rw, shown, nil)
			return true
		}
		_, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "label")
		failed(t, w, err, fault.Ask, fault.Ambiguous, "does not grant what")
		_ = name
	}
}

// TestCreatedButUnusable: the token exists and its value is gone.
func TestCreatedButUnusable(t *testing.T) {
	for name, body := range map[string]string{
		"HTML": "<html>", "no success": `{"success":false,"errors":[],"messages":[],"result":null}`, "no result": `{"success":true}`,
		"no value": `{"success":true,"result":{"id":"` + strings.Repeat("ab", 16) + `"}}`,
		"no id":    `{"success":true,"result":{"value":"cfat_` + strings.Repeat("q", 48) + `"}}`,
	} {
		w := newWorld(t)
		kind := w.kind(t)
		w.override = func(rw http.ResponseWriter, _ *http.Request) bool { _, _ = io.WriteString(rw, body); return true }
		_, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "label")
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		failed(t, w, err, fault.Lost, fault.Garbled)
	}
}

// TestLabels (trap 10): names have 120 characters at most.
func TestLabels(t *testing.T) {
	w := newWorld(t)
	issuer := w.kind(t).(providers.PlacedIssuer)
	w.asked()
	for _, label := range []string{"", strings.Repeat("ä", 121)} {
		_, err := issuer.IssueIn(t.Context(), "staging", label)
		failed(t, w, err, fault.Never, fault.Invalid)
	}
	_, err := issuer.IssueIn(t.Context(), "nowhere", "label")
	failed(t, w, err, fault.Ask, fault.NotFound)
	if calls := w.asked(); len(calls) > 0 {
		t.Errorf("asked %v", calls)
	}
}

// TestWholeLife (traps 3 and 4): no call rolls a token, none goes to the path
// for people's tokens, and each write is sent once.
func TestWholeLife(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	c := issue(t, kind, "staging")
	if found := probe(t, kind, c.Values); found.Liveness != providers.Alive {
		t.Errorf("the new one is %+v", found)
	}
	old := providers.ID(w.staging.id)
	for _, do := range []func() error{
		func() error { return kind.(providers.Disabler).Disable(t.Context(), old) },
		func() error { return kind.(providers.Disabler).Enable(t.Context(), old) },
		func() error { return kind.(providers.Disabler).Disable(t.Context(), old) },
		func() error { return kind.(providers.Ender).End(t.Context(), old) },
	} {
		if err := do(); err != nil {
			t.Error(err)
		}
	}
	calls := w.asked()
	writes := slices.DeleteFunc(slices.Clone(calls), func(call string) bool { return strings.HasPrefix(call, "GET ") })
	if len(writes) != 5 {
		t.Errorf("wrote %v", writes)
	}
	for _, call := range calls {
		if strings.HasSuffix(call, "/value") || strings.Contains(call, "/user/") {
			t.Errorf("asked for %s", call)
		}
	}
}

// TestChangeKeepsTheToken (trap 5): a change of state replaces the whole token
// and loses nothing of it.
func TestChangeKeepsTheToken(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.production.expires, w.production.notBefore = "2027-08-01T00:00:00Z", "2026-08-01T00:00:00Z"
	before := w.production.shown()
	id := providers.ID(w.production.id)
	if err := kind.(providers.Disabler).Disable(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if w.production.status != "disabled" || probe(t, kind, w.production.values()).Liveness != providers.Refused {
		t.Error("it is not switched off")
	}
	if err := kind.(providers.Disabler).Enable(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for _, p := range before["policies"].([]any) { // names are shown, and not sent
		for _, g := range p.(object)["permission_groups"].([]any) {
			delete(g.(object), "name")
		}
	}
	if diff := cmp.Diff(before, w.production.shown()); diff != "" {
		t.Error(diff)
	}
}

// TestChangeThatLoses: an answer that shows another token than before is not
// taken for done.
func TestChangeThatLoses(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		w.production.status, w.production.condition = "disabled", nil
		result(rw, w.production.shown(), nil)
		return true
	}
	failed(t, w, kind.(providers.Disabler).Disable(t.Context(), providers.ID(w.production.id)), fault.Lost, fault.Garbled)
}

// TestNeverItself (trap 8): the admin token is neither listed nor ended.
func TestNeverItself(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	own := providers.ID(w.admin.id)
	all, err := kind.(providers.Lister).List(t.Context())
	if err != nil || slices.ContainsFunc(all, func(c providers.Credential) bool { return c.ID == own }) {
		t.Errorf("it is listed: %v, %v", all, err)
	}
	w.asked()
	for _, err := range []error{
		kind.(providers.Ender).End(t.Context(), own), kind.(providers.Disabler).Disable(t.Context(), own), kind.(providers.Disabler).Enable(t.Context(), own),
		kind.(providers.Ender).End(t.Context(), "../"+own),
	} {
		failed(t, w, err, fault.Never, fault.Invalid)
	}
	if calls := w.asked(); len(calls) > 0 {
		t.Errorf("asked %v", calls)
	}
}

// TestListIsWhole: absence is concluded from all pages only.
func TestListIsWhole(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	all, err := kind.(providers.Lister).List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range all {
		names = append(names, c.Label)
	}
	if diff := cmp.Diff([]string{"somebody's", "shop", "shop"}, names); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]struct {
		body  string
		class fault.Class
	}{
		"no number":  {`{"success":true,"result":[]}`, fault.Ask},
		"no state":   {`{"success":true,"result":[{"id":"x"}],"result_info":{"total_count":1}}`, fault.Ask},
		"a part":     {`{"success":true,"result":[],"result_info":{"total_count":7}}`, fault.Again},
		"for ever":   {`{"success":true,"result":[{"id":"x","status":"active"}],"result_info":{"total_count":7}}`, fault.Ask},
		"no success": {`{"success":false,"result":[],"result_info":{"total_count":0}}`, fault.Ask},
	} {
		w.override = func(rw http.ResponseWriter, _ *http.Request) bool { _, _ = io.WriteString(rw, c.body); return true }
		if _, err := kind.(providers.Lister).List(t.Context()); err == nil || fault.Of(err).Class != c.class {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSettling: a token that R2 or Cloudflare does not know yet is not called
// alive, and is after a while.
func TestSettling(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	c := issue(t, kind, "staging")
	verifying := 1
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/tokens/verify") && verifying > 0 {
			verifying--
			refuse(rw, http.StatusUnauthorized)
			return true
		}
		return false
	}
	w.late = 1
	if found := probe(t, kind, c.Values); found.Liveness == providers.Alive {
		t.Errorf("before R2 knows it: %+v", found)
	}
	if found := probe(t, kind, c.Values); found.Liveness != providers.Unclear || !strings.Contains(found.Answer, "not verified") {
		t.Errorf("before it is verified: %+v", found)
	}
	if found := probe(t, kind, c.Values); found.Liveness != providers.Alive {
		t.Errorf("after a while: %+v", found)
	}
	w.asked()
	probe(t, kind, c.Values)
	if calls := w.asked(); len(calls) != 1 {
		t.Errorf("verified once is enough: %v", calls)
	}
}

// TestVerifiedAsAnother: a value that is another token's proves nothing.
func TestVerifiedAsAnother(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	c := issue(t, kind, "staging")
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tokens/verify") {
			return false
		}
		result(rw, object{"id": w.production.id, "status": "active"}, nil)
		return true
	}
	if found := probe(t, kind, c.Values); found.Liveness != providers.Unclear {
		t.Errorf("found %+v", found)
	}
}

// TestWriteOnly: a key that may not list is believed when its predecessor was
// answered the same and the token is verified; one that only lost the right is
// not.
func TestWriteOnly(t *testing.T) {
	w := newWorld(t)
	w.staging.policies = grant([]string{writeGroup}, stagingName)
	kind := w.kind(t)
	c := issue(t, kind, "staging")
	if found := probe(t, kind, c.Values); found.Liveness != providers.Alive || found.Answer != "403" {
		t.Errorf("write only: %+v", found)
	}
	w.production.policies = grant([]string{writeGroup}, productName)
	if found := probe(t, kind, w.production.values()); found.Liveness != providers.Unclear || !strings.Contains(found.Answer, "not granted") {
		t.Errorf("a right lost since: %+v", found)
	}
}

// TestDenialIsNoDeath: of a key nothing is known about, such as the old one
// after a restart, a denial says that it lives.
func TestDenialIsNoDeath(t *testing.T) {
	w := newWorld(t)
	stranger := w.make("another", grant([]string{readGroup}, "backups"))
	kind := w.kind(t)
	if found := probe(t, kind, stranger.values()); found.Liveness != providers.Alive {
		t.Errorf("a living stranger: %+v", found)
	}
	stranger.status = "disabled"
	if found := probe(t, kind, stranger.values()); found.Liveness != providers.Refused || found.Answer != "401" {
		t.Errorf("a stranger switched off: %+v", found)
	}
}

// TestAnswersOfOthers: only R2's own words count.
func TestAnswersOfOthers(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	for body, status := range map[string]int{
		"<html>Sign in</html>":                               200,
		`{"error":"unauthorized"}`:                           401,
		"<Error><Code>Unauthorized</Code></Error>":           403,
		"<Error><Code>AccessDenied</Code></Error>":           401,
		"<Error><Code>Teapot</Code></Error>":                 401,
		"<Error><Code>NoSuchBucket</Code></Error>":           404,
		"<Error><Code>InternalError</Code></Error>":          500,
		"<Error><Code>Unauthorized</Code><Message>not whole": 401,
	} {
		w.override = func(rw http.ResponseWriter, _ *http.Request) bool {
			rw.WriteHeader(status)
			_, _ = io.WriteString(rw, body)
			return true
		}
		if found := probe(t, kind, w.production.values()); found.Liveness != providers.Unclear || strings.Contains(found.Answer, "<") {
			t.Errorf("%d %s: %+v", status, body, found)
		}
	}
}

// TestEveryBucketIsAsked: a key for two buckets lives when both say so.
func TestEveryBucketIsAsked(t *testing.T) {
	w := newWorld(t)
	w.production.policies = grant([]string{readGroup}, productName, "backups")
	kind := w.kind(t, func(c *r2.Config) { c.Buckets["production"] = []string{productName, "backups"} })
	w.asked()
	if found := probe(t, kind, w.production.values()); found.Liveness != providers.Alive || len(w.asked()) != 2 {
		t.Errorf("found %+v", found)
	}
	w.production.policies = grant([]string{readGroup}, productName)
	if found := probe(t, kind, w.production.values()); found.Liveness != providers.Unclear {
		t.Errorf("with one bucket lost: %+v", found)
	}
}

// TestShared: one key for both environments is asked about with the buckets of
// both, and its successor too.
func TestShared(t *testing.T) {
	w := newWorld(t)
	w.production.policies = grant([]string{readGroup}, productName, stagingName)
	w.staging = w.production
	kind := w.kind(t)
	c := issue(t, kind, "staging")
	probe(t, kind, c.Values)
	w.asked()
	if found := probe(t, kind, c.Values); found.Liveness != providers.Alive || len(w.asked()) != 2 {
		t.Errorf("found %+v", found)
	}
}

// TestSignature (trap 13): the request bears what Signature Version 4 asks for
// and none of the checksums that newer S3 libraries add.
func TestSignature(t *testing.T) {
	w := newWorld(t)
	w.kind(t)
	if len(w.signed) == 0 {
		t.Fatal("nothing was signed")
	}
	scope := regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[0-9a-f]{32}/\d{8}/auto/s3/aws4_request, SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}$`)
	for _, h := range w.signed {
		if !scope.MatchString(h.Get("Authorization")) || h.Get("X-Amz-Content-Sha256") == "" {
			t.Errorf("signed with %q", h.Get("X-Amz-Content-Sha256"))
		}
		for name := range h {
			if strings.Contains(strings.ToLower(name), "checksum") {
				t.Errorf("it bears %s", name)
			}
		}
	}
}

// TestDrainIsTold (traps 6 and 9): people hear what still hangs on the old key,
// and nothing claims to know who else used it.
func TestDrainIsTold(t *testing.T) {
	traits := newWorld(t).kind(t).Traits()
	if !strings.Contains(traits.Drain, "presigned") || traits.Waits.Hold != 7*24*time.Hour {
		t.Errorf("traits are %+v", traits)
	}
	if _, claims := newWorld(t).kind(t).(providers.Usage); claims {
		t.Error("whether requests for objects count as use is not documented")
	}
}

func TestSignatures(t *testing.T) {
	signatures := newWorld(t).kind(t).Traits().Signatures
	hit := func(line string) bool {
		return slices.ContainsFunc(signatures, func(s string) bool { return regexp.MustCompile(s).MatchString(line) })
	}
	for line, want := range map[string]bool{
		"operation error S3: ListObjectsV2, https response error StatusCode: 401, RequestID: , HostID: , api error Unauthorized: Unauthorized": true,
		"r2: 403 Forbidden: SignatureDoesNotMatch":                                                     true,
		"GET https://x.r2.cloudflarestorage.com/media/a.png 401 Unauthorized":                          true,
		"SignatureDoesNotMatch from https://x.r2.cloudflarestorage.com":                                true,
		"operation error S3: PutObject, https response error StatusCode: 500, api error InternalError": false,
		"s3 backup: SignatureDoesNotMatch at s3.amazonaws.com":                                         false,
		"r2: 404 Not Found: NoSuchKey":                                                                 false,
		"GET /r2/avatar.png 200":                                                                       false,
	} {
		if hit(line) != want {
			t.Errorf("%q: hit %t", line, !want)
		}
	}
}

func TestAdminTokenIsReadAtEachUse(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, func(c *r2.Config) {
		c.AdminToken = func(context.Context) (secret.Value, error) { return secret.New(w.admin.value), nil }
	})
	w.admin = w.make("its successor", []any{})
	w.tokens = slices.DeleteFunc(w.tokens, func(t *fakeToken) bool { return t.name == "rotation-bot" })
	if _, err := kind.(providers.Lister).List(t.Context()); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		value  string
		err    error
		class  fault.Class
		reason fault.Reason
	}{
		"no file":       {"", errors.New("no such file"), fault.Ask, fault.Unexplained},
		"vault is away": {"", &fault.Error{Op: "reading", Class: fault.Again, Reason: fault.TimedOut}, fault.Again, fault.TimedOut},
		"no token":      {"hello", nil, fault.Ask, fault.Ambiguous},
	} {
		p := w.provider(t, func(conf *r2.Config) {
			conf.AdminToken = func(context.Context) (secret.Value, error) { return secret.New(c.value), c.err }
		})
		_, err := p.Survey(t.Context(), w.current())
		if err == nil {
			t.Fatal(name)
		}
		failed(t, w, err, c.class, c.reason)
	}
}
