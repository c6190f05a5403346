package rotation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation/event"
	"rekey/rotation/watch"
	"rekey/state/statetest"
)

// rig is a whole world in memory, for one secret: a service with overlap, a
// vault, an application in two environments, people. It lives in a
// testing/synctest bubble. Every external effect goes through touch, where a
// test can fail it, before or after it happened, or end the replica.
type rig struct {
	t     *testing.T
	store *statetest.Memory

	mu        sync.Mutex
	touched   []string                               // effects and reads, in order
	before    func(call string, n int) error         // n counts this call's name from 1
	after     func(call string, n int) error         // the effect has happened
	counts    map[string]int                         //
	keys      map[providers.ID]key                   // live at the service
	made      map[providers.ID]time.Time             // of those that people made
	issued    []providers.ID                         // ever
	ended     []providers.ID                         // asked to be ended, in order
	vault     map[string][]version                   // by environment
	running   map[string]string                      // value each environment's application uses
	deploys   map[string]deploy.Phase                // by request id
	marks     Marks                                  // on the current card
	staging   bool                                   // what leaked is staging's own
	measure   func(deploy.Window) deploy.Measurement // the log check of production
	says      func(call string) string               // what the outside says in its own words when called so; nil is silent
	names     []deploy.Entry                         // other entries on each environment's path; nil for a vault that does not tell
	misled    map[string]bool                        // environments whose next deployment keeps the old value
	off       map[providers.ID]bool                  // disabled, and still listed
	gone      map[string]bool                        // environments whose older versions were redacted
	needs     map[string]providers.ID                // environments that fail while this key is not accepted
	mute      bool                                   // the service answers no probe of a key
	inbox     map[string]deploy.Entry                // what people left, by environment
	placed    bool                                   // the service must be told the environment
	places    []string                               // environments it was told
	labels    map[string]string                      // what people were asked to call the key, by environment
	person    func(env string, polls int)            // acts before a look into the inbox; nil makes the key and pastes it
	polls     map[string]int                         // looks into the inbox since people were asked
	late      string                                 // made in time, and brought later
	farewells map[providers.ID]int                   // keys that people were asked to end, and how often each was probed since
	ender     func(id providers.ID, probes int)      // acts before such a probe; nil ends the key at the third
	usedAt    map[providers.ID]time.Time             // when the service saw a key; nil for one that does not tell
	kind      func(switchable) providers.Kind        // another one at which people make keys; nil is byHand
	rest      string                                 // the half of a key that is not brought yet
	mode      Mode                                   // of the rotation; "" is routine
	pastes    int                                    // versions of inbox entries so far
	turns     providers.Shape                        // issuing kills the old one, see turning
	holds     map[string]providers.ID                // what each environment's account has now, where it has one key only
	doomed    map[providers.ID]time.Time             // when keys die by themselves
	paused    bool                                   // the application holds its work
	forgets   bool                                   // a survey needs keys that the service lists
	model     string                                 // what new keys are made after; "" is nothing
	others    string                                 // who else is cut off by the end; "" is nobody
	first     bool                                   // the rotation revokes first
	hears     func(env string, t *deploy.Testimony)  // changes what an application answers; nil is honest
	offered   map[string][]deploy.Assignment         // last sent to the vault, by environment

	configure func(*Subject) // what this world declares otherwise
	setup     func(*Config)
	traits    func(*providers.Traits)
}

type key struct{ label, value string }

type version struct {
	value string
	note  deploy.Note
	made  time.Time
}

const oldValue = "key-old:0123456789abcdef0123456789"

var (
	requester = Person{ID: "T1/U1", Name: "Rita"}
	approver  = Person{ID: "T1/U2", Name: "Adam"}
	mayVote   = Standing{Member: true, Approver: true}
)

func newRig(t *testing.T) *rig {
	return &rig{
		t: t, store: statetest.NewMemory(), counts: make(map[string]int),
		keys:    map[providers.ID]key{"key-old": {"by hand", oldValue}},
		vault:   map[string][]version{Staging: {{value: oldValue}}, Production: {{value: oldValue}}},
		running: map[string]string{Staging: oldValue, Production: oldValue},
		deploys: make(map[string]deploy.Phase), misled: make(map[string]bool),
		off: make(map[providers.ID]bool), gone: make(map[string]bool), needs: make(map[string]providers.ID),
		marks: Marks{Live: true}, made: make(map[providers.ID]time.Time), inbox: make(map[string]deploy.Entry), labels: make(map[string]string), polls: make(map[string]int), farewells: make(map[providers.ID]int),
		offered: make(map[string][]deploy.Assignment),
		measure: func(deploy.Window) deploy.Measurement {
			return deploy.Measurement{Outcome: deploy.OK, Requests: 100}
		},
	}
}

func (g *rig) engine(name string) *Engine {
	material := secret.New(strings.Repeat("k", 32))
	fp, err := secret.NewKey(material)
	if err != nil {
		g.t.Fatal(err)
	}
	c := Config{
		Installation: "test", Replica: name, Key: fp, Store: g.store, Ballot: ballot{g}, Subjects: []Subject{g.subject()},
		Log: slog.New(slog.NewTextHandler(g.t.Output(), &slog.HandlerOptions{Level: slog.LevelError + 4})),
	}
	if g.setup != nil {
		g.setup(&c)
	}
	e, err := New(c)
	if err != nil {
		g.t.Fatal(err)
	}
	return e
}

func (g *rig) subject() Subject {
	entry := Catalogue()[slices.IndexFunc(Catalogue(), func(s Secret) bool { return s.Name == "FAL_KEY" })]
	after := watch.Defaults()
	after.Window = 5 * time.Minute
	s := Subject{
		Secret: entry, Shared: true, Provider: service{g}, Vault: vault{g}, Inbox: inbox{g},
		Policy: Policy{Quorum: 1, Expiry: 24 * time.Hour},
		Pace: Pace{DeployPoll: time.Second, DeployDeadline: 20 * time.Minute, ProveEvery: 5 * time.Second, ProveFor: 5 * time.Minute, Fresh: time.Minute,
			InboxPoll: 5 * time.Second, InboxRemind: 4 * time.Hour, InboxExpiry: 48 * time.Hour},
		Watch: watch.Defaults(), After: after, Slots: []string{"account/fal"},
		Stages: map[string]Stage{
			Staging: {Inbox: "folder /inbox of staging", Deployer: target{g, Staging}, Attester: app{g, Staging}, Affected: works{g, Staging}},
			Production: {Inbox: "folder /inbox of production", Deployer: target{g, Production}, Attester: app{g, Production}, Affected: works{g, Production},
				Checks: []Check{{Name: "errors", Required: true, Unit: watch.Count, Check: logs{g}}}},
		},
	}
	if g.names != nil {
		s.Vault = listing{vault{g}}
	}
	if g.configure != nil {
		g.configure(&s)
	}
	return s
}

// apart gives staging a credential of its own.
func (g *rig) apart() {
	const value = "key-olds:0123456789abcdef0123456789"
	g.keys["key-olds"] = key{"by hand", value}
	g.vault[Staging], g.running[Staging] = []version{{value: value}}, value
	g.configure = func(s *Subject) { s.Shared = false }
}

// touch counts a call and lets the test interfere before its effect.
func (g *rig) touch(call string) error {
	g.counts[call]++
	g.touched = append(g.touched, call)
	if g.before != nil {
		return g.before(call, g.counts[call])
	}
	return nil
}

// said are the outside's own words about a call.
func (g *rig) said(call string) secret.Quote {
	if g.says == nil {
		return secret.Quote{}
	}
	return secret.Quoted(g.says(call))
}

func (g *rig) touchedAfter(call string) error {
	if g.after != nil {
		return g.after(call, g.counts[call])
	}
	return nil
}

// effect runs do between the two places where a test can interfere.
func (g *rig) effect(call string, do func() error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.touch(call); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return g.touchedAfter(call)
}

// The service.

type service struct{ g *rig }

func (s service) Survey(_ context.Context, current map[string]providers.Values) (providers.Kind, error) {
	return s.look(s.g.effect("survey", func() error { return s.g.knows(current) }))
}

func (s service) look(err error) (providers.Kind, error) {
	if s.g.turns != "" {
		return s.g.turner(), err
	}
	if k := found(s); k.Traits().EndByHand {
		return manual{byHand{switchable{k}}}, err
	}
	if k := found(s); k.Traits().Guided {
		if s.g.kind != nil {
			return s.g.kind(switchable{k}), err
		}
		return byHand{switchable{k}}, err
	}
	if k := found(s); k.Traits().UndoOfEnd {
		return switchable{k}, err
	}
	if s.g.usedAt != nil {
		return counting{found(s)}, err
	}
	if s.g.others != "" {
		return busy{found(s)}, err
	}
	if s.g.model != "" {
		return modelled{found(s)}, err
	}
	if s.g.placed {
		return placed{found(s)}, err
	}
	return found(s), err
}

// counting is the kind whose service tells when a key was used.
type counting struct{ found }

func (k counting) LastUsed(_ context.Context, id providers.ID, since time.Time) (at time.Time, err error) {
	err = k.g.effect("last used", func() error {
		if used := k.g.usedAt[id]; used.After(since) {
			at = used
		}
		return nil
	})
	return at, err
}

// placed is the kind that must be told the environment; without it every
// credential would be made in the same account.
type placed struct{ found }

func (k placed) IssueIn(ctx context.Context, env, label string) (providers.Credential, error) {
	k.g.places = append(k.g.places, env)
	return k.Issue(ctx, label)
}

// switchable is the kind whose credentials can be switched off and on.
type switchable struct{ found }

func (k switchable) Disable(_ context.Context, id providers.ID) error {
	return k.g.effect("disable", func() error { k.g.off[id] = true; return nil })
}

func (k switchable) Enable(_ context.Context, id providers.ID) error {
	return k.g.effect("enable", func() error { delete(k.g.off, id); return nil })
}

type found struct{ g *rig }

var form = regexp.MustCompile(`^(key-[a-z0-9]+)(?::|$)`)

func (f found) Traits() providers.Traits {
	t := providers.Traits{
		Kind: "test key", Service: "the service", Shape: providers.Overlap, PublicID: true, FreeProbe: true, EndIs: "deleted at once",
		Waits: providers.Waits{Settle: 10 * time.Second, Hold: time.Minute, ProbeEvery: 5 * time.Second, ProbeFor: time.Minute},
	}
	if f.g.traits != nil {
		f.g.traits(&t)
	}
	return t
}

func (found) Identify(v providers.Values) (providers.ID, error) {
	m := form.FindStringSubmatch(v["FAL_KEY"].Reveal())
	if m == nil {
		return "", fault.New("identifying", fault.Garbled, "form")
	}
	return providers.ID(m[1]), nil
}

func (f found) Issue(_ context.Context, label string) (providers.Credential, error) {
	var c providers.Credential
	err := f.g.effect("issue", func() error {
		id := providers.ID(fmt.Sprintf("key-new%d", len(f.g.issued)+1))
		value := string(id) + ":fedcba9876543210fedcba9876"
		f.g.issued = append(f.g.issued, id)
		f.g.keys[id] = key{label, value}
		c = providers.Credential{ID: id, Label: label, Values: providers.Values{"FAL_KEY": secret.New(value)}, Made: time.Now()}
		return nil
	})
	return c, err
}

func (f found) List(context.Context) ([]providers.Credential, error) {
	var all []providers.Credential
	err := f.g.effect("list", func() error {
		for id, k := range f.g.keys {
			all = append(all, providers.Credential{ID: id, Label: k.label})
		}
		return nil
	})
	return all, err
}

func (f found) Probe(_ context.Context, v providers.Values) (providers.Finding, error) {
	answer := providers.Finding{Liveness: providers.Refused, Answer: "401"}
	err := f.g.effect("probe", func() error {
		f.g.expire()
		if f.g.mute {
			answer = providers.Finding{Liveness: providers.Unclear, Answer: "429"}
		}
		for id, k := range f.g.keys {
			if k.value == v["FAL_KEY"].Reveal() && !f.g.off[id] && !f.g.mute {
				answer = providers.Finding{Liveness: providers.Alive, Answer: "200"}
			}
		}
		return nil
	})
	return answer, err
}

func (f found) End(_ context.Context, id providers.ID) error {
	return f.g.effect("end", func() error {
		f.g.ended = append(f.g.ended, id)
		delete(f.g.keys, id)
		return nil
	})
}

// accepted reports whether the service takes the key now.
func (g *rig) accepted(id providers.ID) bool {
	_, listed := g.keys[id]
	return listed && !g.off[id]
}

// The vault.

type vault struct{ g *rig }

func (v vault) entry(env string, n int) deploy.Entry {
	version := v.g.vault[env][n-1]
	return deploy.Entry{ID: "entry-" + env, Name: "FAL_KEY", Version: n, Value: secret.New(version.value), Metadata: version.note, Made: version.made}
}

func (v vault) Read(_ context.Context, env string, names []string) (map[string]deploy.Entry, error) {
	var e deploy.Entry
	err := v.g.effect("read "+env, func() error { e = v.entry(env, len(v.g.vault[env])); return nil })
	if err != nil {
		return nil, err
	}
	return map[string]deploy.Entry{"FAL_KEY": e}, nil
}

func (v vault) ReadVersion(_ context.Context, env, _ string, n int) (deploy.Entry, error) {
	var e deploy.Entry
	err := v.g.effect("read version "+env, func() error {
		if v.g.gone[env] {
			return fault.New("reading a version", fault.NotFound, "")
		}
		e = v.entry(env, n)
		return nil
	})
	return e, err
}

func (v vault) Write(_ context.Context, env string, changes []deploy.Assignment) (map[string]deploy.Entry, error) {
	var e deploy.Entry
	sent := false
	v.g.in(func() { v.g.offered[env] = changes })
	if betrays(changes) {
		return nil, deploy.Unwritten(&fault.Error{Op: "writing", Class: fault.Never, Reason: fault.Invalid, Detail: "a note holds a value"})
	}
	err := v.g.effect("write "+env, func() error {
		if changes[0].From != len(v.g.vault[env]) {
			return fault.New("writing", fault.ChangedByOther, "")
		}
		sent = true
		v.g.vault[env] = append(v.g.vault[env], version{changes[0].Value.Reveal(), changes[0].Note, time.Now()})
		e = v.entry(env, len(v.g.vault[env]))
		return nil
	})
	if err != nil && !sent && refusal(err) {
		return nil, deploy.Unwritten(err)
	}
	if err != nil {
		return nil, err
	}
	return map[string]deploy.Entry{"FAL_KEY": e}, nil
}

// betrays reports a note that gives a value away, as deploy/infisical looks for it.
func betrays(changes []deploy.Assignment) bool {
	return slices.ContainsFunc(changes, func(of deploy.Assignment) bool {
		return slices.ContainsFunc(changes, func(a deploy.Assignment) bool {
			return !a.Public && slices.ContainsFunc(slices.Collect(maps.Values(of.Note)), func(text string) bool { return strings.Contains(text, a.Value.Reveal()) })
		})
	})
}

// refusal reports what a vault says that did not take a write and keeps none.
func refusal(err error) bool {
	f := fault.Of(err)
	return f.Class != fault.Lost && f.Reason != fault.HeldForApproval && f.Reason != fault.Unexplained
}

// listing is the vault that tells what else it holds.
type listing struct{ vault }

func (v listing) All(context.Context, string) ([]deploy.Entry, error) {
	var all []deploy.Entry
	err := v.g.effect("list names", func() error { all = slices.Clone(v.g.names); return nil })
	return all, err
}

// The application.

type target struct {
	g   *rig
	env string
}

func (d target) Trigger(_ context.Context, r deploy.Request) (deploy.Handle, error) {
	err := d.g.effect("deploy "+d.env, func() error {
		if _, known := d.g.deploys[r.ID]; !known {
			d.g.deploys[r.ID] = deploy.Running
		}
		return nil
	})
	return deploy.Handle{ID: r.ID, Deployment: "dep-" + r.ID, URL: "https://target.example/?" + d.g.running[d.env]}, err
}

func (d target) Status(_ context.Context, h deploy.Handle) (deploy.Status, error) {
	var s deploy.Status
	err := d.g.effect("status "+d.env, func() error {
		if d.g.deploys[h.ID] == deploy.Running {
			d.g.deploys[h.ID] = deploy.Live
			if !d.g.misled[d.env] {
				d.g.running[d.env] = d.g.vault[d.env][len(d.g.vault[d.env])-1].value
			}
		}
		s = deploy.Status{Phase: d.g.deploys[h.ID], Deployment: "dep-" + h.ID, Said: d.g.said("status " + d.env)}
		return nil
	})
	return s, err
}

type app struct {
	g   *rig
	env string
}

func (a app) Attest(_ context.Context, _ string, fresh, stale secret.Value) (deploy.Testimony, error) {
	t := deploy.Testimony{Instances: []string{"i-1"}, Deployment: "dep"}
	err := a.g.effect("attest "+a.env, func() error {
		switch secretOf := secret.New(a.g.running[a.env]); {
		case secretOf.Equal(fresh):
			t.New, t.Agreed = 3, true
		case secretOf.Equal(stale):
			t.Old = 3
		default:
			t.Other = 3
		}
		if a.g.hears != nil {
			a.g.hears(a.env, &t)
		}
		return nil
	})
	return t, err
}

type works struct {
	g   *rig
	env string
}

func (c works) Measure(context.Context, deploy.Window) deploy.Measurement {
	m := deploy.Measurement{Outcome: deploy.Bad, Requests: 1, Detail: "502"}
	err := c.g.effect("affected "+c.env, func() error {
		m.Said = c.g.said("affected " + c.env)
		if id := c.g.needs[c.env]; id != "" && !c.g.accepted(id) {
			return nil
		}
		for id, k := range c.g.keys {
			if k.value == c.g.running[c.env] && c.g.accepted(id) {
				m = deploy.Measurement{Outcome: deploy.OK, Requests: 1}
			}
		}
		return nil
	})
	if err != nil {
		return deploy.Measurement{Outcome: deploy.Error, Detail: "not asked"}
	}
	return m
}

type logs struct{ g *rig }

func (c logs) Measure(_ context.Context, w deploy.Window) deploy.Measurement {
	var m deploy.Measurement
	if err := c.g.effect("logs", func() error { m = c.g.measure(w); m.Said = c.g.said("logs"); return nil }); err != nil {
		return deploy.Measurement{Outcome: deploy.Error, Detail: "not asked"}
	}
	return m
}

// The people.

type ballot struct{ g *rig }

func (b ballot) Marks(context.Context, *Rotation, int) (Marks, error) {
	var m Marks
	err := b.g.effect("marks", func() error { m = b.g.marks; return nil })
	return m, err
}

func (g *rig) mark(yes bool, p Person, s Standing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.marks.Marks = append(slices.Clone(g.marks.Marks), Mark{Person: p, Standing: s, Yes: yes, Path: "emoji"})
}

func (g *rig) unmark() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.marks.Marks = nil
}

// in changes or looks at the world while engines run in it.
func (g *rig) in(do func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	do()
}

// count is how often a call was made so far.
func (g *rig) count(call string) (n int) {
	g.in(func() { n = g.counts[call] })
	return n
}

// run drives an engine until the rotation has come to rest in one of the
// states, or the bubble's time is up.
func (g *rig) run(ctx context.Context, e *Engine) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := e.Run(ctx); err != nil {
			g.t.Error(err)
		}
	}()
	return func() { cancel(); <-done }
}

// until waits in the bubble's time for a state.
func (g *rig) until(e *Engine, key string, states ...State) *Rotation {
	g.t.Helper()
	for range 800 {
		r, err := e.Load(g.t.Context(), key)
		if err != nil {
			g.t.Fatal(err)
		}
		if slices.Contains(states, r.State) {
			return r
		}
		if !pause(g.t.Context(), 5*time.Second) {
			break
		}
	}
	r, _ := e.Load(context.Background(), key)
	step, _ := r.Step()
	g.t.Fatalf("the rotation is %s at %s, not %v; problem: %+v", r.State, step, states, r.Problem)
	return nil
}

// pass lets the time of a bubble go by.
func pass(d time.Duration) { <-time.After(d) }

// start begins the rotation of the rig's secret.
func (g *rig) start(e *Engine) *Rotation {
	g.t.Helper()
	r, err := e.Start(g.t.Context(), g.order())
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

// order is what this world's rotation is asked for with.
func (g *rig) order() Order {
	o := Order{Secret: "fal_key", Requester: requester, Mode: g.mode, RevokeFirst: g.first}
	if g.mode == Emergency {
		o.Reason = "it is on github"
	}
	if g.staging && g.mode == Emergency {
		o.Environment = Staging
	}
	return o
}

// swapped makes staging's credential the one that has leaked: what is said of
// production is true of staging, and the other way round.
func (g *rig) swapped() {
	g.staging = true
	g.vault[Staging], g.vault[Production] = g.vault[Production], g.vault[Staging]
	g.running[Staging], g.running[Production] = g.running[Production], g.running[Staging]
	if g.holds != nil {
		g.holds[Staging], g.holds[Production] = g.holds[Production], g.holds[Staging]
	}
	was := g.configure
	g.configure = func(s *Subject) {
		if was != nil {
			was(s)
		}
		staging, production := s.Stages[Staging], s.Stages[Production]
		staging.Checks = production.Checks
		s.Stages[Staging] = staging
	}
}

// approve marks the card and has it counted.
func (g *rig) approve(e *Engine, r *Rotation) {
	g.t.Helper()
	g.mark(true, approver, mayVote)
	g.consider(e, r)
}

func (g *rig) consider(e *Engine, r *Rotation) Tally {
	g.t.Helper()
	g.mu.Lock()
	m := g.marks
	g.mu.Unlock()
	t, err := e.Consider(g.t.Context(), r.Key(), r.Card.Number, m)
	if errors.Is(err, errReplicaDied) { // whoever counts next finds the same marks
		t, err = e.Consider(g.t.Context(), r.Key(), r.Card.Number, m)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return t
}

// journal reads the events of a rotation.
func (g *rig) journal(key string) []event.Event {
	g.t.Helper()
	rows, err := g.store.Events(context.Background(), key, 0, 1000)
	if err != nil {
		g.t.Fatal(err)
	}
	var all []event.Event
	for _, row := range rows {
		ev, err := event.Decode(row.Seq, row.Body)
		if err != nil {
			g.t.Fatal(err)
		}
		all = append(all, ev)
	}
	return all
}

// invariants holds the world against what must never be broken, whatever
// happened.
func (g *rig) invariants(r *Rotation) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, env := range environments() {
		if !slices.Contains(slices.Collect(maps.Values(valuesLive(g.keys))), g.running[env]) {
			g.t.Errorf("%s runs on a key that is dead", env)
		}
	}
	for _, id := range g.ended {
		if id == "key-old" && r.State != Succeeded && len(r.Ends) == 0 {
			g.t.Errorf("the old key was ended by a rotation that does not know of it")
		}
	}
	for id := range g.keys {
		inVault := false
		for _, env := range environments() {
			inVault = inVault || strings.HasPrefix(g.vault[env][len(g.vault[env])-1].value, string(id)+":")
		}
		if !inVault && id != "key-old" && r.State.Final() {
			g.t.Errorf("%s lives, is used nowhere, and the rotation is over", id)
		}
	}
}

func valuesLive(keys map[providers.ID]key) map[providers.ID]string {
	values := make(map[providers.ID]string)
	for id, k := range keys {
		values[id] = k.value
	}
	return values
}

var errReplicaDied = errors.New("the replica died")
