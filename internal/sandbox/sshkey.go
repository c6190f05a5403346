package sandbox

import (
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// SSHKey is a key with which somebody signs on the command line.
type SSHKey struct {
	File        string // of the private part, as OpenSSH writes it
	Public      string // the line of the public part
	Fingerprint string // SHA256:…
}

// NewSSHKey makes one, with its public part beside it, in a file that only this
// user reads.
func NewSSHKey(path string) (SSHKey, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return SSHKey{}, fmt.Errorf("making an SSH key: %w", err)
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		return SSHKey{}, fmt.Errorf("making an SSH key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return SSHKey{}, fmt.Errorf("making an SSH key: %w", err)
	}
	k := SSHKey{File: path, Public: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))), Fingerprint: ssh.FingerprintSHA256(public)}
	for file, body := range map[string][]byte{path: pem.EncodeToMemory(block), path + ".pub": []byte(k.Public + "\n")} {
		if err := os.WriteFile(file, body, 0o600); err != nil {
			return SSHKey{}, fmt.Errorf("keeping an SSH key: %w", err)
		}
	}
	return k, nil
}
