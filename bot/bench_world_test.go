package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation"
	"rekey/rotation/watch"
)

// benchSecret is rotated by the benchmarks of steps.
const benchSecret = "FAL_KEY"

// benchWorld is everything outside for one secret, in memory: the service, the
// vault, an application that is always right, and people who approve. It
// answers at once, and is the thing not to be measured.
type benchWorld struct {
	secret string
	mu     sync.Mutex
	issued int
	live   []providers.Credential    // the first was made by hand
	vault  map[string][]deploy.Entry // versions from 1, by environment
}

func newBenchWorld(name string) *benchWorld {
	w := &benchWorld{secret: name, vault: make(map[string][]deploy.Entry)}
	first := w.issueLocked("by hand")
	for _, env := range []string{rotation.Staging, rotation.Production} {
		w.vault[env] = []deploy.Entry{{ID: "entry-" + env, Name: name, Version: 1, Value: first.Values[name]}}
	}
	return w
}

// benchWorlds are many secrets, each with a world of its own.
func benchWorlds(n int) []*benchWorld {
	all := make([]*benchWorld, n)
	for i := range all {
		all[i] = newBenchWorld(fmt.Sprintf("KEY_%03d", i))
	}
	return all
}

// benchConfig is an engine's, with these worlds around it. All waits are the
// shortest there are; a watch has as many ticks as by default, this far apart.
func benchConfig(b *testing.B, store rotation.Store, interval time.Duration, worlds ...*benchWorld) rotation.Config {
	b.Helper()
	c := rotation.Config{
		Installation: "bench", Replica: "replica-1", Key: benchKey(b), Store: store, Ballot: worlds[0], Log: slog.New(slog.DiscardHandler),
	}
	for _, w := range worlds {
		c.Subjects = append(c.Subjects, w.subject(interval))
	}
	return c
}

// benchKey is the installation's.
func benchKey(b *testing.B) secret.Key {
	b.Helper()
	key, err := secret.NewKey(secret.New(strings.Repeat("k", 32)))
	if err != nil {
		b.Fatal(err)
	}
	return key
}

func (w *benchWorld) subject(interval time.Duration) rotation.Subject {
	rules := watch.Defaults()
	rules.Window, rules.Interval = 15*interval, interval
	rules.InitialDelay, rules.IngestDelay, rules.ErrorRetry = 0, 0, 0
	stage := rotation.Stage{Deployer: w, Attester: w, Affected: w}
	watched := stage
	watched.Checks = []rotation.Check{{Name: "errors", Required: true, Unit: watch.Count, Check: w}}
	return rotation.Subject{
		Secret: rotation.Secret{Name: w.secret, Service: "fal", Title: "fal.ai", Variables: []string{w.secret}, Built: true},
		Shared: true, Provider: w, Vault: w, Policy: rotation.Policy{Quorum: 1, Expiry: time.Hour}, Slots: []string{"account/" + w.secret},
		Pace:  rotation.Pace{DeployPoll: time.Millisecond, DeployDeadline: time.Minute, ProveEvery: time.Millisecond, ProveFor: time.Minute, Fresh: time.Minute},
		Watch: rules, After: rules,
		Stages: map[string]rotation.Stage{rotation.Staging: stage, rotation.Production: watched},
	}
}

// The service.

func (w *benchWorld) issueLocked(label string) providers.Credential {
	w.issued++
	id := providers.ID(fmt.Sprintf("8f3a2c1e-0000-4000-8000-%012d", w.issued))
	value := secret.New(string(id) + ":" + strings.Repeat("0123456789abcdef", 2))
	c := providers.Credential{ID: id, Label: label, Values: providers.Values{w.secret: value}, Made: time.Now()}
	w.live = append(w.live, c)
	return c
}

// Survey implements providers.Provider: the world is its own kind.
func (w *benchWorld) Survey(context.Context, map[string]providers.Values) (providers.Kind, error) {
	return w, nil
}

// Traits implements providers.Kind.
func (w *benchWorld) Traits() providers.Traits {
	return providers.Traits{
		Kind: "fal.ai API key", Service: "fal.ai", Shape: providers.Overlap, PublicID: true, FreeProbe: true,
		EndIs: "deleted at once; this cannot be undone", Signatures: []string{`(?i)fal\.ai.*\b401\b`},
	}
}

// Identify implements providers.Kind.
func (w *benchWorld) Identify(v providers.Values) (providers.ID, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.live {
		if c.Values[w.secret].Equal(v[w.secret]) {
			return c.ID, nil
		}
	}
	return "", fault.New("identifying", fault.Garbled, "no key that lives")
}

// Issue implements providers.Issuer.
func (w *benchWorld) Issue(_ context.Context, label string) (providers.Credential, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.issueLocked(label), nil
}

// List implements providers.Lister.
func (w *benchWorld) List(context.Context) ([]providers.Credential, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []providers.Credential
	for _, c := range w.live {
		all = append(all, providers.Credential{ID: c.ID, Label: c.Label, Made: c.Made})
	}
	return all, nil
}

// Probe implements providers.Prober.
func (w *benchWorld) Probe(_ context.Context, v providers.Values) (providers.Finding, error) {
	if _, err := w.Identify(v); err != nil {
		return providers.Finding{Liveness: providers.Refused, Answer: "401"}, nil
	}
	return providers.Finding{Liveness: providers.Alive, Answer: "200"}, nil
}

// End implements providers.Ender.
func (w *benchWorld) End(_ context.Context, id providers.ID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live = slices.DeleteFunc(w.live, func(c providers.Credential) bool { return c.ID == id })
	return nil
}

// The vault.

// Read implements deploy.Vault.
func (w *benchWorld) Read(_ context.Context, env string, _ []string) (map[string]deploy.Entry, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return map[string]deploy.Entry{w.secret: w.vault[env][len(w.vault[env])-1]}, nil
}

// ReadVersion implements deploy.Vault.
func (w *benchWorld) ReadVersion(_ context.Context, env, _ string, version int) (deploy.Entry, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.vault[env][version-1], nil
}

// Write implements deploy.Vault.
func (w *benchWorld) Write(ctx context.Context, env string, a []deploy.Assignment) (map[string]deploy.Entry, error) {
	w.mu.Lock()
	w.vault[env] = append(w.vault[env], deploy.Entry{
		ID: a[0].ID, Name: w.secret, Version: a[0].From + 1, Value: a[0].Value, Metadata: a[0].Note, Made: time.Now(),
	})
	w.mu.Unlock()
	return w.Read(ctx, env, nil)
}

// The application and the people.

// Trigger implements deploy.Deployer.
func (w *benchWorld) Trigger(_ context.Context, r deploy.Request) (deploy.Handle, error) {
	return deploy.Handle{ID: r.ID, Deployment: "dpl_" + r.ID, StatusURL: "https://deploy.example.com/status/" + r.ID}, nil
}

// Status implements deploy.Deployer.
func (w *benchWorld) Status(_ context.Context, h deploy.Handle) (deploy.Status, error) {
	return deploy.Status{Phase: deploy.Live, Deployment: h.Deployment}, nil
}

// Attest implements deploy.Attester.
func (w *benchWorld) Attest(context.Context, string, secret.Value, secret.Value) (deploy.Testimony, error) {
	return deploy.Testimony{Instances: []string{"i-1", "i-2", "i-3"}, New: 3, Agreed: true}, nil
}

// Measure implements deploy.Check.
func (w *benchWorld) Measure(context.Context, deploy.Window) deploy.Measurement {
	return deploy.Measurement{Outcome: deploy.OK, Requests: 100}
}

// Marks implements rotation.Ballot.
func (w *benchWorld) Marks(context.Context, *rotation.Rotation, int) (rotation.Marks, error) {
	return w.marks(), nil
}

func (w *benchWorld) marks() rotation.Marks {
	return rotation.Marks{Live: true, Marks: []rotation.Mark{{
		Person: rotation.Person{ID: "T1/U2"}, Standing: rotation.Standing{Member: true, Approver: true}, Yes: true, Path: "emoji",
	}}}
}
