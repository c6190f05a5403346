//go:build !release

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rekey/deploy/webhook"
	"rekey/internal/sandbox"
	"rekey/internal/secret"
)

// deployerMark tells a test binary that it is a deploy command, and where the
// platform is.
const deployerMark = "REKEY_TEST_DEPLOYER"

// deployCommand is what an operator would have put on the bot's machine: it asks
// the platform, with a credential of its own that the bot does not hold. Its
// variables are all that it knows of a deployment.
func deployCommand(platform string, args []string) error {
	key, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.HasPrefix(name, "REKEY_") && name != "PWD" {
			return fmt.Errorf("the variable %s was handed on", name)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if args[0] == "start" {
		return startDeployment(ctx, platform, secret.New(strings.TrimSpace(string(key))))
	}
	return tellDeployment(ctx, platform)
}

func startDeployment(ctx context.Context, platform string, key secret.Value) error {
	id := os.Getenv("REKEY_REQUEST_ID")
	body, err := json.Marshal(map[string]any{"id": id, "environment": os.Getenv("REKEY_ENVIRONMENT"), "reason": os.Getenv("REKEY_REASON"),
		"secrets": strings.Fields(os.Getenv("REKEY_SECRETS"))})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, platform, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Idempotency-Key", id)
	r.Header.Set(webhook.SignatureHeader, webhook.Sign(key, time.Now(), body))
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = a.Body.Close() }()
	if a.StatusCode != http.StatusAccepted {
		return errors.New("the platform answers " + a.Status)
	}
	return nil
}

func tellDeployment(ctx context.Context, platform string) error {
	at := strings.TrimSuffix(platform, "/deploy") + "/deployments/" + os.Getenv("REKEY_REQUEST_ID")
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return err
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = a.Body.Close() }()
	if a.StatusCode == http.StatusNotFound {
		_, err = fmt.Fprintln(os.Stdout, "none")
		return err
	}
	var s struct{ Status, Deployment, Detail string }
	if err := json.NewDecoder(a.Body).Decode(&s); err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stdout, "%s deployment=%s %s\n", s.Status, s.Deployment, s.Detail)
	return err
}

var hook = regexp.MustCompile(`webhook: \{url: ([^,]+), secret_file: ([^,]+), not_yet: [^}]+\}`)

// byCommand puts a script in the place of the webhook of both environments. The
// configuration says what an operator's would.
func byCommand(t *testing.T, adjust func(string) string) func(string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "deploy")
	return func(config string) string {
		found := hook.FindStringSubmatch(config)
		if found == nil {
			t.Fatal("the sandbox's configuration has no webhook")
		}
		// The key is the script's own: the bot is not told where it lies.
		key := script + "-key"
		value, err := os.ReadFile(found[2])
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("#!/bin/sh\n%s='%s' exec '%s' \"$1\" '%s'\n", deployerMark, found[1], self, key)
		if err := errors.Join(os.WriteFile(key, value, 0o600), os.WriteFile(script, []byte(text), 0o700)); err != nil { //nolint:gosec // a program must be executable
			t.Fatal(err)
		}
		return adjust(hook.ReplaceAllLiteralString(config, "command: {run: ["+script+", start], status: ["+script+", status]}"))
	}
}

// TestDeployByCommand: a rotation whose deployments are a script on the bot's
// machine, from the request to the report.
func TestDeployByCommand(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{adjust: byCommand(t, calm())})
	s.calm = true
	s.rotate("FAL_KEY")
	s.approved()
	s.rotated(nil)
}

// TestKilledWhileTheCommandRuns: the bot is killed after the platform took the
// deployment and before the script ended. The next process asks about the id,
// and nothing is deployed twice.
func TestKilledWhileTheCommandRuns(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.Kind{sandbox.DeployStaging, sandbox.DeployProduction} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := open(t, sandboxOptions{adjust: byCommand(t, calm())})
			s.calm = true
			killed := make(chan struct{})
			s.when(kind, func(sandbox.Write) {
				s.bot.kill()
				close(killed)
			})
			back := make(chan error, 1)
			go func() { back <- s.revive(killed) }()
			s.rotate("FAL_KEY")
			s.approved()
			if err := <-back; err != nil {
				t.Fatal(err)
			}
			s.rotated(nil)
		})
	}
}
