package rotation

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/trail"
	"rekey/providers"
	"rekey/rotation/audit"
	"rekey/rotation/event"
)

// ledger is what the service and the vault of a rig have noted of uses. Its first
// source fades with a key, its second one is none.
type ledger struct {
	g     *rig
	notes []note
	fades bool                                       // nothing is told of a key that was ended
	hold  func(ctx context.Context, id string) error // before an answer about a key
}

type note struct {
	id        providers.ID
	at        time.Time
	ip, agent string
}

func (l *ledger) use(id providers.ID, ip, agent string) {
	l.g.in(func() { l.notes = append(l.notes, note{id, time.Now(), ip, agent}) })
}

// told is a kind with a ledger.
type told struct {
	found
	l *ledger
}

var ledgers = []trail.Source{{Name: "requests", Tells: "all", Fades: true}, {Name: "objects", Blind: "nobody keeps a log"}}

func (told) Sources() []trail.Source { return ledgers }

func (k told) Uses(ctx context.Context, id providers.ID, over trail.Window) ([]trail.Trail, error) {
	if k.l.hold != nil {
		if err := k.l.hold(ctx, string(id)); err != nil {
			return nil, err
		}
	}
	g := trail.NewGather(over)
	err := k.g.effect("uses "+string(id), func() error {
		for _, n := range k.l.notes {
			if n.id == id && (!k.l.fades || k.g.accepted(id)) {
				g.Add(n.at, trail.Said{What: "GET /", From: n.ip, Agent: n.agent})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return []trail.Trail{g.Trail(ledgers[0], trail.Complete, ""), trail.None(ledgers[1], "Cannot audit: nobody keeps a log.")}, nil
}

// noting is the service with a ledger.
type noting struct {
	service
	l *ledger
}

func (n noting) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	_, err := n.service.Survey(ctx, current)
	return told{found(n.service), n.l}, err
}

// guarded is the vault with a ledger: somebody's laptop lists the folder.
type guarded struct{ vault }

func (guarded) Sources() []trail.Source {
	return []trail.Source{{Name: "vault log", Tells: "who read"}}
}

func (v guarded) Readings(_ context.Context, _ string, _ []string, over trail.Window) ([]trail.Trail, error) {
	g := trail.NewGather(over)
	g.Add(over.From.Add(time.Minute), trail.Said{What: "listed", Who: "laptop", From: "203.0.113.66"})
	g.Add(over.From.Add(time.Minute), trail.Said{What: "read", Who: "Rekey", Own: true})
	return []trail.Trail{g.Trail(v.Sources()[0], trail.Complete, "")}, nil
}

// newLedger gives a rig's service and vault one.
func (g *rig) newLedger() *ledger {
	l := &ledger{g: g}
	g.configure = func(s *Subject) {
		s.Provider, s.Vault = noting{service{g}, l}, guarded{vault{g}}
	}
	return l
}

// startAudited begins a rotation whose plan has an audit.
func (g *rig) startAudited(e *Engine) *Rotation {
	g.t.Helper()
	s, err := e.subject("FAL_KEY")
	if err != nil {
		g.t.Fatal(err)
	}
	found, err := e.survey(g.t.Context(), s, routineWish)
	if err != nil {
		g.t.Fatal(err)
	}
	r := found.rotation(newID(), Order{Secret: s.Name, Requester: requester, Exposed: time.Now().Add(-time.Hour)}, time.Now())
	r.Plan = slices.Insert(slices.Clone(r.Plan), len(r.Plan)-1, Step{Act: Audit})
	if err := e.create(g.t.Context(), s, r); err != nil {
		g.t.Fatal(err)
	}
	return r
}

// through drives an audited rotation to its end.
func (g *rig) through(e *Engine, r *Rotation) *Rotation {
	g.t.Helper()
	g.approve(e, g.until(e, r.Key(), Asking))
	return g.until(e, r.Key(), Succeeded)
}

func (g *rig) eventOf(key string, k event.Kind) event.Event {
	g.t.Helper()
	all := g.journal(key)
	at := slices.IndexFunc(all, func(e event.Event) bool { return e.Kind == k })
	if at < 0 {
		g.t.Fatalf("no event %s", k)
	}
	return all[at]
}

func TestAuditFindsTheThief(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		l := g.newLedger()
		l.fades = true
		l.use("key-old", "198.51.100.10", "app/1")
		l.use("key-old", "203.0.113.66", "curl "+oldValue)
		pause(t.Context(), 2*time.Second)
		e := g.engine("a")
		defer g.run(t.Context(), e)()
		r := g.startAudited(e)
		r = g.until(e, r.Key(), Asking)
		l.use("key-new1", "198.51.100.10", "app/1")
		l.use("key-old", "203.0.113.66", "curl/8") // after the application has moved
		pause(t.Context(), 2*time.Minute)          // what was read beside the plan is old by now
		r = g.through(e, r)
		c := r.Audit
		var got []string
		for _, f := range c.Findings() {
			got = append(got, f.Line.IP+" "+f.Rank.String())
		}
		want := []string{"203.0.113.66 by an unknown identity", "203.0.113.66 by an unknown identity",
			"203.0.113.66 after the application had moved to the new one", "203.0.113.66 from an unknown address", "198.51.100.10 usual"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		g.in(func() {
			if before, end := slices.Index(g.touched, "uses key-old"), slices.Index(g.touched, "end"); before < 0 || before > end {
				t.Errorf("what fades with the key was not read before its end")
			}
		})
		said := g.eventOf(r.Key(), event.Audited)
		if !strings.Contains(said.Text, "4 findings need an answer") || !strings.Contains(said.Text, "Cannot audit: objects.") || said.Facts["unusual"] != "4" {
			t.Errorf("%q %v", said.Text, said.Facts)
		}
		body, _ := json.Marshal(r)
		for _, text := range []string{string(body), said.Text, string(c.CSV()), string(c.Markdown())} {
			if secret.New(text).Contains(secret.New(oldValue)) {
				t.Error("the audit repeats the value that the thief called himself by")
			}
		}
		if !strings.Contains(string(c.CSV()), "curl [secret]") {
			t.Errorf("the agent is not there, masked:\n%s", c.CSV())
		}
		if s, _ := c.Find(audit.Old, "requests", "key-old"); s.Completeness != audit.Partial || !strings.Contains(s.Why, "is not known") {
			t.Errorf("the source fades, and is %s: %s", s.Completeness, s.Why)
		}
	})
}

// A log that does not answer holds neither the plan nor the end.
func TestAuditHoldsNothingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		l := g.newLedger()
		l.hold = func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return &fault.Error{Op: "asking", Class: fault.Again, Reason: fault.TimedOut}
		}
		e := g.engine("a")
		defer g.run(t.Context(), e)()
		plain := newRig(t)
		o := plain.engine("b")
		defer plain.run(t.Context(), o)()
		r, twin := g.startAudited(e), plain.start(o)
		asked := g.until(e, r.Key(), Asking)
		alike := plain.until(o, twin.Key(), Asking)
		if a, b := asked.Card.Asked.Sub(asked.Started), alike.Card.Asked.Sub(alike.Started); a != b {
			t.Errorf("with an audit people are asked after %s, without after %s", a, b)
		}
		approved := time.Now()
		g.approve(e, asked)
		r = g.until(e, r.Key(), Succeeded)
		sent := r.Ends[""].Sent
		if waited := sent.Sub(approved); waited > 31*time.Second {
			t.Errorf("the end waited %s for a log", waited)
		}
		said := g.eventOf(r.Key(), event.Audited)
		if !strings.Contains(said.Text, "Cannot audit: requests; objects") || !strings.Contains(said.Text, "no proof") {
			t.Error(said.Text)
		}
	})
}

// A replica that dies takes nothing with it that the next one cannot read again.
func TestAuditGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		l := g.newLedger()
		l.fades = true
		l.use("key-old", "203.0.113.66", "curl/8")
		pause(t.Context(), 2*time.Second)
		a := g.engine("a")
		stop := g.run(t.Context(), a)
		r := g.startAudited(a)
		asked := g.until(a, r.Key(), Asking)
		stop()
		b := g.engine("b")
		stop = g.run(t.Context(), b)
		g.approve(b, asked)
		for range 600 {
			if g.count("end") > 0 {
				break
			}
			pause(t.Context(), time.Second)
		}
		stop() // the old key is gone, and what it was used for with it
		c := g.engine("c")
		defer g.run(t.Context(), c)()
		r = g.until(c, r.Key(), Succeeded)
		s, known := r.Audit.Find(audit.Old, "requests", "key-old")
		if !known || len(s.Lines) != 1 || s.Lines[0].IP != "203.0.113.66" {
			t.Errorf("%+v", r.Audit)
		}
	})
}

// A service and a vault that tell nothing are told as such.
func TestNothingToAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("a")
		defer g.run(t.Context(), e)()
		r := g.through(e, g.startAudited(e))
		said := g.eventOf(r.Key(), event.Audited)
		for _, part := range []string{"Cannot audit: uses at the service; uses at the vault for FAL_KEY in staging; uses at the vault for FAL_KEY in production.", "no proof"} {
			if !strings.Contains(said.Text, part) {
				t.Errorf("%q is not in %s", part, said.Text)
			}
		}
	})
}

// The window begins when somebody says, or when the key was made, or long ago.
func TestWhereAnAuditBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		l := g.newLedger()
		g.traits = nil
		e := g.engine("a")
		s, _ := e.subject("FAL_KEY")
		found, err := e.survey(t.Context(), s, routineWish)
		if err != nil {
			t.Fatal(err)
		}
		w := &run{e: e, subject: s, r: found.rotation("x", Order{Secret: "FAL_KEY"}, time.Now())}
		_ = l
		if from, basis := w.exposed(t.Context()); time.Since(from) < 89*24*time.Hour || !strings.Contains(basis, "90 days") {
			t.Errorf("%s: %s", from, basis)
		}
		w.r.Exposed = time.Now().Add(-3 * time.Hour)
		if from, basis := w.exposed(t.Context()); time.Since(from) > 4*time.Hour || basis != "as somebody said" {
			t.Errorf("%s: %s", from, basis)
		}
	})
}
