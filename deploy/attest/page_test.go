package attest_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rekey/deploy/attest"
	"rekey/internal/secret"
)

// TestPage: what is copied from the page is what is tested here.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/attestation.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	languages := map[string]string{"ask.sh": "sh"}
	for _, s := range snippets {
		languages[s.file] = s.language
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if languages[e.Name()] == "" {
			t.Errorf("%s is run by no test", e.Name())
		}
		if !strings.Contains(page, "```"+languages[e.Name()]+"\n"+string(text)+"```\n") {
			t.Errorf("the page does not show %s as it is", e.Name())
		}
		if n := strings.Count(string(text), "\n"); n > 45 {
			t.Errorf("%s has %d lines: too long to be read before it is copied", e.Name(), n)
		}
	}
	for _, digits := range vector() {
		if !strings.Contains(page, digits) {
			t.Errorf("the page does not show the vector %s", digits)
		}
	}
}

// vector is what the page gives for checking an implementation.
func vector() []string {
	q := attest.Question{Name: "FAL_KEY", Nonce: "000102030405060708090a0b0c0d0e0f", Time: 1793610000}
	a := attest.Answer{Instance: "web-1", Deployment: "dpl-7", Time: 1793610001}
	return []string{key.Reveal(), fresh.Reveal(), q.Nonce, attest.SignAsk(key, q), attest.Prove(key, q, a, fresh)}
}

// TestAskingByHand: the shell's question is entitled exactly with the key.
func TestAskingByHand(t *testing.T) {
	shell := tool(t, "sh")
	for _, needed := range []string{"openssl", "curl"} {
		tool(t, needed)
	}
	server := httptest.NewServer(&application{values: []secret.Value{fresh}})
	defer server.Close()
	for _, c := range []struct {
		key, name string
		entitled  bool
	}{{key.Reveal(), "FAL_KEY", true}, {key.Reveal(), "OTHER_KEY", false}, {"another key of thirty-two bytes.", "FAL_KEY", false}} {
		run := exec.CommandContext(t.Context(), shell, filepath.Join(folder, "ask.sh"), server.URL, c.name)
		run.Env = append(os.Environ(), "REKEY_ATTEST_KEY="+c.key, "NO_PROXY=127.0.0.1")
		out, err := run.CombinedOutput()
		if (err == nil) != c.entitled || strings.Contains(string(out), `"proof"`) != c.entitled {
			t.Errorf("%s with the key %q: %v\n%s", c.name, c.key, err, out)
		}
	}
}
