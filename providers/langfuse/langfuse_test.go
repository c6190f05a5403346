package langfuse_test

import (
	"encoding/base64"
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
	"rekey/providers/langfuse"
	"rekey/providers/providertest"
)

// strange has the form of a secret key, and nobody issued it.
const strange = "sk-lf-deadbeef-2222-4222-8222-222222222222"

func subject(plan bool, change ...func(*langfuse.Config)) providertest.Subject {
	return providertest.Subject{Profiles: langfuse.Profiles(), Open: func(t testing.TB) providertest.World {
		w := newWorld(t)
		w.plan = plan
		return providertest.World{
			Provider: w.provider(t, change...), Current: w.current(), Secrets: w.issued, Faults: w.faults,
			Unknown: halves("pk-lf-deadbeef-3333-4333-8333-333333333333", strange),
			Malformed: []providers.Values{
				halves("hello", w.staging.secret), halves(w.staging.Public, "hello"), {}, halves(w.staging.secret, w.staging.Public),
				{"LANGFUSE_SECRET_KEY": secret.New(w.staging.secret)}, {"OTHER_SECRET_KEY": secret.New(w.staging.secret)},
			},
			ByHand: func(env, label string) providers.Values { return w.make(label, projectOf(env)).values() },
		}
	}}
}

func TestConformance(t *testing.T) { providertest.Run(t, subject(true)) }

func TestConformanceByHand(t *testing.T) { providertest.Run(t, subject(true, byHand)) }

// TestConformanceWithoutTheAPI: what a plan without the API leaves.
func TestConformanceWithoutTheAPI(t *testing.T) { providertest.Run(t, subject(false, byHand)) }

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
		change func(*langfuse.Config)
		fails  bool
	}{
		"defaults":                {func(*langfuse.Config) {}, false},
		"a prefix of a path":      {func(c *langfuse.Config) { c.BaseURL = "https://traces.example.com/langfuse" }, false},
		"no admin key":            {func(c *langfuse.Config) { c.AdminKey = nil }, true},
		"http beyond loopback":    {func(c *langfuse.Config) { c.BaseURL = "http://cloud.langfuse.com" }, true},
		"a site by http":          {func(c *langfuse.Config) { c.Sites = map[string]langfuse.Site{"staging": {BaseURL: "http://x.test"}} }, true},
		"a project's name":        {func(c *langfuse.Config) { c.Projects = map[string]string{"staging": "Our shop"} }, true},
		"a project's id":          {func(c *langfuse.Config) { c.Projects = map[string]string{"staging": stagingProject} }, false},
		"no probing after an end": {func(c *langfuse.Config) { c.Waits = providers.Waits{Settle: 1} }, true},
		"negative first probe":    {func(c *langfuse.Config) { c.Waits = providers.Waits{ProbeFirst: -1, ProbeEvery: 1, ProbeFor: 1} }, true},
		"negative expiry":         {func(c *langfuse.Config) { c.MinExpiry = -1 }, true},
		"the secret half alone":   {func(c *langfuse.Config) { c.Variables = []string{"LANGFUSE_SECRET_KEY"} }, true},
		"a half twice":            {func(c *langfuse.Config) { c.Variables = []string{"A_SECRET_KEY", "A_PUBLIC_KEY", "A_PUBLIC_KEY"} }, true},
		"neither half":            {func(c *langfuse.Config) { c.Variables = []string{"A_SECRET_KEY", "A_PUBLIC_KEY", "LANGFUSE_HOST"} }, true},
	} {
		config := langfuse.Config{AdminKey: fixed(adminKey)}
		c.change(&config)
		if _, err := langfuse.New(config); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSurveyAsks: what is not certain stops before anything begins.
func TestSurveyAsks(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(w *world, c *langfuse.Config)
		reason  fault.Reason
		says    string
	}{
		"deleted": {func(w *world, _ *langfuse.Config) {
			w.keys = slices.DeleteFunc(w.keys, func(k *fakeKey) bool { return k == w.production })
		}, fault.NotFound, "LANGFUSE_HOST"},
		"another project":      {func(_ *world, c *langfuse.Config) { c.Projects = map[string]string{"production": stagingProject} }, fault.Ambiguous, "the configuration names"},
		"another organisation": {func(w *world, _ *langfuse.Config) { w.foreign = []string{productionProject} }, fault.NotFound, "not among those of the organisation"},
		"its own admin key": {func(w *world, c *langfuse.Config) {
			c.AdminKey = fixed(w.production.Public + ":" + w.production.secret)
		}, fault.Managed, "a key of its project"},
		"an admin key of a project": {func(w *world, c *langfuse.Config) {
			k := w.make("ci", stagingProject)
			c.AdminKey = fixed(k.Public + ":" + k.secret)
		}, fault.Forbidden, "must be an organisation's"},
		"half an admin key":     {func(_ *world, c *langfuse.Config) { c.AdminKey = fixed("sk-lf-0123456789abcdef") }, fault.Ambiguous, "pk-lf-…:sk-lf-…"},
		"a refused admin key":   {func(_ *world, c *langfuse.Config) { c.AdminKey = fixed("pk-lf-dead-beef:" + strange) }, fault.Unauthorized, "another region"},
		"narrower permissions":  {func(w *world, _ *langfuse.Config) { w.production.narrow = true }, fault.Unsupported, "narrower permissions"},
		"a list that is broken": {func(w *world, _ *langfuse.Config) { w.production.Display = ""; w.production.ID = "" }, fault.Garbled, "no id"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			own := langfuse.Config{AdminKey: fixed(adminKey)}
			c.arrange(&w, &own)
			_, err := w.provider(t, func(c *langfuse.Config) { c.Projects, c.AdminKey = own.Projects, own.AdminKey }).Survey(t.Context(), w.current())
			failed(t, w, err, fault.Ask, c.reason)
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
			if slices.ContainsFunc(w.calls, func(call string) bool { return !strings.HasPrefix(call, "GET ") }) {
				t.Errorf("something was written: %v", w.calls)
			}
		})
	}
}

// TestBothHalvesMove (trap 1): a key is issued with a value for every
// variable, the public ones as well.
func TestBothHalvesMove(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	c, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_1")
	if err != nil {
		t.Fatal(err)
	}
	row := w.keys[len(w.keys)-1]
	if string(c.ID) != row.Public || !c.Values["LANGFUSE_PUBLIC_KEY"].Equal(secret.New(row.Public)) || !c.Values["LANGFUSE_SECRET_KEY"].Equal(secret.New(row.secret)) {
		t.Error("what was issued is not the pair of the service")
	}
	if row.project != productionProject || *row.Note != "rk_1" {
		t.Errorf("made in %s with note %s", row.project, *row.Note)
	}
	if _, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "preview", "rk_1"); err == nil {
		t.Error("issued for an environment that was not looked at")
	}
}

// TestCreatedEitherWay (trap 2): the server answers 201, its document says 200.
func TestCreatedEitherWay(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusCreated} {
		w := newWorld(t)
		w.created = status
		c, err := w.kind(t).(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_1")
		if err != nil || c.ID == "" || c.Made.IsZero() {
			t.Errorf("%d: %+v, %v", status, c, err)
		}
	}
}

// TestCreatedAndNotWhole: a key exists whose secret is gone.
func TestCreatedAndNotWhole(t *testing.T) {
	for name, body := range map[string]string{
		"no secret":       `{"id":"k1","publicKey":"pk-lf-dead-beef","displaySecretKey":"sk-lf-...2222"}`,
		"another display": `{"id":"k1","publicKey":"pk-lf-dead-beef","secretKey":"` + strange + `","displaySecretKey":"sk-lf-...0000"}`,
		"no id":           `{"publicKey":"pk-lf-dead-beef","secretKey":"` + strange + `","displaySecretKey":"sk-lf-...2222"}`,
	} {
		w := newWorld(t)
		kind := w.kind(t)
		w.override = func(rw http.ResponseWriter, _ *http.Request) bool {
			rw.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(rw, body)
			return true
		}
		_, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_1")
		if f := fault.Of(err); err == nil || f.Class != fault.Lost || f.Reason != fault.Garbled {
			t.Errorf("%s: %v", name, err)
		}
		secrettest.NoLeak(t, append(w.issued(), secret.New(strange)), err)
	}
}

// TestNothingIsAskedBeforeItExists (trap 3): a pair is not sent to the service
// before it is known to exist there, because the service would remember that
// it does not; and one that was refused is left alone for longer than that.
func TestNothingIsAskedBeforeItExists(t *testing.T) {
	w := newWorld(t)
	guide := w.kind(t, byHand).(providers.Guide)
	const public = "pk-lf-deadbeef-3333-4333-8333-333333333333"
	e := providers.Errand{Environment: "staging", Label: "rk_1", Asked: time.Now().Add(-time.Minute), Seen: time.Now()}
	w.calls = nil
	found, err := guide.Inspect(t.Context(), e, halves(public, strange))
	if err != nil || !found.Wait {
		t.Errorf("a pair that may be listed late: %+v, %v", found, err)
	}
	if slices.Contains(w.calls, "GET /api/public/projects") {
		t.Errorf("it was tried: %v", w.calls)
	}
	k := w.make("rk_1", stagingProject, func(k *fakeKey) { k.Public, k.secret = public, strange })
	w.memory[strange] = lookup{nil, time.Now().Add(remembered)} // somebody else asked too early
	if found, err := guide.Inspect(t.Context(), e, k.values()); err != nil || found.Wrong == "" {
		t.Errorf("a pair that is refused: %+v, %v", found, err)
	}
	w.calls = nil
	if found, err := guide.Inspect(t.Context(), e, k.values()); err != nil || !found.Wait {
		t.Errorf("asked again at once: %+v, %v", found, err)
	}
	if slices.Contains(w.calls, "GET /api/public/projects") {
		t.Errorf("the refusal was renewed: %v", w.calls)
	}
}

// TestDeletedByPublicKey (trap 4): the row is looked up each time by the
// public key, whatever its place in the list or its note, and nothing else is
// deleted.
func TestDeletedByPublicKey(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	note := "rk_old"
	w.production.Note = &note
	slices.Reverse(w.keys)
	before := len(w.keys)
	for range 2 {
		if err := kind.(providers.Ender).End(t.Context(), providers.ID(w.production.Public)); err != nil {
			t.Error(err)
		}
	}
	if len(w.keys) != before-1 || slices.Contains(w.keys, w.production) {
		t.Errorf("%d of %d keys are left", len(w.keys), before)
	}
	for _, id := range []providers.ID{"", "shop", providers.ID(w.staging.ID)} {
		failed(t, w, kind.(providers.Ender).End(t.Context(), id), fault.Never, fault.Invalid)
	}
	if len(w.keys) != before-1 {
		t.Error("something else was deleted")
	}
}

// TestDeletedAndNotSaid: an answer that does not say so is none.
func TestDeletedAndNotSaid(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodDelete {
			answer(rw, http.StatusOK, map[string]bool{"success": false})
		}
		return r.Method == http.MethodDelete
	}
	failed(t, w, kind.(providers.Ender).End(t.Context(), providers.ID(w.staging.Public)), fault.Lost, fault.Garbled)
}

// TestProbe: only the service's own word refuses a pair. 403 comes to living
// keys of another kind (trap 5).
func TestProbe(t *testing.T) {
	project := `{"data":[{"id":"` + stagingProject + `","name":"shop"}]}`
	for name, c := range map[string]struct {
		status int
		body   string
		want   providers.Liveness
	}{
		"200":                    {200, project, providers.Alive},
		"its own 401":            {401, `{"message":"` + wrongPair + `"}`, providers.Refused},
		"its other 401":          {401, `{"error":"Invalid public key: pk-lf-1"}`, providers.Refused},
		"a gateway's 401":        {401, `<html>`, providers.Unclear},
		"a gateway's JSON 401":   {401, `{"message":"Unauthorized"}`, providers.Unclear},
		"an organisation's pair": {403, `{"message":"Invalid API key. Are you using an organization key?"}`, providers.Unclear},
		"429":                    {429, `{"message":"Rate limit exceeded"}`, providers.Unclear},
		"503":                    {503, `{}`, providers.Unclear},
		"another project":        {200, `{"data":[{"id":"cm3elsewhere1","name":"shop"}]}`, providers.Unclear},
		"200 without a project":  {200, `{"data":[]}`, providers.Unclear},
		"200 that is HTML":       {200, `<html>`, providers.Unclear},
	} {
		w := newWorld(t)
		kind := w.kind(t)
		w.override = func(rw http.ResponseWriter, _ *http.Request) bool {
			rw.WriteHeader(c.status)
			_, _ = io.WriteString(rw, c.body)
			return true
		}
		if got, err := kind.(providers.Prober).Probe(t.Context(), w.staging.values()); err != nil || got.Liveness != c.want || got.Answer == "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestAnotherRegion (trap 6): a pair of elsewhere is refused with the same
// words as a dead one; people are told to compare the host first. An
// environment may live at a site of its own, and its keys are asked about
// there.
func TestAnotherRegion(t *testing.T) {
	here, there := newWorld(t), newWorld(t)
	there.keys = nil
	there.production = there.make("shop", productionProject, func(k *fakeKey) { k.Public, k.secret = "pk-lf-of-the-us", "sk-lf-of-the-us-0123456789" })
	current := map[string]providers.Values{"staging": here.staging.values(), "production": there.production.values()}
	_, err := here.provider(t).Survey(t.Context(), current)
	failed(t, here, err, fault.Ask, fault.NotFound)
	if !strings.Contains(err.Error(), "LANGFUSE_HOST") || !strings.Contains(err.Error(), here.url) {
		t.Errorf("%v does not name both", err)
	}
	apart := func(c *langfuse.Config) { c.Sites = map[string]langfuse.Site{"production": {BaseURL: there.url}} }
	kind, err := here.provider(t, apart).Survey(t.Context(), current)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_1")
	if err != nil || there.keys[len(there.keys)-1].Public != string(c.ID) {
		t.Fatalf("made elsewhere: %v", err)
	}
	lives := func(v providers.Values, want providers.Liveness) {
		t.Helper()
		if got, err := kind.(providers.Prober).Probe(t.Context(), v); err != nil || got.Liveness != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
	lives(c.Values, providers.Alive)
	lives(current["production"], providers.Alive)
	if err := kind.(providers.Ender).End(t.Context(), providers.ID(there.production.Public)); err != nil {
		t.Error(err)
	}
	lives(current["production"], providers.Refused)
	lives(current["staging"], providers.Alive)
}

// TestSignatures: what libraries print is known (trap 7: they swallow it, so
// it may be all there is), and what is no matter of the key is not taken for
// one (trap 8).
func TestSignatures(t *testing.T) {
	signatures := newWorld(t).kind(t).Traits().Signatures
	hit := func(line string) bool {
		return slices.ContainsFunc(signatures, func(s string) bool { return regexp.MustCompile(s).MatchString(line) })
	}
	for _, line := range []string{
		`langfuse.api.resources.commons.errors.unauthorized_error.UnauthorizedError: status_code: 401, body: {'message': "Invalid credentials. Confirm that you've configured the correct host."}`,
		`[Langfuse SDK] Error: status code 401 while flushing`,
		`POST https://cloud.langfuse.com/api/public/otel/v1/traces: 401 Unauthorized`,
		`401 Unauthorized from url https://us.cloud.langfuse.com/api/public/ingestion`,
	} {
		if !hit(line) {
			t.Errorf("none matches %q", line)
		}
	}
	for _, line := range []string{
		`langfuse: 207 Multi-Status: 1 of 20 events refused: invalid body`,
		`langfuse: 403 Forbidden: Ingestion suspended: usage threshold exceeded`,
		`langfuse: flushed 401 events`,
		`langfuse: 429 Too Many Requests`,
	} {
		if hit(line) {
			t.Errorf("one matches %q", line)
		}
	}
}

// TestTraitsWarnOfBufferedEvents (trap 9).
func TestTraitsWarnOfBufferedEvents(t *testing.T) {
	traits := newWorld(t).kind(t).Traits()
	if !strings.Contains(traits.Drain, "buffered events") || !strings.Contains(traits.Drain, "drain workers") || traits.Waits.Hold == 0 {
		t.Errorf("%+v", traits)
	}
}

// TestDisguises (trap 10): exporters carry the pair as one encoded text.
func TestDisguises(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	header := secret.New("Authorization=Basic " + base64.StdEncoding.EncodeToString([]byte(w.staging.Public+":"+w.staging.secret)))
	all := kind.(providers.Disguiser).Disguises(w.staging.values())
	if len(all) != 1 || !header.Contains(all[0]) {
		t.Error("the header of an exporter is not recognised")
	}
	if kind.(providers.Disguiser).Disguises(providers.Values{}) != nil {
		t.Error("nothing has a disguise")
	}
	secrettest.NoLeak(t, append(w.issued(), all...), all)
}

// TestRestrictedKeysAreMadeByHand (trap 11): the API makes full keys only, and
// the list shows no permissions; who says that theirs are restricted is guided,
// and who does not is told that the new ones are full.
func TestRestrictedKeysAreMadeByHand(t *testing.T) {
	w := newWorld(t)
	if notice := w.kind(t).Traits().Notice; !strings.Contains(notice, "full access only") || !strings.Contains(notice, "langfuse.by_hand: true") {
		t.Errorf("restricted keys would be widened without a word: %q", notice)
	}
	kind := w.kind(t, byHand)
	if notice := kind.Traits().Notice; notice != "" {
		t.Errorf("nothing is widened: %q", notice)
	}
	if _, can := kind.(providers.PlacedIssuer); can || !kind.Traits().Guided {
		t.Error("it would make a key over the API")
	}
	told, err := kind.(providers.Guide).Guide(providers.Errand{Environment: "production", Label: "rk_1"})
	text := strings.Join(told.Steps, "\n")
	for _, part := range []string{"Create new API keys", "`rk_1`", "Permissions", w.production.Public, "120 days", "both keys"} {
		if err != nil || !strings.Contains(text, part) {
			t.Errorf("it does not say %q: %s (%v)", part, text, err)
		}
	}
	if want := w.url + "/project/" + productionProject + "/settings/api-keys"; told.Console != want {
		t.Errorf("console %q", told.Console)
	}
}

// TestAdminKeyIsReadAnew (trap 12): the organisation's pair has no API for its
// own rotation; whoever replaces it in its file need not restart anything.
func TestAdminKeyIsReadAnew(t *testing.T) {
	w := newWorld(t)
	source := &changing{value: "pk-lf-gone-gone:" + strange}
	p := w.provider(t, func(c *langfuse.Config) { c.AdminKey = source.read })
	_, err := p.Survey(t.Context(), w.current())
	failed(t, w, err, fault.Ask, fault.Unauthorized)
	source.value = adminKey
	if _, err := p.Survey(t.Context(), w.current()); err != nil {
		t.Error(err)
	}
}

// TestMixedPair: the service takes a secret with any public key beside it, so
// only the list can tell that the two do not belong together.
func TestMixedPair(t *testing.T) {
	w := newWorld(t)
	other := w.make("other", productionProject)
	for name, c := range map[string]struct {
		values providers.Values
		says   string
	}{
		"two of the project":   {halves(w.production.Public, other.secret), "looks like that of " + other.Public},
		"a public key of none": {halves("pk-lf-deadbeef-3333-4333-8333-333333333333", w.production.secret), "none of the project's"},
		"the other project's":  {halves(w.staging.Public, w.production.secret), "looks like that of " + w.production.Public},
	} {
		current := w.current()
		current["production"] = c.values
		_, err := w.provider(t).Survey(t.Context(), current)
		failed(t, w, err, fault.Ask, fault.Ambiguous)
		if err != nil && (!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "halves of two pairs")) {
			t.Errorf("%s: %v", name, err)
		}
		if slices.ContainsFunc(w.calls, func(call string) bool { return strings.HasPrefix(call, "POST") }) {
			t.Errorf("%s: something was made", name)
		}
	}
	if _, err := w.kind(t).Identify(halves(w.production.Public, other.secret)); err == nil {
		t.Error("a mixed pair was identified")
	}
}

// TestOldPairIsLeftAlone: a request that overtakes the deletion puts the dead
// key back into the service's memory. On the adapter's own schedule it dies
// all the same, and an eager poller would keep it alive.
func TestOldPairIsLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		first, every time.Duration
		want         providers.Liveness
	}{
		"on the schedule": {langfuse.DefaultWaits().ProbeFirst, langfuse.DefaultWaits().ProbeEvery, providers.Refused},
		"eagerly":         {time.Second, time.Minute, providers.Alive},
	} {
		w := newWorld(t)
		kind := w.kind(t)
		now := time.Now()
		w.now = func() time.Time { return now }
		w.between = func(k *fakeKey) { w.lookUp(k.secret) }
		if err := kind.(providers.Ender).End(t.Context(), providers.ID(w.staging.Public)); err != nil {
			t.Fatal(err)
		}
		now = now.Add(c.first)
		var got providers.Finding
		for elapsed := time.Duration(0); elapsed < time.Hour && got.Liveness != providers.Refused; elapsed += c.every {
			var err error
			if got, err = kind.(providers.Prober).Probe(t.Context(), w.staging.values()); err != nil {
				t.Fatal(err)
			}
			now = now.Add(c.every)
		}
		if got.Liveness != c.want {
			t.Errorf("%s: after an hour it is %s", name, got.Liveness)
		}
	}
	if d := langfuse.DefaultWaits(); d.ProbeEvery <= remembered || d.ProbeFor < d.ProbeEvery {
		t.Errorf("%+v does not outlast what the service remembers", d)
	}
}

// TestNoPlan: without the entitlement nothing is tried.
func TestNoPlan(t *testing.T) {
	w := newWorld(t)
	w.plan = false
	_, err := w.provider(t).Survey(t.Context(), w.current())
	failed(t, w, err, fault.Ask, fault.Unsupported)
	if err == nil || !strings.Contains(err.Error(), "Nothing was changed") {
		t.Error(err)
	}
}

// TestPlanWithoutTheAPI: people make and delete the pairs, and are told where;
// halves of two pairs are found as far as the public key alone can tell.
func TestPlanWithoutTheAPI(t *testing.T) {
	w := newWorld(t)
	w.plan = false
	kind := w.kind(t, byHand)
	if _, lists := kind.(providers.Lister); lists || !kind.Traits().EndByHand || !kind.Traits().Guided {
		t.Errorf("%+v", kind.Traits())
	}
	told, err := kind.(providers.EndGuide).GuideEnd("production", providers.ID(w.production.Public))
	if err != nil || !strings.Contains(strings.Join(told.Steps, " "), w.production.Public) || !strings.Contains(told.Console, productionProject) {
		t.Errorf("%+v, %v", told, err)
	}
	e := providers.Errand{Environment: "staging", Label: "rk_1", Asked: time.Now().Add(-time.Minute), Seen: time.Now().Add(-time.Hour)}
	k := w.make("rk_1", stagingProject)
	found, err := kind.(providers.Guide).Inspect(t.Context(), e, halves("pk-lf-deadbeef-3333", k.secret))
	if err != nil || !strings.Contains(found.Wrong, "halves of two pairs") {
		t.Errorf("a public key of nobody: %+v, %v", found, err)
	}
	current := w.current()
	current["production"] = halves("pk-lf-deadbeef-3333", w.production.secret)
	_, err = w.provider(t, byHand).Survey(t.Context(), current)
	failed(t, w, err, fault.Ask, fault.Ambiguous)
	for _, call := range w.calls {
		if !strings.HasPrefix(call, "GET") {
			t.Errorf("asked for %s", call)
		}
	}
}

// TestWrongHands: what people may paste instead of the pair that was asked
// for, and what they are told.
func TestWrongHands(t *testing.T) {
	day := 24 * time.Hour
	const label = "rk_test_staging_r1_1"
	as := func(change func(*fakeKey)) func(w world) providers.Values {
		return func(w world) providers.Values { return w.make(label, stagingProject, change).values() }
	}
	for name, c := range map[string]struct {
		bring func(w world) providers.Values
		told  string // "" means taken
	}{
		"the pair asked for": {as(func(*fakeKey) {}), ""},
		"with white space": {func(w world) providers.Values {
			k := w.make(label, stagingProject)
			return halves(" "+k.Public, k.secret+"\n")
		}, ""},
		"expiring late": {as(func(k *fakeKey) { at := time.Now().Add(130 * day); k.Expires = &at }), ""},
		"the halves exchanged": {func(w world) providers.Values {
			k := w.make(label, stagingProject)
			return halves(k.secret, k.Public)
		}, "begins with pk-lf-"},
		"half a pair":  {func(w world) providers.Values { return halves(w.make(label, stagingProject).Public, "") }, "has no value"},
		"the old pair": {func(w world) providers.Values { return w.staging.values() }, "which staging uses now"},
		"an old half":  {func(w world) providers.Values { return halves(w.make(label, stagingProject).Public, w.staging.secret) }, "One half"},
		"another half": {func(w world) providers.Values {
			return halves(w.make(label, stagingProject).Public, w.make("x", stagingProject).secret)
		}, "halves of two pairs"},
		"nobody's":      {func(world) providers.Values { return halves("pk-lf-deadbeef-3333", strange) }, "lists no key"},
		"another note":  {func(w world) providers.Values { return w.make("shop", stagingProject).values() }, "has the note “shop”"},
		"a key as note": {func(w world) providers.Values { return w.make(w.staging.secret, stagingProject).values() }, "has the note of something else"},
		"made before":   {as(func(k *fakeKey) { k.Created = time.Now().Add(-2 * time.Hour) }), "was made before"},
		"expiring soon": {as(func(k *fakeKey) { at := time.Now().Add(60 * day); k.Expires = &at }), "too soon"},
		"may not read":  {as(func(k *fakeKey) { k.narrow = true }), "may not read its own project"},
		"of production": {func(w world) providers.Values { return w.make(label, productionProject).values() }, "another project"},
		"altered inside": {func(w world) providers.Values {
			k := w.make(label, stagingProject)
			return halves(k.Public, k.secret[:12]+"x"+k.secret[13:])
		}, "refuses what was pasted"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			guide := w.kind(t, byHand).(providers.Guide)
			e := providers.Errand{Environment: "staging", Label: label, Asked: time.Now().Add(-time.Minute), Seen: time.Now().Add(-time.Hour)}
			found, err := guide.Inspect(t.Context(), e, c.bring(w))
			switch {
			case err != nil:
				t.Fatal(err)
			case c.told == "" && (found.Wrong != "" || found.Wait || found.Credential.Label != label):
				t.Errorf("not taken: %+v", found)
			case c.told != "" && (!strings.Contains(found.Wrong, c.told) || found.Credential.ID != ""):
				t.Errorf("told %q, want %q", found.Wrong, c.told)
			}
			secrettest.NoLeak(t, w.issued(), found)
		})
	}
}
