package sandbox

import (
	"slices"
	"strings"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/langfuse"
	"rekey/internal/sandbox/scan"
)

// Projects of the application at Langfuse.
const (
	stagingTraces    = "shop-staging"
	productionTraces = "shop-production"
)

// traces is what the seed made at Langfuse.
type traces struct {
	used bool
	old  map[string]langfuse.Key // by environment
}

// seedTraces makes a pair for each environment, and some that are others'.
func (w *World) seedTraces(o Options, made time.Time) {
	w.Langfuse = langfuse.New(langfuse.Options{
		Memory: o.scaled(langfuse.DefaultMemory / 200), // as waits of minutes are
		NoAPI:  o.NoLangfuseAPI, Rate: 20 * 1000.0 / 60 * o.Speed,
	}, stagingTraces, productionTraces)
	w.traces = traces{used: slices.Contains(o.Also, app.LangfuseSecret), old: map[string]langfuse.Key{}}
	w.Langfuse.Seed(productionTraces, AppName, made.Add(-24*time.Hour)) // a note is not unique, and the place says nothing
	for environment, project := range map[string]string{Staging: stagingTraces, Production: productionTraces} {
		w.traces.old[environment] = w.Langfuse.Seed(project, AppName, made)
		w.Langfuse.Seed(project, "ci", made.Add(time.Hour))
	}
}

// values are the pair's, if the application uses one.
func (t traces) values(environment string) map[string]string {
	if !t.used {
		return nil
	}
	k := t.old[environment]
	return map[string]string{app.LangfuseSecret: k.Secret, app.LangfusePublic: k.Public}
}

// tracesAt is where the application sends its traces.
func (w *World) tracesAt() string {
	if !w.traces.used {
		return ""
	}
	return w.endpoints.Langfuse
}

// OldTraceKey is the public key that an environment used when the world began.
func (w *World) OldTraceKey(environment string) string { return w.traces.old[environment].Public }

func (w *World) noteTraces(l langfuse.Write) {
	if l.Act == langfuse.Created {
		w.wrote(Create, l.Public+" "+l.Note)
		return
	}
	w.wrote(Delete, l.Public)
}

// issuedTraces lists what of Langfuse is secret.
func (w *World) issuedTraces() []scan.Secret {
	all := []scan.Secret{{Name: "the organisation's pair of Langfuse", Value: w.Langfuse.AdminKey()}}
	for _, k := range w.Langfuse.Keys() {
		all = append(all, scan.Secret{Name: "Langfuse secret key of " + k.Public, Value: k.Secret},
			scan.Secret{Name: "the secret part of the Langfuse key of " + k.Public, Value: strings.TrimPrefix(k.Secret, "sk-lf-")})
	}
	return all
}
