package rotation

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// cards counts the requests that people were shown under a key.
func (g *rig) cards(key string, kind event.Kind) (n int) {
	g.t.Helper()
	for _, ev := range g.journal(key) {
		if ev.Kind == kind {
			n++
		}
	}
	return n
}

// TestBatchOnce: one card for what is ready together; it counts for each rotation
// by itself, and is looked up again before each act.
func TestBatchOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3)
		f.together()
		f.rigs[1].before = func(call string, n int) error {
			if call == "deploy "+Production && n < 3 {
				return &fault.Error{Op: "deploying", Class: fault.Again, Reason: fault.Unreachable} // for a moment
			}
			return nil
		}
		f.rigs[2].before = func(call string, n int) error {
			if call == "deploy "+Production && n < 6 {
				return &fault.Error{Op: "deploying", Class: fault.Again, Reason: fault.Unreachable} // for some minutes
			}
			return nil
		}
		e := f.engine("one")
		defer f.rigs[0].run(t.Context(), e)()
		b := f.cry(e)
		p := f.until(e, b, "the first card", func(p *Progress) bool { return len(p.Cards) == 1 })
		if s := p.Cards[0]; len(s.Sheets) != 2 || s.Asked.Sub(b.Started) > 3*time.Minute {
			t.Fatalf("asked %s after the alarm about %v", s.Asked.Sub(b.Started), s.Secrets())
		}
		for _, part := range p.Parts[:2] {
			if f.rigs[0].cards(part.Rotation.Key(), event.Card) != 0 || f.rigs[0].cards(part.Rotation.Key(), event.Joined) != 1 {
				t.Errorf("%s asks by itself", part.Secret)
			}
		}
		f.sign(e, p, 1)
		p = f.until(e, b, "the second card", func(p *Progress) bool { return len(p.Cards) == 2 })
		if p.Count(Buried) != 2 || len(p.Cards[1].Sheets) != 1 || p.Cards[1].Sheets[0].Secret != "S3" {
			t.Errorf("%v, second card about %v", p.facts(), p.Cards[1].Secrets())
		}
		f.sign(e, p, 2)
		p = f.until(e, b, "over", over)
		if p.Count(Buried) != 3 || f.rigs[0].cards(b.Key(), event.Card) != 2 {
			t.Errorf("%v", p.facts())
		}
		for _, g := range f.rigs {
			if g.count("marks") == 0 {
				t.Error("an approval was not looked up at the act")
			}
		}
	})
}

// TestBatchOnceFalls: where the evidence of one is no longer what was approved,
// that one asks by itself, and the others go on; a batch's card is repeated.
func TestBatchOnceFalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3)
		f.together()
		e := f.engine("one")
		defer f.rigs[0].run(t.Context(), e)()
		b := f.cry(e)
		p := f.until(e, b, "the card", func(p *Progress) bool { return len(p.Cards) == 1 && p.Count(Asks) == 3 })
		pass(40 * time.Minute)
		if n := f.rigs[0].cards(b.Key(), event.Nagged); n < 3 || n > 8 {
			t.Errorf("repeated %d times in 40 minutes", n)
		}
		f.rigs[1].in(func() {
			v := f.rigs[1].vault[Production]
			f.rigs[1].vault[Production] = append(v, v[len(v)-1]) // somebody edited a comment
		})
		f.sign(e, p, 1)
		p = f.until(e, b, "one asks again", func(p *Progress) bool { return p.Count(Buried) == 2 && p.Count(Asks) == 1 })
		r := p.Parts[1].Rotation
		var ended []providers.ID
		f.rigs[1].in(func() { ended = slices.Clone(f.rigs[1].ended) })
		if r.Card.Together || r.Card.Number != 2 || len(ended) > 0 || f.rigs[1].cards(r.Key(), event.Card) != 1 {
			t.Errorf("%+v, ended %v", r.Card, ended)
		}
		f.approve(e, p)
		f.until(e, b, "over", over)
	})
}

// TestBatchVeto: one no keeps every key that the card is about, for those for
// whom the person is entitled.
func TestBatchVeto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2)
		f.together()
		e := f.engine("one")
		defer f.rigs[0].run(t.Context(), e)()
		b := f.cry(e)
		p := f.until(e, b, "the card", func(p *Progress) bool { return len(p.Cards) == 1 && p.Count(Asks) == 2 })
		for i, part := range p.Parts {
			f.rigs[i].mark(false, approver, Standing{Member: true, Approver: i == 0})
			f.rigs[i].consider(e, part.Rotation)
		}
		pass(time.Minute)
		if p, _ = e.Batch(t.Context(), b.Key()); p.Parts[0].Stand != Wanting || p.Parts[1].Stand != Asks {
			t.Errorf("%v", p.facts())
		}
	})
}

// TestSheafIsBound: a card covers exactly what it was made of.
func TestSheafIsBound(t *testing.T) {
	r := &Rotation{ID: "a", Secret: "S1", PlanHash: "p", Card: &Card{Number: 1, Evidence: "e"}}
	sheets := []Sheet{sheetOf(r)}
	hash, err := hashOf(sheets)
	if err != nil {
		t.Fatal(err)
	}
	whole := Sheaf{Sheets: sheets, Hash: hash}
	if !whole.Covers(r) || (*Sheaf)(nil).Covers(r) {
		t.Error("what was asked is not covered")
	}
	for name, change := range map[string]func(*Rotation, *Sheaf){
		"evidence": func(r *Rotation, _ *Sheaf) { r.Card.Evidence = "f" },
		"plan":     func(r *Rotation, _ *Sheaf) { r.PlanHash = "q" },
		"card":     func(r *Rotation, _ *Sheaf) { r.Card.Number = 2 },
		"rotation": func(r *Rotation, _ *Sheaf) { r.ID = "b" },
		"added":    func(_ *Rotation, s *Sheaf) { s.Sheets = append(s.Sheets, Sheet{Rotation: "z"}) },
		"hash":     func(_ *Rotation, s *Sheaf) { s.Hash = "" },
	} {
		other, card, s := *r, *r.Card, whole
		other.Card = &card
		change(&other, &s)
		if s.Covers(&other) {
			t.Errorf("covered after another %s", name)
		}
	}
}
