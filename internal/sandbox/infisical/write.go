package infisical

import (
	"fmt"
	"net/http"
)

func (s *Server) create(a ask) (any, *refusal) {
	if a.body.Type == "personal" {
		return nil, badRequest("Must be user to create personal secret")
	}
	d := edit{value: a.body.SecretValue, comment: a.body.SecretComment, metadata: a.body.SecretMetadata, by: a.who.Name}
	if d.value == nil {
		return nil, invalid(missing("secretValue"))
	}
	if no := a.writable(Create, d); no != nil {
		return nil, no
	}
	return s.commit(a, "CreateSecret", []string{a.name}, func(f *folder) (any, int, *refusal) {
		if f.entries[a.name] != nil {
			return nil, 0, badRequest("Secret already exists")
		}
		e := s.createLocked(f, a.name, d)
		m := basics(a.at, e, 1)
		m["secretValue"], m["secretComment"] = e.current().value, e.current().comment
		rotated(m, e)
		return map[string]any{"secret": m}, 1, nil
	})
}

func (s *Server) update(a ask) (any, *refusal) {
	d := edit{
		value: a.body.SecretValue, comment: a.body.SecretComment, metadata: a.body.SecretMetadata,
		rename: a.body.NewSecretName, by: a.who.Name,
	}
	if no := a.writable(Edit, d); no != nil {
		return nil, no
	}
	return s.commit(a, "UpdateSecret", []string{a.name}, func(f *folder) (any, int, *refusal) {
		e := f.entries[a.name]
		if e == nil {
			return nil, 0, notFound("NotFound", "Secret with name %s not found", a.name)
		}
		if d.rename != "" && d.rename != a.name {
			if f.entries[d.rename] != nil {
				return nil, 0, badRequest("Secret with the new name already exists")
			}
			delete(f.entries, a.name)
			e.name = d.rename
			f.entries[e.name] = e
		}
		s.editLocked(e, d)
		return map[string]any{"secret": a.echo(e, d)}, len(e.versions), nil
	})
}

func (s *Server) remove(a ask) (any, *refusal) {
	if no := a.writable(Delete, edit{}); no != nil {
		return nil, no
	}
	return s.commit(a, "DeleteSecret", []string{a.name}, func(f *folder) (any, int, *refusal) {
		e := f.entries[a.name]
		if e == nil {
			return nil, 0, notFound("NotFound", "Secret with name '%s' not found", a.name)
		}
		delete(f.entries, a.name)
		m := basics(a.at, e, len(e.versions))
		m["secretValue"], m["secretComment"] = e.current().value, e.current().comment
		conceal(m, !a.who.may(ReadValue, a.at))
		return map[string]any{"secret": m}, len(e.versions), nil
	})
}

// echo is the answer to an update: what was sent, not what is stored. An
// update without a value answers "" and the old value stays.
func (a ask) echo(e *entry, d edit) map[string]any {
	m := basics(a.at, e, len(e.versions))
	m["secretValue"] = ""
	if d.value != nil {
		m["secretValue"] = trimmed(*d.value)
	}
	if d.comment != nil {
		m["secretComment"] = *d.comment
	}
	rotated(m, e)
	conceal(m, !a.who.may(ReadValue, a.at))
	return m
}

// writable checks the right and the limits on metadata.
func (a ask) writable(r Right, d edit) *refusal {
	if no := a.allowed(r, a.at); no != nil {
		return no
	}
	if d.metadata == nil {
		return nil
	}
	for i, m := range *d.metadata {
		if m.Key == "" || len(m.Key) > 255 || len(m.Value) > 1020 {
			return invalid(issue{
				Code: "too_big", Path: []string{"secretMetadata", fmt.Sprint(i)},
				Message: "Key must be 1 to 255 characters, value at most 1020",
			})
		}
	}
	return nil
}

// commit runs a write under the lock, or keeps it back where a change policy
// holds the environment, and tells the hook before the answer goes out.
// The write returns its answer and the version of the first name.
func (s *Server) commit(a ask, word string, names []string, write func(*folder) (any, int, *refusal)) (any, *refusal) {
	s.mu.Lock()
	f := s.folders[a.at]
	if f == nil {
		s.mu.Unlock()
		return nil, noFolder(word, a.at)
	}
	if s.projects[a.at.Project].held[a.at.Environment] {
		answer := s.holdLocked(a, f, names, write)
		s.mu.Unlock()
		s.wrote(Write{Place: a.at, Names: names, By: a.who.Name, Held: true})
		return answer, nil
	}
	answer, n, no := write(f)
	s.mu.Unlock()
	if no != nil {
		return nil, no
	}
	s.wrote(Write{Place: a.at, Names: names, Version: n, By: a.who.Name, Gone: a.raw.Method == http.MethodDelete})
	return answer, nil
}
