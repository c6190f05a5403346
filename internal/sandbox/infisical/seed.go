package infisical

import (
	"fmt"
	"slices"
	"time"
)

// AddProject makes a project with environments, each with its root folder, and
// returns its id.
func (s *Server) AddProject(slug string, environments ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &project{id: newID(), slug: slug, name: slug, environments: environments, held: map[string]bool{}}
	s.projects[p.id] = p
	for _, e := range environments {
		s.folders[Place{p.id, e, "/"}] = &folder{id: newID(), entries: map[string]*entry{}}
	}
	return p.id
}

// AddFolder makes a folder below an existing environment.
func (s *Server) AddFolder(at Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at = at.clean()
	if s.folders[at] == nil {
		s.folders[at] = &folder{id: newID(), entries: map[string]*entry{}}
	}
}

// AddImport makes a folder import another one of the same project. Of several
// imports that hold a name the one added last wins.
func (s *Server) AddImport(into, from Place) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folders[into.clean()]
	if f == nil {
		return fmt.Errorf("importing into %s %s: no such folder", into.Environment, into.Path)
	}
	f.imports = append(f.imports, from.clean())
	return nil
}

// Put writes a value as a person would in the console: no policy, no identity,
// and it replaces what is there. It is how tests seed and how "someone else's
// write" comes about.
func (s *Server) Put(at Place, name, value, by string) (Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folders[at.clean()]
	if f == nil {
		return Entry{}, fmt.Errorf("writing %s: no folder %s in %s", name, at.Path, at.Environment)
	}
	e := f.entries[name]
	if e == nil {
		e = s.createLocked(f, name, edit{value: &value, by: by})
	} else {
		s.editLocked(e, edit{value: &value, by: by})
	}
	return e.view(), nil
}

// Seed is Put for an entry that is older than now: its first version bears the
// given time. An entry that is there already is replaced by a new one.
func (s *Server) Seed(at Place, name, value string, made time.Time) (Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folders[at.clean()]
	if f == nil {
		return Entry{}, fmt.Errorf("seeding %s: no folder %s in %s", name, at.Path, at.Environment)
	}
	e := s.createLocked(f, name, edit{value: &value, by: "seed"})
	e.created, e.updated, e.versions[0].made = made, made, made
	return e.view(), nil
}

// Remove deletes an entry as a person would. It reports whether it was there.
func (s *Server) Remove(at Place, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folders[at.clean()]
	if f == nil || f.entries[name] == nil {
		return false
	}
	delete(f.entries, name)
	return true
}

// Redact blanks one version as a person may. It reports whether it was there.
func (s *Server) Redact(at Place, name string, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entryLocked(at, name)
	if e == nil || n < 1 || n > len(e.versions) {
		return false
	}
	e.versions[n-1].value, e.versions[n-1].redacted = "", true
	return true
}

// SetRotated marks an entry as managed by one of Infisical's own rotations; an
// empty id takes the mark away. It reports whether the entry was there.
func (s *Server) SetRotated(at Place, name, rotationID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entryLocked(at, name)
	if e != nil {
		e.rotation = rotationID
	}
	return e != nil
}

// Read returns an entry as it stands, imports not included.
func (s *Server) Read(at Place, name string) (Entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entryLocked(at, name)
	if e == nil {
		return Entry{}, false
	}
	return e.view(), true
}

// Versions returns all versions of an entry, oldest first, without metadata.
func (s *Server) Versions(at Place, name string) []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entryLocked(at, name)
	if e == nil {
		return nil
	}
	var all []Entry
	for i, v := range e.versions {
		all = append(all, Entry{ID: e.id, Name: name, Version: i + 1, Value: v.value, Comment: v.comment, Made: v.made, By: v.by})
	}
	return all
}

// Names lists the entries of a folder in order, imports not included.
func (s *Server) Names(at Place) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folders[at.clean()]
	if f == nil {
		return nil
	}
	return f.names()
}

func (f *folder) names() []string {
	var names []string
	for n := range f.entries {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (s *Server) entryLocked(at Place, name string) *entry {
	f := s.folders[at.clean()]
	if f == nil {
		return nil
	}
	return f.entries[name]
}
