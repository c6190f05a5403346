package config

import "iter"

// Langfuse says where an application's projects are. There is no telling from
// a key whether its permissions are restricted, so people say it.
type Langfuse struct {
	// ByHand says that people make the keys in the dashboard, because the plan
	// has no API for them, or because those in use have restricted permissions:
	// the API makes keys with full access.
	ByHand bool `key:"by_hand" default:"false"`
	// Projects are the ids of the projects whose keys the environments use;
	// left out, those of the keys in use.
	Projects TraceProjects `key:"projects"`
	// Sites are where an environment's project is, if it is not at base_url.
	Sites Sites `key:"sites"`
}

// TraceProjects are ids by environment.
type TraceProjects struct {
	// Staging is the project of staging's keys.
	Staging string `key:"staging" form:"traces"`
	// Production is the project of production's keys.
	Production string `key:"production" form:"traces"`
}

// Sites are regions or hosts of one's own, by environment.
type Sites struct {
	// Staging is where staging's project is.
	Staging Site `key:"staging"`
	// Production is where production's project is.
	Production Site `key:"production"`
}

// Site is one region or host, with an organisation of its own.
type Site struct {
	// BaseURL of the site: the LANGFUSE_HOST of the application there.
	BaseURL string `key:"base_url" form:"base"`
	// AdminKey is the key pair of the organisation there.
	AdminKey Source `key:"admin"`
}

func (s Site) set() bool { return s.BaseURL != "" || !s.AdminKey.IsZero() }

// Each yields the sites that are configured, by environment.
func (s Sites) Each() iter.Seq2[string, Site] {
	return func(yield func(string, Site) bool) {
		if s.Staging.set() && !yield("staging", s.Staging) {
			return
		}
		if s.Production.set() {
			yield("production", s.Production)
		}
	}
}

// langfuse refuses it elsewhere, and what cannot be true of one key.
func (d *decoder) langfuse(s *Secret, at string) {
	l := s.Langfuse
	configured, apart := l.ByHand || l.Projects != (TraceProjects{}), false
	for environment, site := range l.Sites.Each() {
		configured, apart = true, true
		if site.BaseURL == "" || site.AdminKey.IsZero() {
			d.lack(at+".sites."+environment, "a site has an address and an organisation of its own", "base_url: and admin_file: or admin_env:")
		}
	}
	switch {
	case configured && s.Entry.Service != "langfuse":
		d.say(at, "only Langfuse has such projects", "it for Langfuse's secrets only, or leave it out,")
	case s.Shared() && (l.Projects.Staging != l.Projects.Production || apart):
		d.say(at, "one key for both environments belongs to one project at one site", "scope: per-environment, or the same project twice and no sites")
	}
}
