package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey/bot/config"
	"rekey/internal/finding"
)

// signerKey is the line of a new public key.
func signerKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	const kind = "ssh-ed25519"
	var blob []byte
	for _, part := range []string{kind, string(public)} { // RFC 8709
		blob = append(binary.BigEndian.AppendUint32(blob, uint32(len(part))), part...)
	}
	return kind + " " + base64.StdEncoding.EncodeToString(blob)
}

// TestSignersFound: what would be noticed in the night on which Slack is away is
// said on a quiet day, with the line it stands on.
func TestSignersFound(t *testing.T) {
	ann, ben := signerKey(t), signerKey(t)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		signers, revoked string
		mode             os.FileMode
		change           func(*config.Config)
		want             []string // each is found, and nothing else; none is all well
	}{
		"all well": {signers: "ann " + ann + "\nben " + ben},
		"both names of one": {signers: "ann,annie " + ann + "\nben " + ben, change: func(c *config.Config) {
			c.CommandLine.People = append(c.CommandLine.People, config.Signer{Name: "annie", User: "U1"})
		}},
		"no line":            {signers: "ann " + ann + "\nben " + ben + "\n# x\nnobody", want: []string{"Line 4: a name alone. The line names nobody."}},
		"a pattern":          {signers: "ann " + ann + "\nben " + ben + "\n* " + ann, want: []string{"Line 3: a pattern in place of a name."}},
		"nobody we know":     {signers: "ann " + ann + "\nben " + ben + "\neve " + signerKey(t), want: []string{"Line 3: eve is nobody in command_line.people."}},
		"run out":            {signers: "ann " + ann + "\nben " + ben + "\nben valid-before=\"20260401Z\" " + signerKey(t), want: []string{"Line 3, ben: the key has run out on 2026-04-01"}},
		"runs out soon":      {signers: "ann " + ann + "\nben valid-before=\"20260503Z\" " + ben, want: []string{"Line 2, ben: the key runs out on 2026-05-03"}},
		"not yet":            {signers: "ann " + ann + "\nben " + ben + "\nben valid-after=\"20260601Z\" " + signerKey(t), want: []string{"Line 3, ben: the key does not count before 2026-06-01"}},
		"for something else": {signers: "ann " + ann + "\nben " + ben + "\nben namespaces=\"git\" " + signerKey(t), want: []string{"Line 3, ben: the key is not for rekey@acme"}},
		"one key of two": {signers: "ann " + ann + "\nben " + ann, want: []string{
			"Line 1: the key stands for U1 and U2, and so for nobody.", "ann has no key that counts.", "ben has no key that counts.", "FAL_KEY needs 1 approval, and none of those who can sign"}},
		"revoked":    {signers: "ann " + ann + "\nben " + ben, revoked: ben, want: []string{"Line 2, ben: the key is revoked.", "ben has no key that counts.", "FAL_KEY needs 1 approval, and none"}},
		"a bad list": {signers: "ann " + ann + "\nben " + ben, revoked: "ben", want: []string{"line 1: no public key that can be read. Nobody's statement is taken."}},
		"on no list": {signers: "ann " + ann + "\nben " + ben + "\ncy " + signerKey(t), change: func(c *config.Config) {
			c.CommandLine.People = append(c.CommandLine.People, config.Signer{Name: "cy", User: "U3"})
		}, want: []string{"cy may neither start nor approve anything"}},
		"too few":      {signers: "ann " + ann + "\nben " + ben, change: func(c *config.Config) { c.Secrets["FAL_KEY"].Policy.Quorum = 2 }, want: []string{"FAL_KEY needs 2 approvals, and 1 of those who can sign"}},
		"not private":  {signers: "ann " + ann + "\nben " + ben, mode: 0o666, want: []string{"may be written by others (mode 0666)"}},
		"no such file": {want: []string{"Nobody's statement is taken."}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := &config.Config{Installation: "acme", Announce: config.Announce{Within: 7 * 24 * time.Hour}, Starters: config.People{Users: []string{"U1"}}}
			c.Secrets = map[string]*config.Secret{"FAL_KEY": {Policy: config.Policy{Quorum: 1, Approvers: config.People{Group: "S1"}}}}
			c.CommandLine = config.CommandLine{Listen: "127.0.0.1:1", AllowedSigners: filepath.Join(dir, "signers"),
				People: []config.Signer{{Name: "ann", User: "U1"}, {Name: "ben", User: "U2", Approver: true}}}
			if tt.signers != "" {
				writeMode(t, c.CommandLine.AllowedSigners, tt.signers, tt.mode)
			}
			if tt.revoked != "" {
				c.CommandLine.Revoked = filepath.Join(dir, "revoked")
				writeMode(t, c.CommandLine.Revoked, tt.revoked, 0)
			}
			if tt.change != nil {
				tt.change(c)
			}
			holdFindings(t, signersFound(c, now), tt.want)
		})
	}
	if found := signersFound(&config.Config{}, now); len(found) > 0 {
		t.Errorf("without a command line: %v", found)
	}
}

func writeMode(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if mode == 0 {
		mode = 0o600
	}
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func holdFindings(t *testing.T, found []finding.Finding, want []string) {
	t.Helper()
	if len(want) == 0 {
		if len(found) != 1 || found[0].Verdict != finding.OK {
			t.Errorf("%v", found)
		}
		return
	}
	for i, f := range found {
		if f.Verdict == finding.OK || len(found) != len(want) || !strings.Contains(f.Found, want[i]) {
			t.Errorf("%d of %d, want %d: %v", i, len(found), len(want), f)
		}
	}
}

// TestSignersAreReported: check says who may sign, line by line.
func TestSignersAreReported(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile("testdata/rekey.yaml")
	if err != nil {
		t.Fatal(err)
	}
	signers, path := filepath.Join(dir, "signers"), filepath.Join(dir, "rekey.yaml")
	writeMode(t, signers, "ann "+signerKey(t)+"\n* "+signerKey(t), 0)
	writeMode(t, path, string(text)+"\ncommand_line:\n  listen: unix:/run/rekey.sock\n  allowed_signers: "+signers+"\n  workspace: T0ACME\n  people:\n    - {name: ann, user: U0AAAA}\n", 0)
	_, out, _ := ran(t, variables{}, "check", "--config", path)
	if !strings.Contains(out, "Who may sign on the command line:") || !strings.Contains(out, "Line 2: a pattern in place of a name. The line names nobody.") {
		t.Errorf("check says nothing of it:\n%s", out)
	}
}
