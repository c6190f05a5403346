package sshsig

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"

	"golang.org/x/crypto/ssh"
)

// MaxSize bounds a signature in its armour: one by RSA of 16384 bits is half as
// long.
const MaxSize = 16 << 10

const (
	magic   = "SSHSIG"
	version = 1
	begin   = "-----BEGIN SSH SIGNATURE-----"
	end     = "-----END SSH SIGNATURE-----"
)

// The least that a key must be. A FIDO key says in its flags that it was
// touched: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.u2f
const (
	leastRSA = 2048
	touched  = 1
)

// ErrForged is returned for a signature that is not one of this message.
var ErrForged = errors.New("the signature does not fit")

// Signature is one that was read and not yet verified.
type Signature struct {
	Key       ssh.PublicKey
	Namespace string

	reserved, hash string
	by             ssh.Signature
}

// envelope is the blob in the armour, after the magic words.
type envelope struct {
	Version   uint32
	Key       []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
}

// Parse reads an armoured signature.
func Parse(armoured []byte) (*Signature, error) {
	blob, err := dearmour(armoured)
	if err != nil {
		return nil, fmt.Errorf("reading a signature: %w", err)
	}
	s, err := parseBlob(blob)
	if err != nil {
		return nil, fmt.Errorf("reading a signature: %w", err)
	}
	return s, nil
}

func dearmour(armoured []byte) ([]byte, error) {
	if len(armoured) > MaxSize {
		return nil, fmt.Errorf("it is longer than %d bytes", MaxSize)
	}
	text := strings.TrimSpace(strings.ReplaceAll(string(armoured), "\r\n", "\n"))
	inner, begins := strings.CutPrefix(text, begin+"\n")
	inner, ends := strings.CutSuffix(inner, "\n"+end)
	if !begins || !ends {
		return nil, errors.New("it is not between the lines of an SSH signature")
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(strings.ReplaceAll(inner, "\n", ""))
	if err != nil {
		return nil, errors.New("it is not base64")
	}
	return blob, nil
}

func parseBlob(blob []byte) (*Signature, error) {
	rest, is := bytes.CutPrefix(blob, []byte(magic))
	if !is {
		return nil, errors.New("it is not an SSH signature")
	}
	var e envelope
	if err := ssh.Unmarshal(rest, &e); err != nil {
		return nil, errors.New("its form is broken")
	}
	if e.Version != version {
		return nil, fmt.Errorf("version %d is not known", e.Version)
	}
	key, err := ssh.ParsePublicKey(e.Key)
	if err != nil {
		return nil, errors.New("its key cannot be read")
	}
	if why := unfit(key); why != "" {
		return nil, errors.New(why)
	}
	s := &Signature{Key: key, Namespace: e.Namespace, reserved: e.Reserved, hash: e.Hash}
	if err := ssh.Unmarshal(e.Signature, &s.by); err != nil {
		return nil, errors.New("its form is broken")
	}
	return s, nil
}

// unfit says why signatures with a key do not count, or "".
func unfit(key ssh.PublicKey) string {
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return ""
	case ssh.KeyAlgoRSA:
		if long(key) {
			return ""
		}
		return fmt.Sprintf("an RSA key of less than %d bits does not count", leastRSA)
	default:
		return "a key of this kind does not count"
	}
}

func long(key ssh.PublicKey) bool {
	holder, is := key.(ssh.CryptoPublicKey)
	if !is {
		return false
	}
	k, is := holder.CryptoPublicKey().(*rsa.PublicKey)
	return is && k.N.BitLen() >= leastRSA
}

// Verify reports nil where the key of the signature signed this message in this
// namespace, and ErrForged otherwise.
func (s *Signature) Verify(namespace string, message []byte) error {
	digest := map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}[s.hash]
	if digest == nil || namespace == "" || s.Namespace != namespace || !s.sound() {
		return ErrForged
	}
	h := digest()
	h.Write(message)
	signed := ssh.Marshal(struct{ Namespace, Reserved, Hash, Digest string }{s.Namespace, s.reserved, s.hash, string(h.Sum(nil))})
	if s.Key.Verify(append([]byte(magic), signed...), &s.by) != nil {
		return ErrForged
	}
	return nil
}

// sound refuses what a key would verify and nobody should count: RSA over
// SHA-1, and a FIDO key that nobody touched.
func (s *Signature) sound() bool {
	switch s.Key.Type() {
	case ssh.KeyAlgoRSA:
		return s.by.Format == ssh.KeyAlgoRSASHA256 || s.by.Format == ssh.KeyAlgoRSASHA512
	case ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return len(s.by.Rest) == 5 && s.by.Rest[0]&touched != 0
	default:
		return len(s.by.Rest) == 0
	}
}

// Fingerprint names a key as OpenSSH does: SHA256 and base64.
func (s *Signature) Fingerprint() string { return ssh.FingerprintSHA256(s.Key) }
