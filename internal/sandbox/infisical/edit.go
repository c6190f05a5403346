package infisical

import "time"

// edit is what one write says about one entry. Nil fields were not sent.
type edit struct {
	value    *string
	comment  *string
	metadata *[]Metadata
	rename   string
	by       string
}

func (s *Server) createLocked(f *folder, name string, d edit) *entry {
	now := time.Now()
	e := &entry{id: newID(), name: name, created: now, updated: now}
	v := version{id: newID(), made: now, by: d.by}
	if d.value != nil {
		v.value = trimmed(*d.value)
	}
	if d.comment != nil {
		v.comment = *d.comment
	}
	if d.metadata != nil {
		e.metadata = *d.metadata
	}
	e.versions = []version{v}
	f.entries[name] = e
	s.issueLocked(v.value)
	return e
}

// editLocked adds a version. What was not sent stays: value, comment, metadata.
func (s *Server) editLocked(e *entry, d edit) {
	v := e.current()
	v.id, v.made, v.by, v.redacted = newID(), time.Now(), d.by, false
	if d.value != nil {
		v.value = trimmed(*d.value)
		s.issueLocked(v.value)
	}
	if d.comment != nil {
		v.comment = *d.comment
	}
	if d.metadata != nil {
		e.metadata = *d.metadata
	}
	e.versions = append(e.versions, v)
	e.updated = v.made
}

func (s *Server) issueLocked(value string) {
	if value != "" {
		s.issued = append(s.issued, value)
	}
}
