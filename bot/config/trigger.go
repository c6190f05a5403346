package config

import (
	"cmp"

	"rekey/rotation"
)

// Trigger says where an application's keys at Trigger.dev are, and what becomes
// of root keys.
type Trigger struct {
	// Project is the reference of the project, as its page shows it.
	Project string `key:"project" form:"jobs"`
	// Staging is where staging's keys are, if not in the environment staging of
	// the project.
	Staging Jobs `key:"staging"`
	// Production is where production's keys are, if not in the environment prod
	// of the project.
	Production Jobs `key:"production"`
	// Migrate to additional keys, where the application runs on root keys. Left
	// out, those are regenerated where they are in use.
	Migrate string `key:"migrate" form:"migrate"`
	// ReadBy says what in the application reads TRIGGER_API_KEY, a name that no
	// library of Trigger.dev's reads any more. It ends the warning about it.
	ReadBy string `key:"read_by"`
}

// Jobs is one environment of a project.
type Jobs struct {
	// Project is the reference of the project, if it is another one.
	Project string `key:"project" form:"jobs"`
	// Environment is the project's own name for it; left out, staging or prod.
	Environment string `key:"environment" form:"stage"`
}

// In returns where an environment's keys are.
func (t Trigger) In(environment string) Jobs {
	own, usual := t.Staging, "staging"
	if environment == rotation.Production {
		own, usual = t.Production, "prod"
	}
	return Jobs{Project: cmp.Or(own.Project, t.Project), Environment: cmp.Or(own.Environment, usual)}
}

// trigger wants to know where keys are, which no value tells, and refuses it
// elsewhere.
func (d *decoder) trigger(s *Secret, at string) {
	if s.Entry.Service != "trigger" {
		if s.Trigger != (Trigger{}) {
			d.say(at, "only Trigger.dev has such projects", "it for Trigger.dev's secrets only, or leave it out,")
		}
		return
	}
	staging, production := s.Trigger.In(rotation.Staging), s.Trigger.In(rotation.Production)
	switch {
	case staging.Project == "" || production.Project == "":
		d.lack(at+".project", "it is missing, and a value does not tell where it belongs", "the project's reference, such as proj_abcdefghijklmnop")
	case s.Shared() && staging != production:
		d.say(at, "one key for both environments belongs to one environment of one project", "scope: per-environment, or the same environment twice")
	case !s.Shared() && staging == production:
		d.say(at, "both environments use the keys of one environment at Trigger.dev", "scope: shared, or an environment each")
	}
}
