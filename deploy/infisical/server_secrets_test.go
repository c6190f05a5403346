package infisical_test

import (
	"net/http"
	"regexp"
	"strconv"
	"time"

	"rekey/deploy/infisical"
)

// echo is what an update answers with: what was sent, and no comment, path,
// tags or metadata.
func (s *server) echo(p infisical.Place, r *row) map[string]any {
	last := len(r.versions)
	return map[string]any{
		"id": r.id, "_id": r.id, "workspace": projectID, "environment": p.Environment, "version": last, "type": "shared",
		"secretKey": r.name, "secretValue": r.versions[last-1].value, "secretComment": "", "secretReminderNote": nil,
		"secretReminderRepeatDays": nil, "skipMultilineEncoding": false,
		"createdAt": r.created.Format(time.RFC3339Nano), "updatedAt": r.versions[last-1].created.Format(time.RFC3339Nano),
		"isRotatedSecret": r.rotated, "rotationId": nil, "secretValueHidden": false,
	}
}

// full is what a read of the current version shows.
func (s *server) full(p infisical.Place, r *row, view bool) map[string]any {
	m := s.echo(p, r)
	m["secretPath"], m["tags"], m["secretMetadata"] = p.Path, []any{}, r.metadata
	if s.hide || !view {
		m["secretValue"], m["secretValueHidden"] = "<hidden-by-infisical>", true
	}
	return m
}

// numbered is what a read by number shows: its own time, no metadata, and no
// word about rotation or redaction.
func (s *server) numbered(p infisical.Place, r *row, n int) map[string]any {
	m := s.full(p, r, true)
	v := r.versions[n-1]
	m["version"], m["createdAt"] = n, v.created.Format(time.RFC3339Nano)
	if !s.hide {
		m["secretValue"] = v.value
	}
	for _, absent := range []string{"isRotatedSecret", "rotationId", "tags", "secretMetadata"} {
		delete(m, absent)
	}
	return m
}

// read is the v4 read, or the v3 one that the SDK uses. Only the defaults, the
// spelling of a flag and the name of the project differ.
func (s *server) read(w http.ResponseWriter, r *http.Request, name string, four bool) {
	q := r.URL.Query()
	project, includes := "workspaceId", q.Get("include_imports") == "true"
	if four {
		project, includes = "projectId", q.Get("includeImports") != "false"
	}
	if q.Get(project) != projectID {
		refuse(w, http.StatusNotFound, "NotFound", "Project with ID '"+q.Get(project)+"' not found during bot lookup.")
		return
	}
	p := infisical.Place{Environment: q.Get("environment"), Path: q.Get("secretPath")}
	if s.folders[p] == nil {
		refuse(w, http.StatusNotFound, "GetSecretByName", "Folder with path '"+p.Path+"' in environment with slug '"+p.Environment+"' not found")
		return
	}
	found := s.folders[p][name]
	if from, imports := s.imports[p]; found == nil && includes && imports {
		p, found = from, s.folders[from][name]
	}
	n, _ := strconv.Atoi(q.Get("version"))
	if found == nil || n > len(found.versions) {
		refuse(w, http.StatusNotFound, "NotFound", "Secret with name '"+name+"' not found")
		return
	}
	m := s.full(p, found, q.Get("viewSecretValue") != "false")
	if n > 0 {
		m = s.numbered(p, found, n)
	}
	if expand := q.Get("expandSecretReferences"); expand == "true" || (four && expand == "") {
		m["secretValue"] = s.expanded(p, m["secretValue"].(string))
	}
	answer(w, map[string]any{"secret": m})
}

var referenceForm = regexp.MustCompile(`\$\{(\w+)\}`)

// expanded replaces references of the same folder; an unknown one silently
// becomes nothing.
func (s *server) expanded(p infisical.Place, value string) string {
	return referenceForm.ReplaceAllStringFunc(value, func(m string) string {
		if r := s.folders[p][m[2:len(m)-1]]; r != nil {
			return r.versions[len(r.versions)-1].value
		}
		return ""
	})
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p := infisical.Place{Environment: q.Get("environment"), Path: q.Get("secretPath")}
	if s.folders[p] == nil {
		refuse(w, http.StatusNotFound, "SecretPathNotFound", "Folder with path '"+p.Path+"' in environment '"+p.Environment+"' was not found.")
		return
	}
	secrets, imports := []any{}, []any{}
	for _, name := range names(s.folders[p]) {
		m := s.full(p, s.folders[p][name], q.Get("viewSecretValue") != "false")
		if q.Get("expandSecretReferences") != "false" {
			m["secretValue"] = s.expanded(p, m["secretValue"].(string))
		}
		secrets = append(secrets, m)
	}
	if from, ok := s.imports[p]; ok && q.Get("includeImports") != "false" {
		var theirs []any
		for _, name := range names(s.folders[from]) {
			theirs = append(theirs, s.full(from, s.folders[from][name], true))
		}
		imports = append(imports, map[string]any{"secretPath": from.Path, "environment": from.Environment, "secrets": theirs})
	}
	answer(w, map[string]any{"secrets": secrets, "imports": imports})
}

// mayWrite checks what both updates check before looking at a secret.
func (s *server) mayWrite(w http.ResponseWriter, body map[string]any) (infisical.Place, bool) {
	if body["projectId"] != projectID {
		refuse(w, http.StatusUnprocessableEntity, "ValidationFailure",
			[]any{map[string]any{"code": "invalid_type", "path": []any{"projectId"}, "message": "Required"}})
		return infisical.Place{}, false
	}
	if s.readOnly {
		refuse(w, http.StatusForbidden, "PermissionDenied", "You are not allowed to edit on secrets")
		return infisical.Place{}, false
	}
	return infisical.Place{Environment: text(body["environment"]), Path: text(body["secretPath"])}, true
}

func (s *server) update(w http.ResponseWriter, body map[string]any, name string) {
	p, ok := s.mayWrite(w, body)
	if !ok {
		return
	}
	if s.folders[p][name] == nil {
		refuse(w, http.StatusNotFound, "NotFound", "Secret with name "+name+" not found")
		return
	}
	apply := func() map[string]any { return s.echo(p, s.change(p, name, body)) }
	if s.hold(w, p, func() { apply() }) {
		return
	}
	answer(w, map[string]any{"secret": apply()})
}

// remove deletes for good; an entry of the same name made later is another.
func (s *server) remove(w http.ResponseWriter, body map[string]any, name string) {
	p, ok := s.mayWrite(w, body)
	if !ok {
		return
	}
	r := s.folders[p][name]
	if r == nil {
		refuse(w, http.StatusNotFound, "NotFound", "Secret with name '"+name+"' not found")
		return
	}
	if s.hold(w, p, func() { delete(s.folders[p], name) }) {
		return
	}
	delete(s.folders[p], name)
	answer(w, map[string]any{"secret": s.echo(p, r)})
}

// batch writes all or, where one name is missing, nothing.
func (s *server) batch(w http.ResponseWriter, body map[string]any) {
	p, ok := s.mayWrite(w, body)
	if !ok {
		return
	}
	items, _ := body["secrets"].([]any)
	for _, item := range items {
		if name := text(item.(map[string]any)["secretKey"]); s.folders[p][name] == nil {
			refuse(w, http.StatusNotFound, "NotFound", "Secret does not exist: "+name+" in path "+p.Path)
			return
		}
	}
	apply := func() []any {
		all := []any{}
		for _, item := range items {
			m := item.(map[string]any)
			all = append(all, s.echo(p, s.change(p, text(m["secretKey"]), m)))
		}
		return all
	}
	if s.hold(w, p, func() { apply() }) {
		return
	}
	answer(w, map[string]any{"secrets": apply()})
}

// change adds a version, also where the value is the same, and replaces all
// metadata where some is given.
func (s *server) change(p infisical.Place, name string, body map[string]any) *row {
	r := s.putLocked(p, name, text(body["secretValue"]))
	if all, given := body["secretMetadata"].([]any); given {
		for _, m := range all {
			if m := m.(map[string]any); m["isEncrypted"] == nil {
				m["isEncrypted"] = false
			}
		}
		r.metadata = all
	}
	return r
}

// hold answers 200 with an approval in the place of the secret.
func (s *server) hold(w http.ResponseWriter, p infisical.Place, merge func()) bool {
	if !s.held[p] {
		return false
	}
	s.pending = append(s.pending, merge)
	now := time.Now().Format(time.RFC3339)
	answer(w, map[string]any{"approval": map[string]any{
		"id": "9f3b2c1d-0000-4000-8000-00000000000a", "policyId": "9f3b2c1d-0000-4000-8000-00000000000b", "slug": "blue-river-42",
		"folderId": "9f3b2c1d-0000-4000-8000-00000000000c", "hasMerged": false, "status": "open", "createdAt": now, "updatedAt": now,
	}})
	return true
}

// merge does what was held back.
func (s *server) merge() {
	s.set(func() {
		for _, do := range s.pending {
			do()
		}
		s.pending = nil
	})
}

func text(v any) string {
	t, _ := v.(string)
	return t
}
