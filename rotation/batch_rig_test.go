package rotation

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/secret"
	"rekey/state/statetest"
)

// fleet is several worlds around one store, one for each secret: "S1", "S2" …,
// each at a service of its own unless told otherwise.
type fleet struct {
	t     *testing.T
	store *statetest.Memory
	rigs  []*rig
	setup func(*Config)
	asked map[string]int // requests seen, by secret
}

func newFleet(t *testing.T, n int) *fleet {
	f := &fleet{t: t, store: statetest.NewMemory(), asked: make(map[string]int)}
	for range n {
		g := newRig(t)
		g.store = f.store
		f.rigs = append(f.rigs, g)
	}
	return f
}

func secretNo(i int) string { return fmt.Sprintf("S%d", i+1) }

func (f *fleet) engine(name string) *Engine {
	fp, err := secret.NewKey(secret.New(strings.Repeat("k", 32)))
	if err != nil {
		f.t.Fatal(err)
	}
	c := Config{
		Installation: "test", Replica: name, Key: fp, Store: f.store, Ballot: f,
		Log: slog.New(slog.NewTextHandler(f.t.Output(), &slog.HandlerOptions{Level: slog.LevelError + 4})),
	}
	for i, g := range f.rigs {
		own := g.configure
		g.configure = func(s *Subject) {
			s.Name, s.Service, s.Title, s.Slots = secretNo(i), fmt.Sprintf("svc%d", i), fmt.Sprintf("Service %d", i), nil
			if own != nil {
				own(s)
			}
		}
		c.Subjects = append(c.Subjects, g.subject())
		g.configure = own
	}
	if f.setup != nil {
		f.setup(&c)
	}
	e, err := New(c)
	if err != nil {
		f.t.Fatal(err)
	}
	return e
}

// Marks implements Ballot.
func (f *fleet) Marks(ctx context.Context, r *Rotation, card int) (Marks, error) {
	if r.Card.Together != r.Sheaf.Covers(r) {
		f.t.Errorf("%s is asked together: %t, and on %+v", r.Secret, r.Card.Together, r.Sheaf)
	}
	return ballot{f.of(r.Secret)}.Marks(ctx, r, card)
}

// together has every secret asked about on one card.
func (f *fleet) together() {
	for _, g := range f.rigs {
		own := g.configure
		g.configure = func(s *Subject) {
			s.Policy.EmergencyOnce, s.Policy.EmergencyRemind = true, 5*time.Minute
			if own != nil {
				own(s)
			}
		}
	}
}

// sign approves a card of the batch: what is on it is counted for each rotation
// by itself.
func (f *fleet) sign(e *Engine, p *Progress, card int) {
	f.t.Helper()
	for _, part := range p.Parts {
		if r := part.Rotation; r != nil && p.Card(card).Covers(r) && r.Card.State == CardOpen {
			f.of(part.Secret).approve(e, r)
		}
	}
}

func (f *fleet) of(name string) *rig {
	for i, g := range f.rigs {
		if secretNo(i) == name {
			return g
		}
	}
	f.t.Fatalf("there is no %s", name)
	return nil
}

func (f *fleet) cry(e *Engine) *Batch {
	f.t.Helper()
	b, err := e.StartBatch(f.t.Context(), Alarm{Requester: requester, Reason: "a laptop was stolen"})
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// until waits in the bubble's time for a batch to be as asked.
func (f *fleet) until(e *Engine, b *Batch, what string, is func(*Progress) bool) *Progress {
	f.t.Helper()
	var p *Progress
	for range 1500 {
		var err error
		if p, err = e.Batch(context.Background(), b.Key()); err != nil {
			f.t.Fatal(err)
		}
		if is(p) {
			return p
		}
		pass(time.Second)
	}
	for _, part := range p.Parts {
		f.t.Logf("%s: %s %q", part.Secret, part.Stand, part.Why)
		if part.Rotation != nil {
			f.t.Logf("   %s %+v", part.Rotation.State, part.Rotation.Problem)
		}
	}
	f.t.Fatalf("the batch never came to: %s", what)
	return nil
}

func all(s Stand) func(*Progress) bool {
	return func(p *Progress) bool { return p.Count(s) == len(p.Parts) }
}

func over(p *Progress) bool { return !p.Ended.IsZero() }

// approve has the approver approve every request that is open.
func (f *fleet) approve(e *Engine, p *Progress) {
	f.t.Helper()
	for _, part := range p.Parts {
		if part.Stand == Asks {
			f.of(part.Secret).approve(e, part.Rotation)
		}
	}
}

// lively approves whatever is asked, until the batch is as wanted.
func (f *fleet) lively(e *Engine, b *Batch, what string, is func(*Progress) bool) *Progress {
	f.t.Helper()
	return f.until(e, b, what, func(p *Progress) bool {
		for _, part := range p.Parts {
			if part.Stand == Asks && part.Rotation.Card.State == CardOpen && (!part.Rotation.Card.Together || p.covering(part.Rotation) != nil) && f.asked[part.Rotation.ID] != part.Rotation.Card.Number {
				f.asked[part.Rotation.ID] = part.Rotation.Card.Number
				f.of(part.Secret).approve(e, part.Rotation)
			}
		}
		return is(p)
	})
}

// begun are the rotations that the store ever had of a secret.
func (f *fleet) begun(e *Engine, name string) int {
	f.t.Helper()
	open, err := e.Open(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	closed, err := e.Recent(context.Background(), 100)
	if err != nil {
		f.t.Fatal(err)
	}
	n := 0
	for _, r := range slices.Concat(open, closed) {
		if r.Secret == name {
			n++
		}
	}
	return n
}
