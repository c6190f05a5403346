package house

import "testing"

// room is a part of the tree and what of ours it may import. The first room
// whose pattern matches a package holds.
type room struct {
	pattern string
	may     []string
}

var rooms = []room{
	{"internal/house", nil},
	{"internal/secret", nil},
	{"internal/secret/secrettest", []string{"internal/secret"}},
	{"internal/fault", nil},
	{"internal/finding", []string{"internal/fault"}},
	{"internal/sshsig", nil},
	{"internal/trail", []string{"internal/secret"}},
	{"internal/sandbox", []string{"internal/sandbox/*"}},
	{"internal/sandbox/*", []string{"internal/sandbox", "internal/sandbox/*"}},
	{"internal/rest", []string{"internal/secret", "internal/fault"}},
	{"state", nil},
	{"state/statetest", []string{"state", "state/local"}}, // its store in memory is the other one's, without the file
	{"state/local", []string{"state"}},
	{"state/redis", []string{"state"}},
	{"providers", []string{"internal/secret", "internal/fault", "internal/trail"}},
	{"providers/*", []string{"providers", "internal/rest", "internal/secret", "internal/fault", "internal/trail"}},
	{"deploy", []string{"internal/secret", "internal/fault", "internal/trail"}},
	{"deploy/*", []string{"deploy", "internal/rest", "internal/secret", "internal/fault", "internal/finding", "internal/trail"}},
	{"rotation", []string{"rotation/*", "providers", "state", "deploy", "internal/secret", "internal/fault", "internal/trail"}},
	{"rotation/*", nil},
	{"commands", []string{"rotation", "rotation/*", "internal/finding"}},
	{"bot", []string{"bot/*", "commands", "rotation", "rotation/*", "providers", "providers/*", "state", "state/redis", "state/local", "deploy", "deploy/*", "internal/*"}},
	{"bot/config", []string{"rotation", "rotation/*", "internal/secret"}},
	{"bot/chat", []string{"bot/chat/*", "commands", "rotation", "rotation/*", "state", "internal/secret", "internal/finding"}},
	{"bot/signed", []string{"commands", "rotation", "rotation/*", "state", "internal/secret", "internal/sshsig"}},
	{"bot/chat/*", []string{"bot/chat/*", "commands", "rotation", "rotation/*", "state", "internal/secret"}},
}

// contracts are what any test may use to build what it tests with.
var contracts = []string{"providers", "state", "deploy", "internal/secret", "internal/fault", "internal/trail"}

// guest is an outside library and the only rooms it may be in.
type guest struct {
	module string
	code   []string // product code
	tests  []string // further, tests only
}

var guests = []guest{
	{"github.com/slack-go/slack", []string{"bot/chat", "bot/chat/*"}, []string{"internal/sandbox/slack"}},
	{"github.com/infisical/go-sdk", []string{"deploy/infisical"}, nil},
	{"github.com/go-resty/resty/v2", []string{"deploy/infisical"}, nil},                                                  // what the SDK's calls take for a client
	{"github.com/redis/go-redis/v9", []string{"state/redis", "internal/sandbox", "internal/sandbox/*"}, []string{"bot"}}, // a benchmark compares with bare writes
	{"github.com/alicebob/miniredis/v2", []string{"internal/sandbox", "internal/sandbox/*", "state/statetest"}, []string{"state/*"}},
	{"github.com/robfig/cron/v3", []string{"bot"}, nil},
	{"gonum.org/v1/plot", []string{"bot/chat/chart"}, nil},
	{"go.yaml.in/yaml/v3", []string{"bot/config"}, []string{"bot", "internal/secret", "providers/*"}}, // descriptions of APIs are YAML,
	{"github.com/chromedp", nil, []string{"bot"}},
	{"github.com/aws/aws-sdk-go-v2", []string{"providers/r2"}, nil},            // its signer only
	{"github.com/getkin/kin-openapi", []string{"providers/providertest"}, nil}, // holds adapters and the sandbox to descriptions
	{"github.com/coder/websocket", []string{"internal/sandbox", "internal/sandbox/*"}, []string{"bot/chat", "bot"}},
	{"github.com/google/go-cmp", nil, []string{"*"}},
	{"golang.org/x/crypto", []string{"internal/sshsig", "internal/sandbox"}, nil}, // reads and verifies keys of SSH; the sandbox makes some
	{"golang.org/x/sync", []string{"*"}, nil},
	{"golang.org/x/time", []string{"*"}, nil},
}

// mayKnowSandbox reports who outside internal/sandbox may know it.
func mayKnowSandbox(path string, inTest bool) bool {
	return path == "bot" || inTest && matches("bot/*", path)
}

func TestImports(t *testing.T) {
	packages := list(t, "./...")
	if len(packages) < 10 {
		t.Fatalf("only %d packages were found", len(packages))
	}
	for _, p := range packages {
		r, known := roomOf(p.path())
		if !known {
			t.Errorf("%s has no place in the house: add a room for it, or move it", p.path())
			continue
		}
		checkOwn(t, p, r)
		checkGuests(t, p)
	}
}

func roomOf(path string) (room, bool) {
	for _, r := range rooms {
		if matches(r.pattern, path) {
			return r, true
		}
	}
	return room{}, false
}

func checkOwn(t *testing.T, p pkg, r room) {
	mine, _ := ours(p.Imports)
	for _, i := range mine {
		switch {
		case forTests(i) && !forTests(p.path()):
			t.Errorf("%s imports %s, which is for tests", p.path(), i)
		case matches("internal/sandbox/*", i) || i == "internal/sandbox":
			if r.pattern != "internal/sandbox" && r.pattern != "internal/sandbox/*" && !mayKnowSandbox(p.path(), false) {
				t.Errorf("%s imports %s: the product does not know the sandbox", p.path(), i)
			}
		case forTests(p.path()) && forTests(i):
		case !anyMatch(r.may, i):
			t.Errorf("%s imports %s; it may import %v", p.path(), i, r.may)
		}
	}
	mine, _ = ours(p.tests())
	for _, i := range mine {
		if i == p.path() || forTests(i) || anyMatch(r.may, i) || anyMatch(contracts, i) {
			continue
		}
		if matches("internal/sandbox/*", i) && mayKnowSandbox(p.path(), true) {
			continue
		}
		t.Errorf("the tests of %s import %s; they may import %v and *test packages", p.path(), i, r.may)
	}
}

func checkGuests(t *testing.T, p pkg) {
	_, outside := ours(p.Imports)
	for _, i := range outside {
		if g, known := guestOf(i); !known || !allowed(g.code, p.path()) && !(forTests(p.path()) && allowed(g.tests, p.path())) {
			t.Errorf("%s imports %s, which belongs to %v alone", p.path(), i, g.code)
		}
	}
	_, outside = ours(p.tests())
	for _, i := range outside {
		if g, known := guestOf(i); !known || !allowed(g.code, p.path()) && !allowed(g.tests, p.path()) {
			t.Errorf("the tests of %s import %s, which belongs to %v, and %v for tests", p.path(), i, g.code, g.tests)
		}
	}
}

func allowed(patterns []string, path string) bool {
	return len(patterns) == 1 && patterns[0] == "*" || anyMatch(patterns, path)
}

func guestOf(path string) (guest, bool) {
	for _, g := range guests {
		if path == g.module || matches(g.module+"/*", path) {
			return g, true
		}
	}
	return guest{}, false
}

// TestRelease: a release is the product alone.
func TestRelease(t *testing.T) {
	found := list(t, "-deps", "-tags", "release", "./bot")
	if len(found) < 50 {
		t.Fatalf("only %d packages were found", len(found))
	}
	for _, p := range found {
		switch {
		case matches("internal/sandbox/*", p.path()), p.path() == "internal/sandbox":
			t.Errorf("a release contains %s", p.path())
		case matches("github.com/alicebob/*", p.ImportPath):
			t.Errorf("a release contains %s", p.ImportPath)
		case p.ImportPath == "testing", matches(module+"/*", p.ImportPath) && forTests(p.path()):
			t.Errorf("a release contains %s, which is for tests", p.ImportPath)
		}
	}
}
