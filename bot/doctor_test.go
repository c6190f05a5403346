//go:build !release

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/internal/finding"
	"rekey/internal/sandbox"
	"rekey/internal/sandbox/wire"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

// illness is one thing that is not as it should be, and what the doctor says.
type illness struct {
	name   string
	world  func(t *testing.T, w *sandbox.World) // what is wrong outside
	config func(config string) string           // what is wrong in the file
	files  map[string]string                    // credential files with another text
	say    func(t *testing.T, dir string)       // what is wrong on the machine

	looked  string // the finding's title, or its beginning
	verdict finding.Verdict
	found   string // a part of it
}

// sick are all illnesses; the tests' files add theirs.
func sick() []illness { return slices.Concat(sickSlack(), sickVault(), sickApplication()) }

// seen collects every text of every finding that a test saw.
type seen map[string]bool

func (s seen) note(found []finding.Finding) {
	for _, f := range found {
		s[f.Looked], s[f.Found], s[f.Do] = true, true, true
	}
}

// TestDoctor shows every finding: each illness is made in a world of its own,
// seen over the wire, named, and told with what to do. Then nothing must be
// left of the code's sentences that no test has shown.
func TestDoctor(t *testing.T) {
	shown := seen{}
	t.Run("well", func(t *testing.T) { shown.note(wellWorld(t)) })
	for _, c := range sick() {
		t.Run(c.name, func(t *testing.T) { shown.note(c.examine(t)) })
	}
	shown.note(append(endless(t), stale(t)...))
	if _, err := exec.LookPath("redis-server"); err == nil && !t.Failed() {
		shown.all(t)
	}
}

func (c illness) examine(t *testing.T) []finding.Finding {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w := startWorld(ctx, t)
	dir := t.TempDir()
	adjust := c.config
	if adjust == nil {
		adjust = func(config string) string { return config }
	}
	path, err := writeConfig(dir, w, sandboxOptions{speed: 20, adjust: adjust})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range c.files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if c.world != nil {
		c.world(t, w)
	}
	if c.say != nil {
		c.say(t, dir)
	}
	code, out, problem := ran(t, variables{}, "doctor", "--config", path, "--json")
	secrettest.NoLeak(t, credentials(w), out, problem)
	return c.judge(t, code, out, problem)
}

// credentials are what the doctor was handed and must not show.
func credentials(w *sandbox.World) []secret.Value {
	k := w.Credentials()
	var values []secret.Value
	for _, text := range []string{k.SlackApp, k.SlackBot, k.InfisicalSecret, k.FalAdmin, k.Deploy, k.Fingerprint, k.AttestStaging, k.AttestProduction} {
		values = append(values, secret.New(text))
	}
	for _, key := range w.Fal.Keys() {
		values = append(values, secret.New(key.Value))
	}
	return values
}

type told struct {
	OK       bool              `json:"ok"`
	Findings []finding.Finding `json:"findings"`
}

// judge looks for the finding, and holds that the end of the program agrees
// with what was found.
func (c illness) judge(t *testing.T, code int, out, problem string) []finding.Finding {
	t.Helper()
	var got told
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("exit code %d, and no JSON: %v\n%s", code, err, problem)
	}
	wrong := slices.ContainsFunc(got.Findings, func(f finding.Finding) bool { return f.Verdict == finding.Wrong })
	if want := map[bool]int{true: exitFailed, false: exitDone}[wrong]; code != want || got.OK == wrong {
		t.Errorf("exit code %d, ok %t, something wrong %t", code, got.OK, wrong)
	}
	if !slices.ContainsFunc(got.Findings, func(f finding.Finding) bool {
		return strings.HasPrefix(f.Looked, c.looked) && f.Verdict == c.verdict && strings.Contains(f.Found, c.found)
	}) {
		t.Errorf("no finding says %q, %s, %q:\n%s", c.looked, c.verdict, c.found, text(got.Findings))
	}
	for _, f := range got.Findings {
		if (f.Verdict == finding.OK) != (f.Do == "") || f.Found == "" || !strings.HasSuffix(f.Found, ".") {
			t.Errorf("not a whole finding: %+v", f)
		}
	}
	return got.Findings
}

func text(found []finding.Finding) string {
	var b strings.Builder
	_ = printFindings(&b, found)
	return b.String()
}

// wellWorld is one in which nothing is wrong. It was only read.
func wellWorld(t *testing.T) []finding.Finding {
	t.Helper()
	c := illness{
		config: followed, looked: "Admin credential for FAL_KEY at fal.ai", verdict: finding.OK, found: "Accepted",
		world: func(t *testing.T, w *sandbox.World) { t.Cleanup(func() { onlyRead(t, w) }) },
	}
	found := c.examine(t)
	for _, f := range found {
		if f.Verdict == finding.Wrong {
			t.Errorf("wrong in a world that is well: %+v", f)
		}
	}
	return found
}

// onlyRead holds that nothing was written anywhere.
func onlyRead(t *testing.T, w *sandbox.World) {
	t.Helper()
	reads := []string{"/api/auth.test", "/api/apps.connections.open", "/api/conversations.info", "/api/users.info", "/api/usergroups.users.list"}
	for q := range w.Slack.Requests.All() {
		if !slices.Contains(reads, q.Path) {
			t.Errorf("Slack was asked %s", q.Path)
		}
	}
	for name, requests := range map[string]*wire.Recorder{"Infisical": w.Infisical.Requests, "fal.ai": w.Fal.Requests, "the target": w.Target.Requests} {
		for q := range requests.All() {
			own := strings.HasPrefix(q.Path, "/fal-ai/") // the application's, asked by its own free check
			if q.Method != http.MethodGet && !own && !strings.HasSuffix(q.Path, "/login") {
				t.Errorf("%s was sent %s %s", name, q.Method, q.Path)
			}
		}
	}
	if size := redisSays(t, w.Endpoints().Redis, "DBSIZE"); size != ":0" {
		t.Errorf("Redis holds %s keys", size)
	}
	if written := w.Writes(); len(written) > 0 {
		t.Errorf("written: %v", written)
	}
}

// redisSays sends one command without arguments.
func redisSays(t *testing.T, at, command string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "*1\r\n$%d\r\n%s\r\n", len(command), command); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// endless shows what is said about a look that does not end.
func endless(t *testing.T) (found []finding.Finding) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		l := look{"Slack", func(context.Context) []finding.Finding { <-released; return nil }}
		found = l.within(t.Context(), time.Minute)
		close(released)
		if len(found) != 1 || found[0].Verdict != finding.Unclear {
			t.Errorf("%+v", found)
		}
	})
	return found
}

// stale is what is said about a page whose scripts do not hold the vault's value
// at every visit.
func stale(t *testing.T) []finding.Finding {
	t.Helper()
	f := unbundled("URL in the page's scripts, production", deploy.Testimony{New: 2, Old: 1, Other: 1}, nil)
	if f.Verdict != finding.Wrong {
		t.Errorf("%+v", f)
	}
	return []finding.Finding{f}
}

// verbs stand for what differs.
var verbs = regexp.MustCompile(`%[-+#0-9.]*[a-z]`)

// all holds that every sentence that the code can say about a finding was
// shown. What is marked unreachable, or needs a part of the world that cannot
// be built here, is not a finding.
func (s seen) all(t *testing.T) {
	t.Helper()
	every := strings.Join(slices.Sorted(maps.Keys(s)), "\n")
	count := 0
	for _, path := range []string{"doctor.go", "doctor_app.go", "chat/examine.go", "../deploy/webhook/examine.go", "../deploy/command/examine.go", "../deploy/infisical/examine.go", "../internal/finding/finding.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is || !makesFinding(call) || len(call.Args) < 2 {
				return true
			}
			for _, piece := range literals(call.Args[1]) {
				count++
				if !strings.Contains(every, piece) && !slices.Contains(unshown, piece) {
					t.Errorf("%s: no test shows %q", path, piece)
				}
			}
			return true
		})
	}
	if count < 40 {
		t.Errorf("only %d sentences were found: this test reads the code wrongly", count)
	}
}

// unshown are sentences for what cannot happen with what is wired today.
var unshown = []string{
	"The configuration cannot be used.",                      // the file's own checks come first
	"The status address cannot be used.",                     // the same
	"It could not be looked at.",                             // every call to Slack has a classified error
	"This kind of target cannot be asked without deploying.", // for targets to come
}

func makesFinding(call *ast.CallExpr) bool {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		if x, is := f.X.(*ast.Ident); !is || x.Name != "finding" {
			return false
		}
		name = f.Sel.Name
	case *ast.Ident:
		name = f.Name
	}
	return slices.Contains([]string{"Good", "Bad", "Open"}, name)
}

// literals are the longest fixed pieces of the texts in an expression.
func literals(e ast.Expr) (pieces []string) {
	ast.Inspect(e, func(n ast.Node) bool {
		lit, is := n.(*ast.BasicLit)
		if !is || lit.Kind != token.STRING {
			return true
		}
		whole, err := strconv.Unquote(lit.Value)
		if err != nil {
			return true
		}
		longest := ""
		for _, piece := range verbs.Split(whole, -1) {
			if len(piece) > len(longest) {
				longest = piece
			}
		}
		if len(longest) > 3 {
			pieces = append(pieces, longest)
		}
		return true
	})
	return pieces
}

// TestDoctorForPeople prints what is wrong last, and never a value.
func TestDoctorForPeople(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w := startWorld(ctx, t)
	path, err := writeConfig(t.TempDir(), w, sandboxOptions{speed: 20})
	if err != nil {
		t.Fatal(err)
	}
	w.Slack.ChangeChannel(sandbox.Channel, uninvited)
	code, out, problem := ran(t, variables{}, "doctor", "--config", path)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitFailed || !strings.Contains(lines[len(lines)-1], "/invite") || !strings.Contains(problem, "something is wrong") {
		t.Errorf("exit code %d: %s\n%s", code, problem, out)
	}
	secrettest.NoLeak(t, credentials(w), out, problem)
	if code, _, problem := ran(t, variables{}, "doctor", "--config", path, "--now"); code != exitUsage || !strings.Contains(problem, "--json") {
		t.Errorf("exit code %d: %s", code, problem)
	}
}
