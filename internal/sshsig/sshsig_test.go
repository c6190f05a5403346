package sshsig_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"rekey/internal/sshsig"
)

const namespace = "rekey@acme"

var message = []byte("rekey statement 1\nact: approve\n")

// keygen is the real program, which this package must agree with.
func keygen(t *testing.T, stdin []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("ssh-keygen")
	if err != nil {
		if os.Getenv("REKEY_REQUIRE_TOOLS") == "1" {
			t.Fatal("ssh-keygen is not installed, and REKEY_REQUIRE_TOOLS=1 asks for it")
		}
		t.Skip("ssh-keygen is not installed")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ssh-keygen %v: %v: %s", args, err, &said)
	}
	return out
}

// pair makes a key and returns its file and the line of its public part.
func pair(t *testing.T, kind string, more ...string) (file, public string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "key")
	keygen(t, nil, append([]string{"-q", "-t", kind, "-N", "", "-C", "", "-f", file}, more...)...)
	line, err := os.ReadFile(file + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return file, strings.TrimSpace(string(line))
}

func sign(t *testing.T, file, space string, message []byte, more ...string) []byte {
	t.Helper()
	return keygen(t, message, append([]string{"-q", "-Y", "sign", "-n", space, "-f", file}, more...)...)
}

// TestAgreesWithOpenSSH: what ssh-keygen signs is verified, by every kind of
// key, and named as it names it.
func TestAgreesWithOpenSSH(t *testing.T) {
	for _, kind := range [][]string{{"ed25519"}, {"ecdsa", "-b", "256"}, {"ecdsa", "-b", "521"}, {"rsa", "-b", "2048"}} {
		t.Run(strings.Join(kind, ""), func(t *testing.T) {
			file, public := pair(t, kind[0], kind[1:]...)
			for _, digest := range []string{"sha256", "sha512"} {
				s, err := sshsig.Parse(sign(t, file, namespace, message, "-O", "hashalg="+digest))
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Verify(namespace, message); err != nil {
					t.Errorf("%s: %v", digest, err)
				}
				if said := string(keygen(t, nil, "-l", "-f", file+".pub")); !strings.Contains(said, s.Fingerprint()) {
					t.Errorf("%s is not in %s", s.Fingerprint(), said)
				}
				signers := sshsig.ParseSigners([]byte("alice@example.com " + public + "\n"))
				if got := signers.Principals(s.Key, namespace, time.Now()); !slices.Equal(got, []string{"alice@example.com"}) {
					t.Errorf("principals %v, unused %v", got, signers.Unused)
				}
			}
		})
	}
}

// TestForged: nothing but the very message, in the very namespace, counts.
func TestForged(t *testing.T) {
	file, _ := pair(t, "ed25519")
	good := sign(t, file, namespace, message)
	for name, forged := range map[string]struct {
		armoured  []byte
		namespace string
		message   string
	}{
		"another message":             {good, namespace, "rekey statement 1\nact: deny\n"},
		"a longer message":            {good, namespace, string(message) + "\n"},
		"asked for another namespace": {good, "rekey@other", string(message)},
		"signed in another namespace": {sign(t, file, "file", message), namespace, string(message)},
		"asked for no namespace":      {good, "", string(message)},
	} {
		s, err := sshsig.Parse(forged.armoured)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := s.Verify(forged.namespace, []byte(forged.message)); !errors.Is(err, sshsig.ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOneBitOff: no changed signature is one of the message.
func TestOneBitOff(t *testing.T) {
	file, _ := pair(t, "ed25519")
	good := sign(t, file, namespace, message)
	for i := range len(good) - 1 { // what follows the armour is space
		bad := bytes.Clone(good)
		bad[i] ^= 1
		s, err := sshsig.Parse(bad)
		if err == nil && s.Verify(namespace, message) == nil {
			t.Errorf("byte %d changed from %q to %q, and it counts", i, good[i], bad[i])
		}
	}
}

// TestUnreadable: what is no signature is refused with a reason.
func TestUnreadable(t *testing.T) {
	weak, _ := pair(t, "rsa", "-b", "1024")
	for name, text := range map[string]string{
		"nothing":        "",
		"words":          "approve it",
		"empty armour":   "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----",
		"not base64":     "-----BEGIN SSH SIGNATURE-----\n!!\n-----END SSH SIGNATURE-----",
		"something else": "-----BEGIN SSH SIGNATURE-----\naGVsbG8=\n-----END SSH SIGNATURE-----",
		"too long":       strings.Repeat("A", sshsig.MaxSize+1),
		"a weak key":     string(sign(t, weak, namespace, message)),
	} {
		if _, err := sshsig.Parse([]byte(text)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// TestSigners: which lines name whom, and when.
func TestSigners(t *testing.T) {
	file, public := pair(t, "ed25519")
	_, other := pair(t, "ed25519")
	s, err := sshsig.Parse(sign(t, file, namespace, message))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for line, want := range map[string]string{
		"alice " + public:                                                       "alice",
		"alice,alice@example.com " + public:                                     "alice alice@example.com",
		`"alice" ` + public:                                                     "alice",
		"alice " + public + " a comment":                                        "alice",
		"  alice\t" + public:                                                    "alice",
		"# alice " + public:                                                     "",
		"bob " + other:                                                          "",
		`alice namespaces="rekey@acme" ` + public:                               "alice",
		`alice namespaces="file,rekey@*" ` + public:                             "alice",
		`alice namespaces="rekey@?cme" ` + public:                               "alice",
		`alice namespaces="file" ` + public:                                     "",
		`alice namespaces="rekey@*,!rekey@acme" ` + public:                      "",
		`alice valid-after="20260501Z" ` + public:                               "alice",
		`alice valid-after="202605011201Z" ` + public:                           "",
		`alice valid-before="20260501120001Z" ` + public:                        "alice",
		`alice valid-before="20260501120000Z" ` + public:                        "",
		`alice valid-after="20260101Z",valid-before="20270101Z" ` + public:      "alice",
		`alice namespaces="rekey@acme",valid-before="20260101Z" ` + public:      "",
		"alice cert-authority " + public:                                        "?",
		"* " + public:                                                           "?",
		"!alice,bob " + public:                                                  "?",
		`alice valid-before="soon" ` + public:                                   "?",
		`alice no-such-option ` + public:                                        "?",
		"alice":                                                                 "?",
		"alice ssh-ed25519 AAAA":                                                "?",
		`"alice ` + public:                                                      "?",
		public:                                                                  "?",
		"alice " + public + "\nbob " + public:                                   "alice bob",
		"nonsense\nalice " + public:                                             "alice ?",
		`alice namespaces="other" ` + public + "\nalice " + public:              "alice",
		`alice valid-before="20200101Z" ` + public + "\n" + "bob " + other:      "",
		"carol cert-authority " + other + "\r\nalice " + public + "\r\n# end\n": "alice ?",
	} {
		signers := sshsig.ParseSigners([]byte(line))
		got := signers.Principals(s.Key, namespace, now)
		if len(signers.Unused) > 0 {
			got = append(got, "?")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %q; %v", line, got, want, signers.Unused)
		}
	}
}

func TestReadSigners(t *testing.T) {
	if _, err := sshsig.ReadSigners(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("a file that is not there names somebody")
	}
	long := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(long, bytes.Repeat([]byte("#\n"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sshsig.ReadSigners(long); err == nil {
		t.Error("a file without bound was read")
	}
}

// TestFIDO: a key in hardware counts when it was touched. There is no hardware in
// a test, so that the key signs as PROTOCOL.u2f says that hardware does.
func TestFIDO(t *testing.T) {
	for flags, want := range map[byte]bool{1: true, 5: true, 0: false, 4: false} {
		s, err := sshsig.Parse(fido(t, flags, namespace, message))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(namespace, message); (err == nil) != want {
			t.Errorf("flags %d: %v", flags, err)
		}
		if s.Key.Type() != ssh.KeyAlgoSKED25519 {
			t.Errorf("a key of kind %s", s.Key.Type())
		}
		if err := s.Verify(namespace, []byte("another")); err == nil {
			t.Error("another message counts")
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----"))
	f.Add(fido(f, 1, namespace, message))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := sshsig.Parse(text)
		if err != nil {
			return
		}
		if s.Verify("somewhere else", []byte("a message that nobody signed")) == nil {
			t.Error("it verifies what nobody signed")
		}
		_ = s.Fingerprint()
	})
}

func FuzzSigners(f *testing.F) {
	f.Add("alice ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000000")
	f.Add(`"a b" namespaces="x,!y*",valid-after="20260101Z" ssh-rsa AAAA`)
	f.Fuzz(func(t *testing.T, text string) {
		s := sshsig.ParseSigners([]byte(text))
		for _, why := range s.Unused {
			if strings.Contains(why, "\n") {
				t.Errorf("two lines: %q", fmt.Sprint(why))
			}
		}
	})
}
