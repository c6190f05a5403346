package sshsig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Revoked are keys whose signatures count for nothing, whatever the allowed
// signers say. The zero value is nobody's.
type Revoked struct{ keys map[string]bool }

// krl begins a key revocation list in OpenSSH's binary form:
// https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.krl
const krl = "SSHKRL\n\x00"

// ReadRevoked reads a file of revoked keys now: public keys, one a line, as
// `ssh-keygen -Y verify -r` takes. A line that is not understood is an error: it
// may have revoked somebody.
func ReadRevoked(path string) (Revoked, error) {
	f, err := os.Open(path) //nolint:gosec // the path is the operator's own configuration
	if err != nil {
		return Revoked{}, fmt.Errorf("reading the revoked keys: %w", err)
	}
	defer func() { _ = f.Close() }()
	body, err := io.ReadAll(io.LimitReader(f, maxSigners+1))
	if err == nil && len(body) > maxSigners {
		err = fmt.Errorf("the file is longer than %d bytes", maxSigners)
	}
	if err != nil {
		return Revoked{}, fmt.Errorf("reading the revoked keys: %w", err)
	}
	r, err := ParseRevoked(body)
	if err != nil {
		return Revoked{}, fmt.Errorf("reading the revoked keys in %s: %w", path, err)
	}
	return r, nil
}

// ParseRevoked reads the lines of such a file.
func ParseRevoked(body []byte) (Revoked, error) {
	if bytes.HasPrefix(body, []byte(krl)) {
		return Revoked{}, errors.New("it is a revocation list in binary form (KRL), which is not understood here: write the public keys, one a line")
	}
	r := Revoked{keys: make(map[string]bool)}
	for i, line := range strings.Split(string(body), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil || len(options) > 0 {
			return Revoked{}, fmt.Errorf("line %d: no public key that can be read", i+1)
		}
		r.keys[string(key.Marshal())] = true
	}
	return r, nil
}

// Has reports that a key is revoked.
func (r Revoked) Has(key ssh.PublicKey) bool { return r.keys[string(key.Marshal())] }

// Len is how many there are.
func (r Revoked) Len() int { return len(r.keys) }
