package attest_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey/deploy/attest"
	"rekey/internal/secret"
)

// folder holds the snippets that the page shows.
const folder = "../../docs/attest"

// snippet is a file of the folder and how a test serves it.
type snippet struct {
	name     string
	file     string
	language string // as the page marks it
	limit    int    // bytes of a body; 0 where something before it reads
	build    func(t *testing.T, file string) []string
}

// snippets are served each as its framework would. Express may or may not
// have parsed the body before the handler is called.
var snippets = []snippet{
	{"Go", "handler.go.txt", "go", 4096, buildGo},
	{"Express", "express.mjs", "js", 4096, node("express")},
	{"Express behind a body parser", "express.mjs", "js", 0, node("parsed")},
	{"Next.js", "nextjs-route.mjs", "js", 4096, node("nextjs")},
}

// buildGo compiles the snippet with a main beside it, in a module of its own.
func buildGo(t *testing.T, file string) []string {
	t.Helper()
	dir := t.TempDir()
	for to, from := range map[string]string{"handler.go": file, "serve.go": "testdata/serve.go"} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module snippet\n\ngo 1.24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), tool(t, "go"), "build", "-o", "snippet", ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return []string{filepath.Join(dir, "snippet")}
}

func node(how string) func(*testing.T, string) []string {
	return func(t *testing.T, file string) []string {
		return []string{tool(t, "node"), "testdata/serve.mjs", how, file}
	}
}

// tool finds a program, or skips the test unless REKEY_REQUIRE_TOOLS=1.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("REKEY_REQUIRE_TOOLS") == "1" {
			t.Fatalf("%s is not installed, and REKEY_REQUIRE_TOOLS=1 asks for it", name)
		}
		t.Skipf("%s is not installed: the snippet that needs it is not run", name)
	}
	return path
}

// process starts the snippet with this environment and nothing else, and
// returns its URL. It ends with the test: by its context, or, should the test
// program be killed, with its standard input.
func process(t *testing.T, command []string, environment ...string) string {
	t.Helper()
	run := exec.CommandContext(t.Context(), command[0], command[1:]...)
	run.Env = environment
	var stderr bytes.Buffer
	run.Stderr = &stderr
	_, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	t.Cleanup(func() { _ = run.Wait() }) // killed by the test's context, which has ended
	if err != nil {
		t.Fatalf("the snippet did not start: %v\n%s", err, &stderr)
	}
	return "http://" + strings.TrimSpace(address) + "/rekey"
}

// asking is the client with its defaults, but patient with a busy machine.
func asking(t *testing.T, url string, instances int) *attest.Attester {
	t.Helper()
	a, err := attest.New(attest.Config{URL: url, Key: keyed(key), Instances: instances, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// question is a good one, about FAL_KEY.
func question() attest.Question {
	return attest.Question{Name: "FAL_KEY", Nonce: "000102030405060708090a0b0c0d0e0f", Time: time.Now().Unix()}
}

// put sends a question and returns status and body.
func put(t *testing.T, url, signature string, q any) (int, string) {
	t.Helper()
	body, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	if text, is := q.(string); is {
		body = []byte(text)
	}
	status, answer, err := send(t, url, signature, string(body))
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}

// send is put where the connection may be cut.
func send(t *testing.T, url, signature, body string) (int, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if signature != "" {
		r.Header.Set(attest.Header, signature)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, string(answer), err
}

// environment of an application that holds this value.
func environment(k, value secret.Value) []string {
	return []string{"REKEY_ATTEST_KEY=" + k.Reveal(), "FAL_KEY=" + value.Reveal(), "DEPLOYMENT_ID=dpl-7", "OTHER_KEY=not for Rekey"}
}
