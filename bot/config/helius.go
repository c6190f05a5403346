package config

// Helius says where keys of Helius are used, and what its plan allows. No answer
// of the service's tells how many keys a plan has.
type Helius struct {
	// OneKey says that the plan has one key: it is deleted before there is
	// another, and pages have none in between.
	OneKey bool `key:"one_key" default:"false"`
	// RPC is a further address at which values may be used, beside Helius's own
	// hosts: a proxy that takes the key.
	RPC string `key:"rpc_url" form:"base"`
	// Origins are the sites of the environments. They are sent when a key is
	// tried whose access rules admit them alone.
	Origins Origins `key:"origins"`
	// Projects are the ids of the projects whose keys the environments use; left
	// out, those of the keys in use. Only with an admin credential.
	Projects HeliusProjects `key:"projects"`
}

// Origins are sites by environment.
type Origins struct {
	// Staging is the site of staging, such as https://staging.example.com.
	Staging string `key:"staging" form:"site"`
	// Production is the site of production, such as https://shop.example.com.
	Production string `key:"production" form:"site"`
}

// HeliusProjects are ids by environment.
type HeliusProjects struct {
	// Staging is the project of staging's keys.
	Staging string `key:"staging" form:"project"`
	// Production is the project of production's keys.
	Production string `key:"production" form:"project"`
}

// inPortal reports whether keys of Helius are made without people.
func (s *Secret) inPortal(service string) bool {
	return service == "helius" && s.Administered() && !s.Helius.OneKey
}

// helius refuses it elsewhere, what cannot be true of one key, and a check that
// a page's fallback would pass.
func (d *decoder) helius(s *Secret, at string) {
	h := s.Helius
	if s.Entry.Service != "helius" {
		if h != (Helius{}) {
			d.say(at+".helius", "only Helius has such keys", "it for Helius's secrets only, or leave it out,")
		}
		return
	}
	switch {
	case h.Projects != (HeliusProjects{}) && !s.Administered():
		d.say(at+".helius.projects", "without an admin credential nothing tells where a key belongs", "admin: beside it, or leave it out,")
	case s.Shared() && h.Projects.Staging != h.Projects.Production:
		d.say(at+".helius.projects", "one key for both environments belongs to one project", "scope: per-environment, or the same project twice")
	}
	for _, p := range []struct {
		at string
		*Probe
	}{{"staging", s.Affected.Staging}, {"production", s.Affected.Production}} {
		if p.Probe != nil && p.HTTP != nil && p.HTTP.Match == "" {
			d.lack(at+".affected."+p.at+".http.match", "applications fall back to a public RPC when a key of Helius is dead, and answer as well as ever",
				`what only an answer by way of Helius holds, such as match: '"rpc":"helius"'`)
		}
	}
}
