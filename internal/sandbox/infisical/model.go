package infisical

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"
)

// Place is a folder of an environment of a project. An empty Path means "/".
type Place struct {
	Project     string // id, not slug
	Environment string // slug
	Path        string
}

// clean gives the path its one spelling: leading slash, none at the end.
func (p Place) clean() Place {
	p.Path = "/" + strings.Trim(p.Path, "/")
	return p
}

// Metadata is one key with its value on an entry.
type Metadata struct {
	Key         string `json:"key"`
	Value       string `json:"value"`
	IsEncrypted bool   `json:"isEncrypted"`
}

// Entry is a secret as it stands, or one of its older versions.
type Entry struct {
	ID       string
	Name     string
	Version  int
	Value    string
	Comment  string
	Metadata []Metadata
	Made     time.Time // when this version was written
	By       string    // who wrote it: an identity's name, or a person's
}

type project struct {
	id, slug, name string
	environments   []string
	held           map[string]bool // environments under a change policy
}

type folder struct {
	id      string
	entries map[string]*entry
	imports []Place // later ones win
}

type entry struct {
	id, name string
	versions []version // versions[0] is version 1
	metadata []Metadata
	rotation string // id of the rotation that manages it, or empty
	created  time.Time
	updated  time.Time
}

type version struct {
	id       string
	value    string
	comment  string
	by       string
	made     time.Time
	redacted bool
}

func (e *entry) current() version { return e.versions[len(e.versions)-1] }

// at returns version n, counted from 1.
func (e *entry) at(n int) (version, bool) {
	if n < 1 || n > len(e.versions) {
		return version{}, false
	}
	return e.versions[n-1], true
}

func (e *entry) view() Entry {
	v := e.current()
	return Entry{
		ID: e.id, Name: e.name, Version: len(e.versions), Value: v.value, Comment: v.comment,
		Metadata: append([]Metadata(nil), e.metadata...), Made: v.made, By: v.by,
	}
}

// newID returns a random UUID.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// random returns n random bytes in hex.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// trimmed is a value as the server stores it: white space goes from both ends,
// but one newline at the end survives.
func trimmed(value string) string {
	t := strings.TrimSpace(value)
	if strings.HasSuffix(value, "\n") {
		t += "\n"
	}
	return t
}
