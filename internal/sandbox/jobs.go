package sandbox

import (
	"context"
	"errors"
	"fmt"
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

// MakeJobsKey makes a key in Trigger.dev's dashboard, as a person does, and
// copies the value that is shown this once.
func (w *World) MakeJobsKey(environment, name string) triggerdev.Key {
	k := w.Trigger.Create(triggerdev.Order{Project: JobsProject, Environment: JobsEnvironment(environment), Name: name})
	w.clipboard.set(copied{k.Value, k.ID, app.JobsKey})
	return k
}

// EndJobsKey revokes a key in the dashboard, as a person does. It is noted with
// who had approved it: no person is to be asked before. Nothing in the dashboard
// ends a root key.
func (w *World) EndJobsKey(id string) bool {
	done := w.Trigger != nil && w.Trigger.Revoke(id)
	if done {
		w.wrote(EndedByHand, id)
	}
	return done
}

// CopyJobsKey puts the value of a key that somebody has kept onto the clipboard:
// what people do with the wrong key.
func (w *World) CopyJobsKey(id string) bool {
	if w.Trigger == nil {
		return false
	}
	k, known := w.Trigger.Key(id)
	if known {
		w.clipboard.set(copied{k.Value, k.ID, app.JobsKey})
	}
	return known
}

// jobsConsole is the dashboard, for the page.
func (w *World) jobsConsole(m *http.ServeMux) {
	post(m, "/console/jobs", func(_ context.Context, q struct{ Environment, Name string }) (any, error) {
		if w.Trigger == nil || q.Name == "" {
			return nil, errors.New("making a key: nobody uses Trigger.dev, or it has no name")
		}
		return map[string]string{"id": w.MakeJobsKey(q.Environment, q.Name).ID}, nil
	})
	for path, act := range map[string]func(string) bool{"/console/jobs/copy": w.CopyJobsKey, "/console/jobs/end": w.EndJobsKey} {
		post(m, path, func(_ context.Context, q struct{ ID string }) (any, error) {
			if !act(q.ID) {
				return nil, fmt.Errorf("at %s: there is no such key, or it cannot be", path)
			}
			return nil, nil
		})
	}
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
