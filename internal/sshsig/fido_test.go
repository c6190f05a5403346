package sshsig_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"golang.org/x/crypto/ssh"
)

// fido signs as a FIDO key with these flags does.
func fido(t testing.TB, flags byte, space string, message []byte) []byte {
	t.Helper()
	const application = "ssh:"
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(message)
	signed := append([]byte("SSHSIG"), ssh.Marshal(struct{ Namespace, Reserved, Hash, Digest string }{space, "", "sha256", string(digest[:])})...)
	app, data := sha256.Sum256([]byte(application)), sha256.Sum256(signed)
	counter := []byte{0, 0, 0, 7}
	raw := append(append(append(app[:], flags), counter...), data[:]...)
	by := ssh.Marshal(struct {
		Format string
		Blob   []byte
		Rest   []byte `ssh:"rest"`
	}{ssh.KeyAlgoSKED25519, ed25519.Sign(private, raw), append([]byte{flags}, counter...)})
	key := ssh.Marshal(struct{ Kind, Key, Application string }{ssh.KeyAlgoSKED25519, string(public), application})
	blob := append([]byte("SSHSIG"), ssh.Marshal(struct {
		Version                   uint32
		Key                       []byte
		Namespace, Reserved, Hash string
		By                        []byte
	}{1, key, space, "", "sha256", by})...)
	return []byte("-----BEGIN SSH SIGNATURE-----\n" + base64.StdEncoding.EncodeToString(blob) + "\n-----END SSH SIGNATURE-----\n")
}
