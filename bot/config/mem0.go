package config

import "iter"

// Mem0 says whose the keys are that an application uses. What a key begins
// with must agree with it before anybody is shown one.
type Mem0 struct {
	// Servers of one's own, for both environments. Left out, the keys are those
	// of Mem0's platform, where people make and delete them.
	Servers MemoryServers `key:"servers"`
	// Projects of the platform whose keys the environments use, by id; left
	// out, those of the keys in use.
	Projects MemoryProjects `key:"projects"`
}

// MemoryServers are servers of one's own, by environment. They may be the same.
type MemoryServers struct {
	// Staging is the server of staging.
	Staging MemoryServer `key:"staging"`
	// Production is the server of production.
	Production MemoryServer `key:"production"`
}

// MemoryServer is one server with the user who owns the application's keys.
type MemoryServer struct {
	// BaseURL of the server, as the application has it.
	BaseURL string `key:"base_url" form:"base"`
	// AdminKey is e-mail address and password of the user, joined by a colon;
	// left out, the secret's own admin credential is.
	AdminKey Source `key:"admin"`
}

func (s MemoryServer) set() bool { return s.BaseURL != "" || !s.AdminKey.IsZero() }

// MemoryProjects are ids by environment.
type MemoryProjects struct {
	// Staging is the project of staging's keys.
	Staging string `key:"staging" form:"project"`
	// Production is the project of production's keys.
	Production string `key:"production" form:"project"`
}

// Own reports whether the keys are of servers of one's own.
func (m Mem0) Own() bool { return m.Servers.Staging.set() || m.Servers.Production.set() }

// signedIn reports whether each server has an admin credential of its own.
func (m Mem0) signedIn() bool {
	return !m.Servers.Staging.AdminKey.IsZero() && !m.Servers.Production.AdminKey.IsZero()
}

// Each yields both servers by environment, or none.
func (s MemoryServers) Each() iter.Seq2[string, MemoryServer] {
	return func(yield func(string, MemoryServer) bool) {
		if (s.Staging.set() || s.Production.set()) && yield("staging", s.Staging) {
			yield("production", s.Production)
		}
	}
}

// mem0 refuses it elsewhere, and what cannot be true of one key.
func (d *decoder) mem0(s *Secret, at string) {
	m := s.Mem0
	for environment, server := range m.Servers.Each() {
		if server.BaseURL == "" {
			d.lack(at+".servers."+environment+".base_url", "it is missing, and the other environment has a server of one's own", "the address of the server that the application there uses")
		}
	}
	switch {
	case s.Entry.Service != "mem0" && (m.Own() || m.Projects != (MemoryProjects{})):
		d.say(at, "only Mem0 has such servers and projects", "it for Mem0's secrets only, or leave it out,")
	case m.Own() && m.Projects != (MemoryProjects{}):
		d.say(at+".projects", "projects are the platform's, and the keys are of servers of one's own", "one or the other")
	case s.Shared() && (m.Servers.Staging.BaseURL != m.Servers.Production.BaseURL || m.Projects.Staging != m.Projects.Production):
		d.say(at, "one key for both environments belongs to one server, or to one project of the platform", "scope: per-environment, or the same twice")
	}
}
