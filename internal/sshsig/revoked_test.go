package sshsig_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rekey/internal/sshsig"
)

// TestRevokedAgreesWithOpenSSH: a list of public keys revokes what ssh-keygen
// takes it to revoke.
func TestRevokedAgreesWithOpenSSH(t *testing.T) {
	file, public := pair(t, "ed25519")
	_, other := pair(t, "ecdsa")
	signature := sign(t, file, namespace, message)
	s, err := sshsig.Parse(signature)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	signers, by := write("signers", "alice "+public+"\n"), write("signature", string(signature))
	for text, want := range map[string]bool{
		"":                                     false,
		"# " + public + "\n":                   false,
		other + "\n":                           false,
		public + "\n":                          true,
		other + " x\n\n" + public + " alice\n": true,
	} {
		list := write("revoked", text)
		revoked, err := sshsig.ReadRevoked(list)
		if err != nil || revoked.Has(s.Key) != want {
			t.Errorf("%q: %t, want %t: %v", text, revoked.Has(s.Key), want, err)
		}
		cmd := exec.CommandContext(t.Context(), "ssh-keygen", "-Y", "verify", "-f", signers, "-I", "alice", "-n", namespace, "-s", by, "-r", list)
		cmd.Stdin = strings.NewReader(string(message))
		if said, err := cmd.CombinedOutput(); (err != nil) != want {
			t.Errorf("%q: ssh-keygen takes it otherwise: %v: %s", text, err, said)
		}
	}
}

// TestRevokedUnreadable: whatever may have revoked somebody and is not understood
// is an error.
func TestRevokedUnreadable(t *testing.T) {
	_, public := pair(t, "ed25519")
	for text, want := range map[string]string{
		public + "\nalice\n":                 "line 2",
		"alice " + public + "\n":             "line 1",
		"SSHKRL\n\x00\x00\x00\x00\x01":       "one a line",
		"ssh-ed25519 AAAA\n":                 "line 1",
		"cert-authority " + public + "\n":    "line 1",
		"# a serial number\nserial: 1\n":     "line 2",
		"sha256: SHA256:AAAAAAAAAAAAAAAAA\n": "line 1",
	} {
		if _, err := sshsig.ParseRevoked([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := sshsig.ReadRevoked(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("a list that is not there revokes nobody")
	}
}

// TestLines: a line says where it stands, and what it is for.
func TestLines(t *testing.T) {
	_, public := pair(t, "ed25519")
	s := sshsig.ParseSigners([]byte("# people\nalice,bob namespaces=\"rekey@*,!rekey@other\",valid-before=\"20260501Z\" " + public + "\n\n* " + public + "\n"))
	if len(s.Lines()) != 1 || len(s.Unused) != 1 {
		t.Fatalf("%+v, %v", s.Lines(), s.Unused)
	}
	l := s.Lines()[0]
	if l.Line != 2 || strings.Join(l.Names, " ") != "alice bob" || l.Before.Year() != 2026 || !l.After.IsZero() || !l.Within(namespace) || l.Within("rekey@other") || l.Within("git") {
		t.Errorf("%+v", l)
	}
}
