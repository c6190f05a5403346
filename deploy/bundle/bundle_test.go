package bundle_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/deploy"
	"rekey/deploy/bundle"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

const (
	oldKey = "0b7c1f6e-11aa-4c0d-9d2e-6f8f2a9e5d31"
	newKey = "93f0c2b4-57de-4a41-8c3b-2f6b1c7a0e88"
	other  = "5d5d5d5d-57de-4a41-8c3b-2f6b1c7a0e88"
)

func address(key string) secret.Value {
	return secret.New("https://mainnet.helius-rpc.com/?api-key=" + key)
}

// build is what one build serves, by path. A page has no name.
type build map[string]string

// site serves builds in turn, one for each visit, and all files of all of them:
// a CDN keeps those of old builds.
type site struct {
	mu      sync.Mutex
	builds  []build
	visits  int
	asked   []string
	spoil   map[string]http.HandlerFunc
	forever bool // files are immutable
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	s.asked = append(s.asked, fmt.Sprintf("%s %s %v %s", r.Method, r.URL, r.Header, body))
	if spoil := s.spoil[r.URL.Path]; spoil != nil {
		spoil(w, r)
		return
	}
	if r.URL.Path == "/" {
		n := s.visits % len(s.builds)
		s.visits++
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("X-Deployment", fmt.Sprintf("dpl-%d", n))
		_, _ = io.WriteString(w, s.builds[n][""])
		return
	}
	for _, b := range s.builds {
		if text, there := b[r.URL.Path]; there {
			w.Header().Set("Content-Type", "application/javascript; charset=UTF-8")
			if s.forever {
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			}
			_, _ = io.WriteString(w, text)
			return
		}
	}
	http.NotFound(w, r)
}

// next is a build as Next.js makes them: the value lies in a chunk that only
// another chunk names.
func next(hash, text string) build {
	return build{
		"": `<!DOCTYPE html><link rel="preload" as="style" href="/_next/static/css/x.css"/><script src="/_next/static/chunks/main-` + hash + `.js" async=""></script>
<script src="https://analytics.example.com/a.js"></script><script>self.__next_f.push([1,"0:[\"static/chunks/app-` + hash + `.js\"]"])</script>`,
		"/_next/static/chunks/main-" + hash + ".js": `a.u=e=>"static/chunks/"+({7:"lazy"}[e]||e)+"."+({812:"` + hash + `"})[e]+".js"`,
		"/_next/static/chunks/app-" + hash + ".js":  "console.log('nothing here')",
		"/_next/static/chunks/812." + hash + ".js":  text,
	}
}

func inlined(key string) string {
	return `let u="https:\/\/mainnet.helius-rpc.com\/?api-key=` + key + `";`
}

func start(t *testing.T, s *site, spoil ...func(*bundle.Config)) *bundle.Attester {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c := bundle.Config{URL: server.URL + "/", Deployment: "X-Deployment"}
	for _, change := range spoil {
		change(&c)
	}
	a, err := bundle.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func attest(t *testing.T, a *bundle.Attester) (deploy.Testimony, error) {
	t.Helper()
	got, err := a.Attest(t.Context(), "NEXT_PUBLIC_HELIUS_RPC_URL", address(newKey), address(oldKey))
	secrettest.NoLeak(t, []secret.Value{address(newKey), address(oldKey), secret.New(newKey), secret.New(oldKey)}, got, err)
	return got, err
}

func TestAgreement(t *testing.T) {
	fresh, stale := next("aaaaaaaa11111111", inlined(newKey)), next("bbbbbbbb22222222", inlined(oldKey))
	cases := map[string]struct {
		builds []build
		want   deploy.Testimony
	}{
		"the new one":             {[]build{fresh}, deploy.Testimony{Kind: "bundle", Deployment: "dpl-0", New: 6, Agreed: true}},
		"the old one":             {[]build{stale}, deploy.Testimony{Kind: "bundle", Old: 6}},
		"neither":                 {[]build{next("cccccccc33333333", inlined(other))}, deploy.Testimony{Kind: "bundle", Other: 6}},
		"both in one build":       {[]build{next("dddddddd44444444", inlined(newKey)+inlined(oldKey))}, deploy.Testimony{Kind: "bundle", Old: 6}},
		"builds in turn":          {[]build{fresh, stale}, deploy.Testimony{Kind: "bundle", New: 20, Old: 20}},
		"one of three is old":     {[]build{fresh, fresh, stale}, deploy.Testimony{Kind: "bundle", New: 27, Old: 13}},
		"looked up while running": {[]build{next("eeeeeeee55555555", `process.env["NEXT_PUBLIC_"+x]`)}, deploy.Testimony{Kind: "bundle", Other: 6}},
	}
	for name, c := range cases {
		for _, forever := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, immutable %t", name, forever), func(t *testing.T) {
				got, err := attest(t, start(t, &site{builds: c.builds, forever: forever}))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("testimony (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestWhereItMayBe: every place of a page in which a build may put a value, and
// how it may write it.
func TestWhereItMayBe(t *testing.T) {
	whole := "https://mainnet.helius-rpc.com/?lang=en&api-key=" + newKey
	for name, b := range map[string]build{
		"inline":             {"": `<script>u="` + whole + `"</script>`},
		"an attribute":       {"": `<div data-u="` + strings.ReplaceAll(whole, "&", "&amp;") + `">`},
		"JSON in a script":   {"": `<script src=/a.js></script>`, "/a.js": `"` + strings.ReplaceAll(whole, "&", `\u0026`) + `"`},
		"single quotes":      {"": `<SCRIPT defer src='/a.js'></SCRIPT>`, "/a.js": whole},
		"a module, preload":  {"": `<link rel="modulepreload" href="/assets/a.js">`, "/assets/a.js": whole},
		"Vite's table":       {"": `<script type="module" src="/assets/i.js">`, "/assets/i.js": `m=["assets/lazy-1.js"]`, "/assets/lazy-1.js": whole},
		"relative":           {"": `<script type="module" src="/assets/i.js">`, "/assets/i.js": `import("./b.js")`, "/assets/b.js": `import('../c.mjs')`, "/c.mjs": whole},
		"the build manifest": {"": `<script src="/_next/static/x/_buildManifest.js">`, "/_next/static/x/_buildManifest.js": `["static\u002Fchunks\u002Fp-1.js"]`, "/_next/static/chunks/p-1.js": whole},
		"a prefix":           {"": `<script src="/shop/_next/static/chunks/m.js">`, "/shop/_next/static/chunks/m.js": `"static/chunks/t.js"`, "/shop/_next/static/chunks/t.js": whole},
		"Next.js's routes":   {"": `<script src="/_next/static/chunks/app/%5Bid%5D/page-1.js">`, "/_next/static/chunks/app/[id]/page-1.js": whole},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := start(t, &site{builds: []build{b}}).Attest(t.Context(), "V", secret.New(whole), address(oldKey))
			if err != nil || !got.Agreed {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestPart: what identifies a value is looked for, however the rest is written.
func TestPart(t *testing.T) {
	keyOf := func(_ string, v secret.Value) secret.Value {
		_, key, _ := strings.Cut(v.Reveal(), "api-key=")
		return secret.New(key)
	}
	b := build{"": `<script>h="https://mainnet.helius-rpc.com",k="` + newKey + `"</script>`}
	got, err := attest(t, start(t, &site{builds: []build{b}}, func(c *bundle.Config) { c.Part = keyOf }))
	if err != nil || !got.Agreed {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestOtherHosts: scripts of a host that is allowed are read, and those of others
// are not asked for.
func TestOtherHosts(t *testing.T) {
	cdn := &site{builds: []build{{"/_next/a.js": inlined(newKey)}}}
	far := httptest.NewServer(cdn)
	defer far.Close()
	page := build{"": `<script src="` + far.URL + `/_next/a.js"></script>`}
	got, err := attest(t, start(t, &site{builds: []build{page}}))
	if err != nil || got.Other != 6 || len(cdn.asked) != 0 {
		t.Errorf("without leave: %+v, %v, %d requests", got, err, len(cdn.asked))
	}
	got, err = attest(t, start(t, &site{builds: []build{page}}, func(c *bundle.Config) { c.Hosts = []string{strings.TrimPrefix(far.URL, "http://")} }))
	if err != nil || !got.Agreed {
		t.Errorf("with leave: %+v, %v", got, err)
	}
}

// TestImmutableFilesAreReadOnce, and all others at every visit.
func TestImmutableFilesAreReadOnce(t *testing.T) {
	for forever, want := range map[bool]int{true: 1, false: 6} {
		s := &site{builds: []build{{"": `<script src="/a.js"></script>`, "/a.js": inlined(newKey)}}, forever: forever}
		if got, err := attest(t, start(t, s)); err != nil || !got.Agreed {
			t.Fatalf("%+v, %v", got, err)
		}
		asked := 0
		for _, a := range s.asked {
			if strings.HasPrefix(a, "GET /a.js ") {
				asked++
			}
		}
		if asked != want {
			t.Errorf("immutable %t: asked %d times", forever, asked)
		}
		secrettest.NoLeak(t, []secret.Value{secret.New(newKey), secret.New(oldKey)}, s.asked)
	}
}

// TestNotWhole: what was not read to its end proves nothing.
func TestNotWhole(t *testing.T) {
	named := build{"": `<script src="/a.js"></script>`, "/a.js": inlined(newKey)}
	mentioned := build{"": `<script src="/a.js"></script>`, "/a.js": inlined(newKey) + `"/b.js"`}
	many := build{"": `<script src="/a.js"></script>`, "/a.js": inlined(newKey)}
	for n := range 20 {
		many[""] += fmt.Sprintf(`<script src="/n%d.js"></script>`, n)
		many[fmt.Sprintf("/n%d.js", n)] = "x"
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, inlined(newKey), code) }
	}
	kind := func(of string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", of)
			_, _ = io.WriteString(w, inlined(newKey))
		}
	}
	cases := map[string]struct {
		build build
		at    string
		spoil http.HandlerFunc
		want  fault.Reason
	}{
		"page gone":    {named, "/", http.NotFound, fault.NotFound},
		"page down":    {named, "/", status(502), fault.ServerError},
		"page is JSON": {named, "/", kind("application/json"), fault.Garbled},
		"page is elsewhere": {named, "/", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://login.test/", http.StatusFound)
		}, fault.Garbled},
		"script gone":      {named, "/a.js", http.NotFound, fault.NotFound},
		"script down":      {named, "/a.js", status(503), fault.ServerError},
		"script is a page": {named, "/a.js", kind("text/html"), fault.Garbled},
		"script too long": {named, "/a.js", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(make([]byte, 2<<20))
		}, fault.TooLarge},
		"mentioned one is down":   {mentioned, "/b.js", status(500), fault.ServerError},
		"mentioned one: patience": {mentioned, "/b.js", status(429), fault.RateLimited},
		"connection cut":          {named, "/a.js", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Unreachable},
		"too many":                {many, "", nil, fault.TooLarge},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := &site{builds: []build{c.build}, spoil: map[string]http.HandlerFunc{c.at: c.spoil}}
			got, err := attest(t, start(t, s, func(c *bundle.Config) { c.MaxFiles, c.MaxFile = 15, 1<<20 }))
			if !fault.Is(err, c.want) || got.Agreed {
				t.Errorf("%+v, %v; want %s", got, err, c.want)
			}
		})
	}
	t.Run("too much in all", func(t *testing.T) {
		b := build{"": `<script src="/a.js"></script><script src="/b.js"></script>`, "/a.js": inlined(newKey) + strings.Repeat(" ", 900), "/b.js": strings.Repeat(" ", 900)}
		_, err := attest(t, start(t, &site{builds: []build{b}}, func(c *bundle.Config) { c.MaxFile, c.MaxTotal = 1000, 1500 }))
		if !fault.Is(err, fault.TooLarge) {
			t.Error(err)
		}
	})
	t.Run("what only looks like a name", func(t *testing.T) {
		b := build{"": `<script src="/a.js"></script>`, "/a.js": inlined(newKey) + `"three.js" "./gone.js" "https://x.test/y.js"`}
		if got, err := attest(t, start(t, &site{builds: []build{b}})); err != nil || !got.Agreed {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestAskedWrongly(t *testing.T) {
	a := start(t, &site{builds: []build{next("aaaaaaaa11111111", inlined(newKey))}})
	for name, v := range map[string]secret.Value{"nothing": {}, "too short": secret.New("abc")} {
		if got, err := a.Attest(t.Context(), "V", v, secret.Value{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	got, err := a.Attest(t.Context(), "V", secret.New(newKey), secret.New(newKey))
	if err != nil || !got.Agreed {
		t.Errorf("one value twice: %+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Attest(ctx, "V", secret.New(newKey), secret.Value{}); err == nil {
		t.Error("a proof without time")
	}
}

func TestNew(t *testing.T) {
	for name, spoil := range map[string]func(*bundle.Config){
		"plain HTTP":       func(c *bundle.Config) { c.URL = "http://shop.example.com/" },
		"no URL":           func(c *bundle.Config) { c.URL = "" },
		"a broken query":   func(c *bundle.Config) { c.URL += "?a=%zz" },
		"more than may be": func(c *bundle.Config) { c.InARow, c.MaxVisits = 7, 6 },
		"no files":         func(c *bundle.Config) { c.MaxFiles = -1 },
		"a total too low":  func(c *bundle.Config) { c.MaxTotal = 1 },
	} {
		c := bundle.Config{URL: "https://shop.example.com/en"}
		if _, err := bundle.New(c); err != nil {
			t.Fatal(err)
		}
		spoil(&c)
		if _, err := bundle.New(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
