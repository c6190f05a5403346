package config

// Projects are references by environment.
type Projects struct {
	// Staging is the project of staging's keys.
	Staging string `key:"staging" form:"reference"`
	// Production is the project of production's keys.
	Production string `key:"production" form:"reference"`
}

// ofProjects reports a service whose credentials belong to projects named here.
func ofProjects(service string) bool {
	return service == "supabase-api-key" || service == serviceOfSigningKeys
}

// projects refuses what cannot be true of one key, and a service without its
// projects.
func (d *decoder) projects(s *Secret, at string) {
	switch p := s.Projects; {
	case !ofProjects(s.Entry.Service):
		if p != (Projects{}) || s.ProjectURL != "" || s.LegacyQuiet != nil || s.SendsAPIKey {
			d.say(at, "projects, project_url, legacy_quiet and sends_apikey are about Supabase only", "them for those, or leave them out,")
		}
	case p.Staging == "" || p.Production == "":
		d.lack(at+".projects", "the project of each environment is needed: a value does not tell where it belongs", "staging: and production:, each with the reference of its project")
	case s.Entry.Service == serviceOfSigningKeys && p.Staging == p.Production:
		d.say(at+".projects", "a project's secret signs the tokens of one environment", "two projects")
	case s.Shared() && p.Staging != p.Production:
		d.say(at+".projects", "one key for both environments belongs to one project", "scope: per-environment, or the same project twice")
	}
}
