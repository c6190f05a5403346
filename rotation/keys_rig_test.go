package rotation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// signers is the rig's world with a service that signs tokens: each
// environment has a project with keys of its own, the application verifies
// tokens with two variables.
type signers struct {
	*rig
	projects map[string][]*signing // by environment
	stored   map[string]map[string][]version
	holds    map[string]map[string]string // what the running application has, by environment and variable
	patience time.Duration                // what a throttle asks for; it is asked once for each call
	asked    map[string]bool
	lives    time.Duration // how long tokens live, with the margin
	block    string
	unclear  string
	gate     deploy.Admission // of every gate, whatever it is shown; "" is honest
	strict   bool             // the application takes no token of the value before
}

type signing struct {
	id, value, status string
	replaced          time.Time
}

const (
	standby = "standby"
	inUse   = "in_use"
	former  = "previously_used"
	spent   = "revoked"
)

func newSigners(t *testing.T) *signers {
	s := &signers{rig: newRig(t), projects: map[string][]*signing{}, stored: map[string]map[string][]version{}, holds: map[string]map[string]string{},
		asked: map[string]bool{}, lives: 75 * time.Minute}
	for _, env := range environments() {
		value := "old-" + env + "-0123456789abcdef0123456789"
		s.projects[env] = []*signing{{id: "kid-old-" + env, value: value, status: inUse}}
		s.stored[env] = map[string][]version{"JWT_SECRET": {{value: value}}, "JWT_SECRET_PREVIOUS": {{value: value}}}
		s.holds[env] = map[string]string{"JWT_SECRET": value, "JWT_SECRET_PREVIOUS": value}
	}
	s.configure = func(sub *Subject) {
		sub.Secret = Catalogue()[slices.IndexFunc(Catalogue(), func(s Secret) bool { return s.Name == "JWT_SECRET" })]
		sub.Shared, sub.Provider, sub.Vault = false, tokens{s}, pairVault{s}
		for _, env := range environments() {
			stage := sub.Stages[env]
			stage.Deployer, stage.Attester, stage.Affected, stage.Gate = pairTarget{s, env}, pairApp{s, env}, pairApp{s, env}, pairApp{s, env}
			sub.Stages[env] = stage
		}
	}
	return s
}

func (s *signers) start(e *Engine) *Rotation {
	s.t.Helper()
	o := s.order()
	o.Secret = "JWT_SECRET"
	r, err := e.Start(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// admits reports whether the running application lets in what a value signed.
func (s *signers) admits(env, value string) bool {
	h := s.holds[env]
	return h["JWT_SECRET"] == value || !s.strict && h["JWT_SECRET_PREVIOUS"] == value
}

// sound holds that nobody is signed out: what the service signs with now, and
// what it signed with so recently that tokens of it live, is let in and trusted.
func (s *signers) sound(when string) {
	if s.strict || s.mode == Emergency {
		return // that somebody is signed out is what the test is about
	}
	for env, keys := range s.projects {
		for _, k := range keys {
			alive := k.status == inUse || !k.replaced.IsZero() && time.Since(k.replaced) < s.lives-15*time.Minute
			if alive && !s.admits(env, k.value) {
				s.t.Errorf("%s: the application in %s refuses tokens of %s (%s)", when, env, k.id, k.status)
			}
			if alive && k.status == spent {
				s.t.Errorf("%s: %s was revoked while its tokens live", when, k.id)
			}
		}
	}
}

// act is an effect after which nobody may be signed out.
func (s *signers) act(call string, do func() error) error {
	return s.effect(call, func() error {
		err := do()
		s.sound(call)
		return err
	})
}

// throttled refuses a change once, with the moment to wait for.
func (s *signers) throttled(call string) error {
	if s.patience == 0 || s.asked[call] {
		return nil
	}
	s.asked[call] = true
	return &fault.Error{Op: call, Class: fault.Again, Reason: fault.RateLimited, RetryAfter: s.patience}
}

// The service.

type tokens struct{ s *signers }

func (p tokens) Survey(context.Context, map[string]providers.Values) (providers.Kind, error) {
	return p, p.s.effect("survey", func() error { return nil })
}

func (p tokens) Traits() providers.Traits {
	return providers.Traits{Kind: "test signing key", Service: "the service", Shape: providers.DeployFirst, PublicID: true, EndIs: "revoked",
		Waits: providers.Waits{Hold: p.s.lives, ProbeEvery: 5 * time.Second, ProbeFor: time.Minute}}
}

func (p tokens) Clear(context.Context) error {
	if p.s.unclear != "" {
		return fault.New("looking at the service", fault.Ambiguous, p.s.unclear)
	}
	return nil
}

func (p tokens) Blocked(context.Context, providers.ID) (string, error) { return p.s.block, nil }

func (p tokens) Identify(v providers.Values) (providers.ID, error) {
	for _, keys := range p.s.projects {
		for _, k := range keys {
			if k.value == v["JWT_SECRET"].Reveal() {
				return providers.ID(k.id), nil
			}
		}
	}
	return "", fault.New("identifying", fault.Ambiguous, "no key is of this value")
}

func (p tokens) find(id providers.ID) (string, *signing) {
	for env, keys := range p.s.projects {
		for _, k := range keys {
			if k.id == string(id) {
				return env, k
			}
		}
	}
	return "", nil
}

func (p tokens) Make(label string) (providers.Credential, error) {
	value := fmt.Sprintf("made-%d-0123456789abcdef0123456789", len(p.s.issued)+1)
	p.s.in(func() { p.s.issued = append(p.s.issued, providers.ID(value)) })
	return providers.Credential{ID: providers.ID("kid-" + label), Label: label, Values: providers.Values{"JWT_SECRET": secret.New(value)}}, nil
}

func (p tokens) Import(_ context.Context, env string, id providers.ID, v providers.Values) error {
	return p.s.act("import "+env, func() error {
		if at, k := p.find(id); k != nil {
			if at != env || k.value != v["JWT_SECRET"].Reveal() {
				p.s.t.Errorf("%s was imported as something else before", id)
			}
			return nil
		}
		if err := p.s.throttled("import " + env); err != nil {
			return err
		}
		p.s.projects[env] = append(p.s.projects[env], &signing{id: string(id), value: v["JWT_SECRET"].Reveal(), status: standby})
		return nil
	})
}

func (p tokens) Active(_ context.Context, env string) (id providers.ID, err error) {
	err = p.s.effect("active "+env, func() error {
		for _, k := range p.s.projects[env] {
			if k.status == inUse {
				id = providers.ID(k.id)
			}
		}
		return nil
	})
	return id, err
}

func (p tokens) Activate(_ context.Context, env string, id providers.ID) error {
	return p.s.act("activate "+env, func() error {
		if err := p.s.throttled("activate " + env); err != nil {
			return err
		}
		for _, k := range p.s.projects[env] {
			switch {
			case k.id == string(id):
				k.status, k.replaced = inUse, time.Time{}
			case k.status == inUse:
				k.status, k.replaced = former, time.Now()
			}
		}
		return nil
	})
}

func (p tokens) Lingers(_ context.Context, env string) (time.Duration, error) {
	return p.s.lives, p.s.effect("lingers "+env, func() error { return nil })
}

func (p tokens) Mint(id providers.ID, v providers.Values) (secret.Value, error) {
	return secret.New(string(id) + ":" + v["JWT_SECRET"].Reveal()), nil
}

func (p tokens) List(context.Context) ([]providers.Credential, error) {
	var all []providers.Credential
	err := p.s.effect("list", func() error {
		for _, keys := range p.s.projects {
			for _, k := range keys {
				if k.status != spent {
					all = append(all, providers.Credential{ID: providers.ID(k.id)})
				}
			}
		}
		return nil
	})
	return all, err
}

func (p tokens) Probe(_ context.Context, v providers.Values) (providers.Finding, error) {
	answer := providers.Finding{Liveness: providers.Refused, Answer: "401"}
	err := p.s.effect("probe", func() error {
		for _, keys := range p.s.projects {
			for _, k := range keys {
				if k.value == v["JWT_SECRET"].Reveal() && (k.status == inUse || k.status == former) {
					answer = providers.Finding{Liveness: providers.Alive, Answer: "200"}
				}
			}
		}
		return nil
	})
	return answer, err
}

func (p tokens) End(_ context.Context, id providers.ID) error {
	env, k := p.find(id)
	if k == nil {
		return p.s.effect("end", func() error { return nil }) // it never got here
	}
	return p.s.act("end "+env, func() error {
		if err := p.s.throttled("end " + env); err != nil {
			return err
		}
		if h := p.s.holds[env]; k.status == inUse || k.status == standby && (h["JWT_SECRET"] == k.value || h["JWT_SECRET_PREVIOUS"] == k.value) {
			p.s.t.Errorf("%s was to be revoked while it is %s", id, k.status)
		}
		k.status = spent
		p.s.ended = append(p.s.ended, id)
		return nil
	})
}

// The vault of two variables.

type pairVault struct{ s *signers }

func (v pairVault) entry(env, name string, n int) deploy.Entry {
	e := v.s.stored[env][name][n-1]
	return deploy.Entry{ID: "entry-" + env + "-" + name, Name: name, Version: n, Value: secret.New(e.value), Metadata: e.note, Made: e.made}
}

func (v pairVault) Read(_ context.Context, env string, names []string) (map[string]deploy.Entry, error) {
	entries := map[string]deploy.Entry{}
	return entries, v.s.effect("read "+env, func() error {
		for _, name := range names {
			entries[name] = v.entry(env, name, len(v.s.stored[env][name]))
		}
		return nil
	})
}

func (v pairVault) ReadVersion(_ context.Context, env, name string, n int) (e deploy.Entry, err error) {
	err = v.s.effect("read version "+env, func() error {
		if v.s.gone[env] {
			return fault.New("reading a version", fault.NotFound, "")
		}
		e = v.entry(env, name, n)
		return nil
	})
	return e, err
}

func (v pairVault) Write(_ context.Context, env string, changes []deploy.Assignment) (map[string]deploy.Entry, error) {
	sent, entries := false, map[string]deploy.Entry{}
	v.s.in(func() { v.s.offered[env] = changes })
	err := v.s.act("write "+env, func() error {
		for _, c := range changes {
			if c.Value.IsZero() {
				v.s.t.Errorf("%s was to be empty", c.Name)
			}
			if c.From != len(v.s.stored[env][c.Name]) {
				return fault.New("writing", fault.ChangedByOther, "")
			}
		}
		sent = true
		for _, c := range changes {
			v.s.stored[env][c.Name] = append(v.s.stored[env][c.Name], version{c.Value.Reveal(), c.Note, time.Now()})
			entries[c.Name] = v.entry(env, c.Name, len(v.s.stored[env][c.Name]))
		}
		return nil
	})
	if err != nil && !sent && refusal(err) {
		return nil, deploy.Unwritten(err)
	}
	return entries, err
}

// now is what the vault holds.
func (s *signers) now(env, name string) string {
	all := s.stored[env][name]
	return all[len(all)-1].value
}

// The application of two variables.

type pairTarget struct {
	s   *signers
	env string
}

func (d pairTarget) Trigger(_ context.Context, r deploy.Request) (deploy.Handle, error) {
	return deploy.Handle{ID: r.ID}, d.s.effect("deploy "+d.env, func() error {
		if _, known := d.s.deploys[r.ID]; !known {
			d.s.deploys[r.ID] = deploy.Running
		}
		return nil
	})
}

func (d pairTarget) Status(_ context.Context, h deploy.Handle) (st deploy.Status, err error) {
	err = d.s.act("status "+d.env, func() error {
		if d.s.deploys[h.ID] == deploy.Running && !d.s.misled[d.env] {
			for name := range d.s.holds[d.env] {
				d.s.holds[d.env][name] = d.s.now(d.env, name)
			}
		}
		if d.s.deploys[h.ID] == deploy.Running {
			d.s.deploys[h.ID] = deploy.Live
		}
		st = deploy.Status{Phase: d.s.deploys[h.ID]}
		return nil
	})
	return st, err
}

type pairApp struct {
	s   *signers
	env string
}

func (a pairApp) Attest(_ context.Context, name string, fresh, stale secret.Value) (deploy.Testimony, error) {
	t := deploy.Testimony{Instances: []string{"i-1"}, Deployment: "dep"}
	err := a.s.effect("attest "+a.env, func() error {
		switch held := secret.New(a.s.holds[a.env][name]); {
		case held.Equal(fresh):
			t.New, t.Agreed = 3, true
		case held.Equal(stale):
			t.Old = 3
		default:
			t.Other = 3
		}
		if a.s.hears != nil {
			a.s.hears(a.env, &t)
		}
		return nil
	})
	return t, err
}

func (a pairApp) Measure(context.Context, deploy.Window) deploy.Measurement {
	sick := false
	if err := a.s.effect("affected "+a.env, func() error { sick = a.s.needs[a.env] != ""; return nil }); err != nil {
		return deploy.Measurement{Outcome: deploy.Error, Detail: "not asked"}
	}
	if sick {
		return deploy.Measurement{Outcome: deploy.Bad, Requests: 1, Detail: "502"}
	}
	return deploy.Measurement{Outcome: deploy.OK, Requests: 1}
}

func (a pairApp) Admit(_ context.Context, token secret.Value) deploy.Entrance {
	in := deploy.Entrance{Admission: deploy.TurnedAway, Detail: "401"}
	if a.s.gate != "" {
		return deploy.Entrance{Admission: a.s.gate, Detail: "so it says"}
	}
	if err := a.s.effect("admit "+a.env, func() error {
		if _, value, _ := strings.Cut(token.Reveal(), ":"); a.s.admits(a.env, value) {
			in = deploy.Entrance{Admission: deploy.Admitted, Detail: "200"}
		}
		return nil
	}); err != nil {
		return deploy.Entrance{Admission: deploy.NotTold, Detail: "not asked"}
	}
	return in
}
