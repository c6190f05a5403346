package infisical

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// hiddenText stands where a value may not be shown.
const hiddenText = "<hidden-by-infisical>"

// listing is the answer of both list routes.
type listing struct {
	Secrets []map[string]any `json:"secrets"`
	Imports []imported       `json:"imports"`
}

type imported struct {
	SecretPath  string           `json:"secretPath"`
	Environment string           `json:"environment"`
	FolderID    string           `json:"folderId"`
	Secrets     []map[string]any `json:"secrets"`
}

func etag(data []byte) string {
	sum := sha256.Sum256(data)
	return `W/"` + hex.EncodeToString(sum[:12]) + `"`
}

// readable checks the rights of a read. Without the right to values v4 hides
// them and v3 refuses.
func (a ask) readable(at Place) (hide bool, no *refusal) {
	if no := a.allowed(Describe, at); no != nil {
		return false, no
	}
	if !a.view() {
		return true, nil
	}
	no = a.allowed(ReadValue, at)
	if no != nil && a.four {
		return true, nil
	}
	return false, no
}

func (s *Server) retrieve(a ask) (any, *refusal) {
	hide, no := a.readable(a.at)
	if no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.folders[a.at] == nil {
		return nil, noFolder("GetSecretByName", a.at)
	}
	at, e := s.findLocked(a)
	if e == nil {
		return nil, notFound("NotFound", "Secret with name '%s' not found", a.name)
	}
	if text := a.query.Get("version"); text != "" {
		return s.oldLocked(a, at, e, text, hide)
	}
	m := s.currentLocked(a, at, e, hide)
	return map[string]any{"secret": m}, nil
}

// findLocked looks in the folder and then, if asked to, in what it imports.
func (s *Server) findLocked(a ask) (Place, *entry) {
	f := s.folders[a.at]
	if e := f.entries[a.name]; e != nil || !a.imports() {
		return a.at, e
	}
	for _, from := range slices.Backward(f.imports) {
		if e := s.entryLocked(from, a.name); e != nil {
			return from, e
		}
	}
	return a.at, nil
}

// oldLocked answers a read by number: the version's own time, no metadata, and
// a redacted version looks like an empty one.
func (s *Server) oldLocked(a ask, at Place, e *entry, text string, hide bool) (any, *refusal) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, invalid(issue{Code: "invalid_type", Expected: "number", Received: "nan", Path: []string{"version"}, Message: "Expected number, received nan"})
	}
	v, ok := e.at(n)
	if !ok {
		return nil, notFound("NotFound", "Secret with name '%s' not found", a.name)
	}
	m := basics(at, e, n)
	m["secretValue"], m["secretComment"] = v.value, v.comment
	m["createdAt"], m["updatedAt"] = stamp(v.made), stamp(v.made)
	m["secretPath"] = at.Path
	conceal(m, hide)
	return map[string]any{"secret": m}, nil
}

func (s *Server) currentLocked(a ask, at Place, e *entry, hide bool) map[string]any {
	m := basics(at, e, len(e.versions))
	value := e.current().value
	if a.expand() {
		value = s.expandLocked(at, value, 0)
	}
	m["secretValue"], m["secretComment"] = value, e.current().comment
	rotated(m, e)
	m["secretPath"], m["tags"], m["secretMetadata"] = at.Path, []any{}, append([]Metadata{}, e.metadata...)
	conceal(m, hide)
	return m
}

// basics is what every answer about a secret holds.
func basics(at Place, e *entry, n int) map[string]any {
	return map[string]any{
		"id": e.id, "_id": e.id, "workspace": at.Project, "environment": at.Environment, "version": n,
		"type": "shared", "secretKey": e.name, "secretComment": "", "secretReminderNote": nil,
		"secretReminderRepeatDays": nil, "skipMultilineEncoding": false,
		"createdAt": stamp(e.created), "updatedAt": stamp(e.updated),
	}
}

func rotated(m map[string]any, e *entry) {
	m["isRotatedSecret"], m["rotationId"] = e.rotation != "", any(nil)
	if e.rotation != "" {
		m["rotationId"] = e.rotation
	}
}

func conceal(m map[string]any, hide bool) {
	m["secretValueHidden"] = hide
	if hide {
		m["secretValue"] = hiddenText
	}
}

func (s *Server) list(a ask) (any, *refusal) {
	hide, no := a.readable(a.at)
	if no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folders[a.at]
	if f == nil {
		return nil, notFound("SecretPathNotFound", "Folder with path '%s' in environment '%s' was not found. Please ensure the environment slug and secret path is correct.", a.at.Path, a.at.Environment)
	}
	all := listing{Secrets: s.folderLocked(a, a.at, hide), Imports: []imported{}}
	if a.flag("recursive", false) {
		all.Secrets = append(all.Secrets, s.belowLocked(a, hide)...)
	}
	if a.imports() {
		for _, from := range f.imports {
			if src := s.folders[from]; src != nil {
				all.Imports = append(all.Imports, imported{from.Path, from.Environment, src.id, s.folderLocked(a, from, hide)})
			}
		}
	}
	return all, nil
}

func (s *Server) folderLocked(a ask, at Place, hide bool) []map[string]any {
	secrets := []map[string]any{}
	f := s.folders[at]
	for _, name := range f.names() {
		secrets = append(secrets, s.currentLocked(a, at, f.entries[name], hide))
	}
	return secrets
}

// belowLocked lists the folders beneath the one asked for.
func (s *Server) belowLocked(a ask, hide bool) []map[string]any {
	var places []Place
	for at := range s.folders {
		inside := at.Project == a.at.Project && at.Environment == a.at.Environment && at.Path != a.at.Path &&
			strings.HasPrefix(at.Path, strings.TrimSuffix(a.at.Path, "/")+"/")
		if inside && a.who.may(Describe, at) {
			places = append(places, at)
		}
	}
	slices.SortFunc(places, func(x, y Place) int { return strings.Compare(x.Path, y.Path) })
	var secrets []map[string]any
	for _, at := range places {
		secrets = append(secrets, s.folderLocked(a, at, hide)...)
	}
	return secrets
}

func noFolder(word string, at Place) *refusal {
	return &refusal{
		status: http.StatusNotFound, word: word,
		message: "Folder with path '" + at.Path + "' in environment with slug '" + at.Environment + "' not found",
	}
}
