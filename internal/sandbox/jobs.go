package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/scan"
	"rekey/internal/sandbox/triggerdev"
)

// JobsProject is the application's project at Trigger.dev.
const JobsProject = "proj_shopsandboxes"

// jobsGrace is how long an old root key lives: 24 hours, as waits of hours are.
const jobsGrace = 24 * time.Hour / 2400

// jobsRate is how many requests a minute Trigger.dev takes: waits of seconds last
// 20 times as long in the real world.
const jobsRate = 20 * 1500

// JobsEnvironment is what Trigger.dev calls an environment.
func JobsEnvironment(environment string) string {
	if environment == Production {
		return "prod"
	}
	return environment
}

// jobs is what the seed made at Trigger.dev.
type jobs struct {
	token string
	old   map[string]triggerdev.Key // by environment; nil when nothing uses them
}

// seedJobs makes a project, a key for each environment and some that are
// others', if the key is played.
func (w *World) seedJobs(o Options, made time.Time) {
	if !slices.Contains(o.Also, app.JobsKey) {
		return
	}
	w.Trigger = triggerdev.New(triggerdev.Options{Grace: o.scaled(jobsGrace), Rate: jobsRate * o.Speed})
	w.jobs = jobs{token: w.Trigger.AddToken(true), old: map[string]triggerdev.Key{}}
	w.Trigger.AddProject(JobsProject, made.Add(-24*time.Hour), "staging", "prod")
	for _, environment := range []string{Staging, Production} {
		at := triggerdev.Order{Project: JobsProject, Environment: JobsEnvironment(environment), Name: AppName}
		w.Trigger.Seed(at, made.Add(-time.Hour)) // a name is not unique
		w.jobs.old[environment] = w.Trigger.Seed(at, made)
		if o.RootJobs {
			w.jobs.old[environment], _ = w.Trigger.Root(JobsProject, at.Environment) // just made
		}
	}
}

// OldJobsKey is the id of the key that an environment used when the world
// began.
func (w *World) OldJobsKey(environment string) string { return w.jobs.old[environment].ID }

// RootJobs reports whether the application began on root keys.
func (w *World) RootJobs() bool { return w.jobs.old[Production].Root }

// values are the key's, under both of its names, if the application uses one.
func (j jobs) values(environment string) map[string]string {
	if j.old == nil {
		return nil
	}
	v := j.old[environment].Value
	return map[string]string{app.JobsKey: v, app.JobsSecret: v}
}

func (w *World) jobsHandler() http.Handler {
	if w.Trigger == nil {
		return nil
	}
	return w.Trigger.Handler()
}

// MakeJobsKey makes a key in Trigger.dev's dashboard, as a person does; its value
// is shown this once.
func (w *World) MakeJobsKey(environment, name string) triggerdev.Key {
	return w.Trigger.Create(triggerdev.Order{Project: JobsProject, Environment: JobsEnvironment(environment), Name: name})
}

// EndJobsKey revokes a key in the dashboard, as a person does. It is noted with
// who had approved it: no person is to be asked before. Nothing in the dashboard
// ends a root key.
func (w *World) EndJobsKey(id string) bool {
	done := w.Trigger.Revoke(id)
	if done {
		w.wrote(EndedByHand, id)
	}
	return done
}

func (w *World) watchJobs() {
	if w.Trigger == nil {
		return
	}
	w.Trigger.OnWrite(func(t triggerdev.Write) { w.wrote(Regenerate, t.Old.ID) })
}

// Regenerate is the making of a root key, which puts the old one on the clock.
const Regenerate Kind = "regenerate"

// issuedJobs lists what of Trigger.dev is secret.
func (w *World) issuedJobs() []scan.Secret {
	if w.Trigger == nil {
		return nil
	}
	all := []scan.Secret{{Name: "personal access token of Trigger.dev", Value: w.jobs.token}}
	for _, k := range w.Trigger.Keys() {
		all = append(all, scan.Secret{Name: "Trigger.dev key " + k.ID, Value: k.Value},
			scan.Secret{Name: "the secret part of Trigger.dev key " + k.ID, Value: k.Value[strings.LastIndex(k.Value, "_")+1:]})
	}
	return all
}

func (w *World) jobsLabels() [][2]string {
	if w.Trigger == nil {
		return nil
	}
	var all [][2]string
	for _, k := range w.Trigger.Keys() {
		all = append(all, [2]string{"the name of Trigger.dev key " + k.ID, k.Name})
	}
	return all
}
